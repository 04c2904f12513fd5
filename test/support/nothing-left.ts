/**
 * After each test file of client, cluster, conformance and relay, what the process holds is as it was before: handles, sockets, servers, timers and
 * descriptors. Vitest runs this around every file (`setupFiles`).
 */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { afterAll, beforeAll, expect } from 'vitest';
import { held, leftovers } from './leftovers.ts';

/** Files of `test` that must leave nothing. The long ones of the conformance suite bind with CURVE over libzmq, which keeps a context for that. */
const WATCHED = /\/test\/(client|cluster|relay)\/|\/test\/conformance\/[\w-]+\.test\.ts$/;

/** Descriptors that a process keeps once it has loaded libzmq, and more from its first socket on. */
const OF_LIBZMQ = 1;
const OF_ITS_THREADS = 4;

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
    const ofLibzmq = hasLibzmq ? OF_LIBZMQ + (hasThreadsOfLibzmq() ? OF_ITS_THREADS : 0) : 0;
    return readdirSync('/proc/self/fd').filter(isWatch).length + ofLibzmq;
  } catch {
    return 0;
  }
}

/** Another file of tests in this process may have loaded it without a socket. */
function hasThreadsOfLibzmq(): boolean {
  const nameOf = (thread: string) => {
    try {
      return readFileSync(`/proc/self/task/${thread}/comm`, 'utf8');
    } catch {
      // It has ended.
      return '';
    }
  };
  return readdirSync('/proc/self/task').some((thread) => nameOf(thread).startsWith('ZMQ'));
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
