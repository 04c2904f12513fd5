/** `frond/relay`: lets pages and scripts use a cluster over WebSocket, without giving them the network. */

export { openTokenFile, type TokenFileOptions } from './auth/token-file.ts';
export { readTokens, type Tokens } from './auth/tokens.ts';
// Names of 0.1, until 0.3.
/** @deprecated {@link UpstreamTarget} */
/** @deprecated {@link ConnectionInfo} */
export type {
  Authenticate,
  CacheScope,
  ConnectionInfo,
  ConnectionInfo as Visitor,
  Grants,
  RelayChanges,
  RelayIdentity,
  RelayLimits,
  RelayOptions,
  UpstreamTarget,
  UpstreamTarget as Target,
} from './options.ts';
export { createRelay, type Relay } from './relay.ts';
