/**
 * After each test file of client, cluster and relay, what the process holds is as it was before: handles, sockets, servers, timers and
 * descriptors. Vitest runs this around every file (`setupFiles`).
 */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { afterAll, beforeAll, expect } from 'vitest';
import { held, leftovers } from './leftovers.ts';

/** Folders of `test` whose files must leave nothing. */
const WATCHED = /\/test\/(client|cluster|relay)\//;

/** Descriptors that libzmq opens for itself with the first socket of a process, and keeps. */
const OF_LIBZMQ = 5;

/** Descriptors that a process keeps once it has used ZeroMQ, or watched a file. Only Linux tells. */
function kept(): number {
  try {
    const isWatch = (descriptor: string) => {
      try {
        return readlinkSync(`/proc/self/fd/${descriptor}`) === 'anon_inode:inotify';
      } catch {
        // It was that of the folder.
        return false;
      }
    };
    const hasLibzmq = readFileSync('/proc/self/maps', 'utf8').includes('zeromq');
    return readdirSync('/proc/self/fd').filter(isWatch).length + (hasLibzmq ? OF_LIBZMQ : 0);
  } catch {
    return 0;
  }
}

/** Milliseconds after which timers are not those by which Vitest reports the tests that it found. */
const REPORTED = 250;

/** What is held before the first test. A timer of Vitest's own would stand for one that the tests leave. */
async function heldBefore(): Promise<Record<string, number>> {
  const end = performance.now() + REPORTED;
  for (;;) {
    const now = held();
    if (now['Timeout'] === undefined || performance.now() > end) return now;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

if (WATCHED.test(expect.getState().testPath ?? '')) {
  const keptBefore = kept();
  let before: Record<string, number> = {};
  beforeAll(async () => {
    before = await heldBefore();
  });
  afterAll(async () => {
    before['descriptors'] = (before['descriptors'] ?? 0) + kept() - keptBefore;
    expect(await leftovers(before), 'what the tests of this file have left behind').toEqual({});
  });
}
