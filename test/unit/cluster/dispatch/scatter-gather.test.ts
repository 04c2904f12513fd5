/** What scatter and gather do with a message: what goes on, what becomes of failures, and what is counted. */
import { describe, expect, it, vi } from 'vitest';
import {
  gatherStep,
  scatterStep,
  type TransformSettings,
} from '../../../../src/cluster/dispatch/scatter-gather.ts';
import { PalmError } from '../../../../src/protocol/errors.ts';
import { type PalmMessage, palmMessage, Status } from '../../../../src/protocol/message.ts';
import { bytes, textOf } from '../../../support/bytes.ts';

const call = (fields: Partial<PalmMessage> = {}) =>
  palmMessage({ client: 'c/1', function: 'm.f', payload: bytes('x'), ...fields });

function ground(transform: (message: PalmMessage, context: never) => unknown) {
  const tally = { ended: 0 };
  const failures: PalmMessage[] = [];
  const running = new Set<unknown>();
  const settings = {
    transform,
    tally,
    onFailure: (failure: PalmMessage) => failures.push(failure),
    logger: { debug: vi.fn(), info: vi.fn(), warning: vi.fn(), error: vi.fn() },
    includeStack: false,
    cancellations: {
      begin: (own: unknown) => running.add(own),
      end: (own: unknown) => running.delete(own),
      closing: new AbortController().signal,
    },
  } as unknown as TransformSettings;
  const out: PalmMessage[] = [];
  const emit = vi.fn(async (message: PalmMessage): Promise<boolean> => {
    out.push(message);
    return true;
  });
  return { settings, tally, failures, running, out, emit };
}

const texts = (messages: readonly PalmMessage[]) => messages.map(({ payload }) => textOf(payload));

describe.each([
  ['scatter', scatterStep],
  ['gather', gatherStep],
])('%s', (kind, stepOf) => {
  it('passes each part on, as a copy: the next part may be the same message, changed', async () => {
    const own = ground(function* (message) {
      for (const part of ['a', 'b']) {
        message.payload = bytes(part);
        yield message;
      }
    });
    await stepOf(own.settings)(call(), own.emit);
    expect(texts(own.out)).toEqual(['a', 'b']);
    expect([own.tally.ended, own.failures, own.running.size]).toEqual([0, [], 0]);
  });

  it('takes lists and async generators, too', async () => {
    const parts = [call({ payload: bytes('a') }), call({ payload: bytes('b') })];
    const lists = [
      () => parts,
      async function* () {
        yield* parts;
      },
    ];
    for (const transform of lists) {
      const own = ground(transform);
      await stepOf(own.settings)(call(), own.emit);
      expect(texts(own.out)).toEqual(['a', 'b']);
    }
  });

  it('counts a message of which nothing goes on', async () => {
    const own = ground(() => []);
    await stepOf(own.settings)(call(), own.emit);
    expect([own.tally.ended, own.out, own.failures]).toEqual([1, [], []]);
  });

  it('keeps the cache field of the message for parts that have none', async () => {
    const own = ground(() => [call({ cache: 'own' }), call()]);
    await stepOf(own.settings)(call({ cache: 'given' }), own.emit);
    expect(own.out.map(({ cache }) => cache)).toEqual(['own', 'given']);
  });

  it('goes no further when nobody takes what it gives', async () => {
    let given = 0;
    let isLeft = false;
    const own = ground(function* () {
      try {
        for (;;) {
          given++;
          yield call();
        }
      } finally {
        isLeft = true;
      }
    });
    own.emit.mockResolvedValueOnce(true).mockResolvedValueOnce(false);
    await stepOf(own.settings)(call(), own.emit);
    expect([given, isLeft, own.tally.ended, own.running.size]).toEqual([2, true, 0, 0]);
  });

  it('answers the original caller when it throws, after the parts before', async () => {
    const own = ground(function* (message) {
      yield message;
      message.client = 'somebody else';
      throw new RangeError('too far');
    });
    await stepOf(own.settings)(call(), own.emit);
    expect(texts(own.out)).toEqual(['x']);
    expect(own.failures).toMatchObject([
      { client: 'c/1', status: Status.failed, error: 'too far', errorName: 'RangeError' },
    ]);
    expect([own.tally.ended, own.running.size]).toEqual([0, 0]);
  });

  it.each([
    [
      'nothing',
      () => undefined,
      'scatter and gather must return an iterable of messages, as generators do, not undefined',
    ],
    [
      'a string',
      () => 'x',
      'scatter and gather must return an iterable of messages, as generators do, not "x"',
    ],
    [
      'bytes as parts',
      () => [bytes('x')],
      'scatter and gather must give messages whose payload is a Uint8Array, not a Uint8Array',
    ],
    [
      'null as a part',
      () => [null],
      'scatter and gather must give messages whose payload is a Uint8Array, not null',
    ],
    [
      'a part without a payload',
      () => [{}],
      'scatter and gather must give messages whose payload is a Uint8Array, not an object',
    ],
    [
      'a payload that is a string',
      () => [{ payload: 'x' }],
      'must give messages whose payload is a Uint8Array',
    ],
  ])('that gives %s fails, and the caller hears of it', async (_what, transform, message) => {
    const own = ground(transform);
    await stepOf(own.settings)(call(), own.emit);
    expect(own.failures).toMatchObject([{ status: Status.failed, error: expect.stringContaining(message) }]);
    expect([own.out, own.running.size]).toEqual([[], 0]);
  });

  it('goes on when its call is cancelled: it may give messages of other calls', async () => {
    const seen: boolean[] = [];
    const own = ground(async function* (message: PalmMessage, context: { readonly signal: AbortSignal }) {
      const [running] = own.running as Set<{ cancel(reason: PalmError): boolean }>;
      const { signal } = context;
      // The message itself is not dropped.
      seen.push(signal.aborted, running?.cancel(new PalmError('CANCELLED', 'left')) === true, signal.aborted);
      yield message;
    } as never);
    await stepOf(own.settings)(call(), own.emit);
    expect(seen).toEqual([false, false, true]);
    expect(texts(own.out)).toEqual(['x']);
  });

  if (kind === 'scatter')
    it('gives a message without a value in its cache field one, which all of its parts share', async () => {
      const own = ground((message) => [{ ...message }, { ...message, cache: '' }]);
      const step = stepOf(own.settings);
      await step(call(), own.emit);
      await step(call(), own.emit);
      await step(call({ cache: 'given' }), own.emit);
      const values = own.out.map(({ cache }) => cache);
      expect(values[0]).not.toBe('');
      expect(values[1]).toBe(values[0]);
      expect(values[2]).not.toBe(values[0]);
      expect(values.slice(4)).toEqual(['given', 'given']);
    });
  else
    it('gives none', async () => {
      const own = ground((message) => [message]);
      await stepOf(own.settings)(call(), own.emit);
      expect(own.out[0]?.cache).toBe('');
    });
});
