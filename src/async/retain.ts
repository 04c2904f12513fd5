import type { Fifo } from './fifo.ts';

/** Leaves in a queue only what `isWanted` says, in order. Not a method: most that have queues never need it. */
export function retain<T>(queue: Fifo<T>, isWanted: (item: T) => boolean): void {
  for (let left = queue.size; left > 0; left--) {
    const item = queue.shift() as T;
    if (isWanted(item)) queue.push(item);
  }
}
