/** The options of functions in threads: what is taken, and what is refused by its name. */
import { expect, it, vi } from 'vitest';
import { checkThreads, MOST_THREADS } from '../../../../../src/cluster/runtime/threads/options.ts';
import { startThreads } from '../../../../../src/cluster/runtime/threads/start-threads.ts';
import { playThreads } from '../../../../support/played-thread.ts';
import { until, within } from '../../../../support/wait.ts';

const module = 'file:///app/functions.js';
const LEAST = 4 * 1_048_576;

it('a module has as many threads as the machine runs, without a limit of memory, and a second to end', () => {
  const settings = { module, count: 'auto', memory: undefined, grace: 1_000 };
  expect(checkThreads({ module })).toEqual(settings);
  expect(checkThreads({ module: new URL(module), threads: 'auto' })).toEqual(settings);
});

it.each([1, MOST_THREADS])('%d threads are possible', (threads) => {
  expect(checkThreads({ module, threads })?.count).toBe(threads);
});

it('memory and time are as they are given', () => {
  expect(checkThreads({ module, threadMemory: LEAST, threadGrace: 5 })).toMatchObject({
    memory: LEAST,
    grace: 5,
  });
  const forever = Number.POSITIVE_INFINITY;
  expect(checkThreads({ module, threadGrace: forever })?.grace).toBe(forever);
});

const count = `threads must be 'auto' or a whole number from 1 to ${MOST_THREADS}, not `;
const url = "module must be an absolute URL, such as new URL('./functions.js', import.meta.url), not ";

it.each([
  [{ threads: 0 }, `${count}0`],
  [{ threads: MOST_THREADS + 1 }, `${count}257`],
  [{ threads: 1.5 }, `${count}1.5`],
  [{ threads: 'many' }, `${count}"many"`],
  [{ threads: '2' }, `${count}"2"`],
  [{ threadMemory: LEAST - 1 }, 'threadMemory'],
  [{ threadMemory: 'x' }, 'threadMemory'],
  [{ threadGrace: -1 }, 'threadGrace'],
  [{ module: './functions.js' }, `${url}"./functions.js"`],
  [{ module: 5 }, `${url}5`],
  [{ module: null }, `${url}null`],
  [{ module: { toString: () => 'file:///app/functions.js' } }, `${url}an object`],
])('%j is refused', (options, message) => {
  expect(() => checkThreads({ module, ...options } as never)).toThrow(
    expect.objectContaining({ code: 'INVALID_CALL', message: expect.stringContaining(message) }),
  );
});

it('a role has the threads of its module', async () => {
  const made = playThreads();
  const info = vi.fn();
  const logger = { debug: info, info, warning: info, error: info };
  const closing = new AbortController();
  const starting = startThreads({ module, threads: 1 }, { name: 'role', logger, closing: closing.signal });
  await within(
    10_000,
    until(() => made.length > 0),
  );
  made[0]?.ready('f');
  const pool = await starting;
  expect([made.length, pool?.count, Object.keys(pool?.functions ?? {})]).toEqual([1, 1, ['f']]);
  // The name is the role's, and what it logs goes to its logger.
  await pool?.close();
  expect(() => pool?.functions['f']?.(new Uint8Array(0), {} as never)).toThrow('"role" is closed');
  vi.restoreAllMocks();
});

it('without a module there are no threads, and nothing to say of them', async () => {
  expect(checkThreads({})).toBeUndefined();
  expect(await startThreads({}, {} as never)).toBeUndefined();
  for (const [name, value] of [
    ['threads', 1],
    ['threads', 'auto'],
    ['threadMemory', LEAST],
    ['threadGrace', 5],
  ] as const)
    expect(() => checkThreads({ [name]: value })).toThrow(
      expect.objectContaining({
        code: 'INVALID_CALL',
        message: `${name} is for the functions of a module: give module: new URL('./functions.js', import.meta.url)`,
      }),
    );
});
