/** `frond/relay`: lets pages and scripts use a cluster over WebSocket, without giving them the network. */

export { openTokenFile, type TokenFileOptions } from './auth/token-file.ts';
export { readTokens, type Tokens } from './auth/tokens.ts';
export type {
  Authenticate,
  CacheScope,
  Grants,
  RelayChanges,
  RelayIdentity,
  RelayLimits,
  RelayOptions,
  Target,
  Visitor,
} from './options.ts';
export { createRelay, type Relay } from './relay.ts';
