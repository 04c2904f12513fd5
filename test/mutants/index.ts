import type { Mutant } from './mutant.ts';
import { CLIENT } from './rooms/client.ts';
import { PROTOCOL } from './rooms/protocol.ts';
import { RELAY } from './rooms/relay.ts';

export const MUTANTS: readonly Mutant[] = [...PROTOCOL, ...CLIENT, ...RELAY];
