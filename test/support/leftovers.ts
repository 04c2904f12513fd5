/** What a process holds that roles could leave behind: handles, timers, descriptors, memory. */
import { readdirSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

/** Milliseconds in which ZeroMQ's own threads give back what was closed. */
const RELEASE = 3_000;

/** Milliseconds without a change after which none is to come. */
const QUIET = 300;

/** By kind, how many there are. */
export function held(): Record<string, number> {
  const counts: Record<string, number> = { descriptors: descriptors() };
  for (const kind of process.getActiveResourcesInfo()) counts[kind] = (counts[kind] ?? 0) + 1;
  return counts;
}

/** Sockets have descriptors, ZeroMQ's too. Only Linux tells them. */
function descriptors(): number {
  try {
    return readdirSync('/proc/self/fd').length;
  } catch {
    return 0;
  }
}

/** What is held once nothing more goes. */
export async function settled(): Promise<Record<string, number>> {
  for (let before = ''; ; ) {
    const now = held();
    if (JSON.stringify(now) === before) return now;
    before = JSON.stringify(now);
    await new Promise((resolve) => setTimeout(resolve, QUIET));
  }
}

/** What is held beyond `before`, once everything had its time to go: empty when nothing is. */
export async function leftovers(before: Record<string, number>): Promise<Record<string, number>> {
  const deadline = performance.now() + RELEASE;
  for (;;) {
    const more = Object.entries(held()).flatMap(([kind, count]) => {
      const excess = count - (before[kind] ?? 0);
      return excess > 0 ? [[kind, excess] as const] : [];
    });
    if (more.length === 0 || performance.now() > deadline) return Object.fromEntries(more);
    await new Promise(setImmediate);
  }
}

/** Mebibytes of heap and array buffers, once what can go has gone. */
export async function megabytes(): Promise<number> {
  for (let i = 0; i < 4; i++) {
    collect();
    // Other threads give back in this time what they held.
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return (heapUsed + arrayBuffers) / 2 ** 20;
}
