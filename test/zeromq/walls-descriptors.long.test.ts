/** Processes with few file descriptors: they live, serve those that are connected, and serve others once there are some again. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { until, within } from '../support/wait.ts';
import { dialRaw } from '../support/zmtp.ts';
import { startWalls } from './walls-child.ts';

const run = promisify(execFile);
const SCRIPT = fileURLToPath(new URL('descriptors-process.ts', import.meta.url));

interface Outcome {
  readonly error: { readonly code: string; readonly message: string } | null;
  /** What came of it once there were descriptors again. */
  readonly later: unknown;
}

/** Has a process use a verb of a connection with so few descriptors left, one after another. */
async function withFew(verb: string, frees: readonly number[], isFirst: boolean): Promise<Outcome[]> {
  const node = [process.execPath, '--import', 'tsx', SCRIPT, verb, String(isFirst), ...frees.map(String)];
  const limited = ['-c', 'ulimit -n 200; exec "$@"', 'sh', ...node];
  const { stdout } = await run('sh', limited, { timeout: 30_000 });
  return JSON.parse(stdout);
}

const VERBS = [
  'reply',
  'pull',
  'push',
  'publish',
  'dial-push',
  'dial-pull',
  'dial-subscribe',
  'dial-request',
];

/** How a process that has too few descriptors is told, and that it can go on. */
const TOLD = {
  error: { code: 'INVALID_CALL', message: expect.stringContaining('ulimit -n') },
  later: null,
};

describe('a process with few descriptors', () => {
  it.each(VERBS)(
    'lives through %s, is told what to do, and can do it later',
    async (verb) => {
      const frees = [0, 1, 2, 3, 5, 9];
      expect(await withFew(verb, frees, false)).toEqual(frees.map(() => TOLD));
      expect(await withFew(verb, [20], false)).toEqual([{ error: null, later: null }]);
    },
    60_000,
  );

  it.each([0, 4, 6, 8])(
    'lives through its first socket with %i left',
    async (free) => {
      expect(await withFew('pull', [free], true)).toEqual([TOLD]);
    },
    30_000,
  );

  it.each(['db', 'pub', 'workerPull'] as const)(
    'serves those that are connected while strangers take all that is left through %s, and others when they go',
    async (socket) => {
      await using child = await startWalls({}, 96);
      const honest = await child.connect();
      await child.serves(honest);
      // More than there are descriptors, and fewer than the system lets wait for them.
      const strangers = await Promise.all(
        Array.from({ length: 110 }, () => dialRaw(child.addresses[socket])),
      );
      await within(
        10_000,
        until(() => strangers.some(({ received }) => received > 0)),
      );
      await child.serves(honest);
      const started = performance.now();
      const before = child.cpu();
      for (let i = 0; i < 20; i++) await child.serves(honest);
      await child.answers();
      // libzmq tries to accept the others again and again, 300 000 times a second.
      const seconds = Math.max(1, (performance.now() - started) / 1_000);
      expect((child.cpu() - before) / seconds).toBeLessThan(0.9);
      for (const stranger of strangers) await stranger[Symbol.asyncDispose]();
      await child.serves();
      await child.serves(honest);
      expect(child.end).toBeUndefined();
    },
    60_000,
  );
});
