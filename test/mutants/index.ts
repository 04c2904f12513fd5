import type { Mutant } from './mutant.ts';
import { PROTOCOL } from './rooms/protocol.ts';

export const MUTANTS: readonly Mutant[] = [...PROTOCOL];
