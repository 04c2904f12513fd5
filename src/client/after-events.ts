import { type Macrotasks, macrotasks } from '../async/macrotask.ts';

/** Runs a function after the events that are waiting now. Those of one link run in their order. */
export function afterEvents(link: { macrotasks?: Macrotasks | undefined }, run: () => void): void {
  link.macrotasks ??= macrotasks();
  link.macrotasks(run);
}
