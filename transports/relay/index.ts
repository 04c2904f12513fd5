/** `frond/relay`: gives pages and scripts access to a cluster over WebSocket, but not to its network. */

export type { MetadataGrants } from './auth/metadata-rules.ts';
export { openTokenFile, type TokenFileOptions } from './auth/token-file.ts';
export { readTokens, type Tokens } from './auth/tokens.ts';
export type {
  Authenticate,
  CacheScope,
  ConnectionInfo,
  /** @deprecated The name of 0.1, until 0.3: use {@link ConnectionInfo}. */
  ConnectionInfo as Visitor,
  Grants,
  RelayChanges,
  RelayIdentity,
  RelayLimits,
  RelayOptions,
  RelayPeers,
  UpstreamTarget,
  /** @deprecated The name of 0.1, until 0.3: use {@link UpstreamTarget}. */
  UpstreamTarget as Target,
} from './options.ts';
export { createRelay, type Relay } from './relay.ts';
