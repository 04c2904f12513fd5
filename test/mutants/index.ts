import type { Mutant } from './mutant.ts';
import { CLIENT } from './rooms/client.ts';
import { CLUSTER } from './rooms/cluster.ts';
import { PROTOCOL } from './rooms/protocol.ts';
import { RELAY } from './rooms/relay.ts';
import { SHARED } from './rooms/shared.ts';
import { WEBSOCKET } from './rooms/websocket.ts';
import { ZEROMQ } from './rooms/zeromq.ts';
import { ZMTP } from './rooms/zmtp.ts';

export const MUTANTS: readonly Mutant[] = [
  ...PROTOCOL,
  ...CLIENT,
  ...CLUSTER,
  ...WEBSOCKET,
  ...RELAY,
  ...ZEROMQ,
  ...ZMTP,
  ...SHARED,
];
