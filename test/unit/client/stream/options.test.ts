import { describe, expect, it } from 'vitest';
import { checkInput } from '../../../../src/client/call.ts';
import { checkOptions, type MapOptions } from '../../../../src/client/stream/options.ts';

const check = (options: object) => checkOptions(options as MapOptions);
const refusal = (message: string) => expect.objectContaining({ code: 'INVALID_CALL', message, sent: false });

describe('options of jobs and maps', () => {
  it('are taken when they are acceptable', () => {
    const options = {
      window: 1,
      messages: 0,
      total: 0,
      retries: 0,
      timeout: 0.5,
      deadline: Infinity,
      retryDelay: 1,
      idleTimeout: Infinity,
      ordered: false,
      cache: 'c',
    };
    expect(() => check(options)).not.toThrow();
    expect(() => check({ retries: Infinity })).not.toThrow();
    expect(() => check({ window: undefined })).not.toThrow();
  });

  it.each([
    [{ window: 0 }, 'window must be a whole number from 1 on, not 0'],
    [{ messages: -1 }, 'messages must be a whole number from 0 on, not -1'],
    [{ messages: Infinity }, 'messages must be a whole number from 0 on, not Infinity'],
    [{ total: 1.5 }, 'total must be a whole number from 0 on, not 1.5'],
    [{ retries: -1 }, 'retries must be a whole number from 0 on, not -1'],
    [{ retries: '1' }, 'retries must be a whole number from 0 on, not "1"'],
    [{ timeout: 0 }, 'timeout must be milliseconds above 0, or Infinity, not 0'],
    [{ deadline: 0 }, 'deadline must be milliseconds above 0, or Infinity, not 0'],
    [{ retryDelay: 0 }, 'retryDelay must be milliseconds above 0, or Infinity, not 0'],
    [{ idleTimeout: 0 }, 'idleTimeout must be milliseconds above 0, or Infinity, not 0'],
    [{ ordered: 1 }, 'ordered must be true or false, not 1'],
    [{ detached: 'yes' }, 'detached must be true or false, not "yes"'],
    [{ concurrency: 5 }, 'concurrency belongs to roles: give window'],
    [{ window: null }, 'window must be a whole number from 1 on, not null'],
  ])('%j: %s', (options, message) => {
    expect(() => check(options)).toThrow(refusal(message));
  });
});

describe('payloads', () => {
  it('are anything that can be iterated, or read', () => {
    async function* values() {}
    for (const own of [[], new Set(), values(), { getReader: () => {} }, new Map(), new Blob([])])
      expect(() => checkInput(own)).not.toThrow();
  });

  it.each([
    [undefined, 'undefined'],
    [null, 'null'],
    ['text', '"text"'],
    [{}, 'an object'],
    [{ stream: () => {} }, 'an object'],
    [{ slice: () => {} }, 'an object'],
    [new Uint8Array(2), 'a Uint8Array'],
    [new DataView(new ArrayBuffer(1)), 'a DataView'],
    [Symbol('s'), 'Symbol(s)'],
  ])('are not %s', (own, shown) => {
    expect(() => checkInput(own)).toThrow(
      expect.objectContaining({
        code: 'INVALID_CALL',
        message: `payloads must be an iterable, a stream or a Blob, not ${shown}`,
      }),
    );
  });
});
