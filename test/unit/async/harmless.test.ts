/** What users give to be called: it ends nothing and holds nothing up, whatever it does. */
import { afterEach, describe, expect, it, vi } from 'vitest';
import { harmless } from '../../../src/async/harmless.ts';
import { Readiness } from '../../../src/async/readiness.ts';
import { atLevel, type Logger } from '../../../src/logging.ts';
import { PalmError } from '../../../src/protocol/errors.ts';
import { guardTap } from '../../../src/tap.ts';

afterEach(() => {
  vi.restoreAllMocks();
});

/** Ways of failing. A rejection that nobody handles fails the test run. */
const failures: Readonly<Record<string, () => unknown>> = {
  'throws an error': () => {
    throw new Error('boom');
  },
  'throws what has no words': () => {
    throw Object.create(null);
  },
  'rejects later': async () => {
    await new Promise(setImmediate);
    throw new Error('boom');
  },
  'gives what is not quite a promise, which throws': () =>
    new Proxy(
      {},
      {
        get: () => {
          throw new Error('boom');
        },
      },
    ),
};

function failing(fail: () => unknown): Logger {
  const method = fail as () => void;
  return { debug: method, info: method, warning: method, error: method };
}

const settled = () => new Promise((resolve) => setTimeout(resolve, 5));

describe.each(Object.entries(failures))('one that %s', (_, fail) => {
  it('is told of once, and its caller goes on', async () => {
    const told: unknown[] = [];
    harmless(fail, (error) => told.push(error));
    await settled();
    expect(told).toHaveLength(1);
  });

  it('as a logger: the line goes to the console', async () => {
    const error = vi.spyOn(console, 'error').mockImplementation(() => {});
    atLevel(failing(fail), 'info').warning('a line', { address: 'x' });
    await settled();
    expect(error.mock.calls).toEqual([['the logger threw:', 'a line address="x"', expect.anything()]]);
  });

  it('as a tap: it is logged at the 1st, 2nd, 4th and 8th time', async () => {
    const lines: unknown[] = [];
    const logger = { ...failing(() => {}), warning: (...line: unknown[]) => lines.push(line) };
    const tap = guardTap(fail as () => void, logger);
    for (let i = 0; i < 15; i++) tap.received('db', 'a', undefined, 1);
    await settled();
    expect(lines).toHaveLength(4);
    expect(lines[3]).toEqual(['the tap threw', { reason: expect.any(String) }]);
  });

  it('as a listener for breaks: the others hear of it', async () => {
    vi.spyOn(console, 'error').mockImplementation(() => {});
    const readiness = new Readiness();
    const heard: string[] = [];
    readiness.onBreak(fail as () => void);
    readiness.onBreak(({ code }) => heard.push(code));
    readiness.setReady();
    readiness.setBroken(new PalmError('DISCONNECTED', 'gone'));
    await settled();
    expect(heard).toEqual(['DISCONNECTED']);
    expect(console.error).toHaveBeenCalledTimes(1);
  });
});

it('what is given besides is left alone', () => {
  const told = vi.fn();
  for (const given of [undefined, null, 7, 'then', {}]) harmless(() => given, told);
  expect(told).not.toHaveBeenCalled();
});
