import { macrotasks } from '../async/macrotask.ts';
import type { CallLink } from './call-link.ts';

/** Runs a function after the events that are waiting now. Those of one link run in their order. */
export function afterEvents(link: CallLink, run: () => void): void {
  link.macrotasks ??= macrotasks();
  link.macrotasks(run);
}
