/** Handing over work: the requests on the wire, and how much a worker asks for. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LeasedLink, Prefetch } from '../../../src/cluster/worker-link/leased-link.ts';
import type { Bytes } from '../../../src/protocol/bytes.ts';
import { EnvelopeCodec } from '../../../src/protocol/envelope.ts';
import { Feature, type PalmMessage, palmMessage } from '../../../src/protocol/message.ts';
import {
  encodeWorkRefusal,
  encodeWorkReply,
  encodeWorkRequest,
  LARGEST_OFFERS,
  LAST_LEASE,
  LONGEST_WORKER_ID,
  LONGEST_WORKER_NAME,
  MOST_ITEMS,
  OFFERS,
  offersMessage,
  readOffers,
  readWorkReply,
  readWorkRequest,
  resultOf,
  type WorkRequest,
} from '../../../src/protocol/work-request.ts';
import { clock } from '../../support/clock.ts';

const anItem = fc.record({
  lease: fc.integer({ min: 1, max: LAST_LEASE }),
  kind: fc.integer({ min: 0, max: 2 }),
  frame: fc.uint8Array({ maxLength: 300 }).map((frame) => new Uint8Array(frame)),
});

describe('requests for work', () => {
  const codec = new EnvelopeCodec();

  it('come out as they went in', () => {
    const aRequest = fc.record({
      worker: fc.string({ minLength: 1 }),
      name: fc.string(),
      sequence: fc.integer({ min: 1 }),
      want: fc.nat(100_000),
      leaves: fc.constant(false),
      isAway: fc.constant(false),
      items: fc.array(anItem, { maxLength: 20, size: 'max' }),
    });
    fc.assert(
      fc.property(aRequest, (request) => {
        expect(readWorkRequest(codec.decode(encodeWorkRequest(codec, request)))).toEqual(request);
        expect(readWorkReply(codec, encodeWorkReply(codec, request.items))).toEqual(request.items);
      }),
    );
  });

  it.each(['', '0', '01', '1x', 'x1', '-1', '1.5', '1e3', ' 1', '1 ', '9007199254740992'])(
    'have no number %j',
    (cache) => {
      expect(() => readWorkRequest(palmMessage({ client: 'w', cache }))).toThrow(
        expect.objectContaining({
          code: 'PROTOCOL',
          message: 'a request for work needs a worker, a number and a count',
        }),
      );
    },
  );

  it('say what is too much or unknown in them', () => {
    const message = { client: 'w', cache: '1' };
    const refusals = [
      [
        { ...message, client: 'w'.repeat(LONGEST_WORKER_ID + 1) },
        'TOO_LARGE',
        /256 characters, and its name 128;/,
      ],
      [
        { ...message, payload: new Uint8Array([7, 0]) },
        'PROTOCOL',
        /^an item of work has an unknown kind: 3$/,
      ],
      [
        { ...message, payload: new Uint8Array(2 * MOST_ITEMS + 2) },
        'TOO_LARGE',
        /^a message of work has 16384 items at most$/,
      ],
    ] as const;
    for (const [fields, code, text] of refusals)
      expect(() => readWorkRequest(palmMessage(fields))).toThrow(
        expect.objectContaining({ code, message: expect.stringMatching(text) }),
      );
    expect(() => readWorkReply(codec, codec.encode(palmMessage({})))).toThrow(
      'the server gave no work: its reply is not one to a request for work',
    );
  });

  it('have results of which a worker decides four fields', () => {
    const decided = { payload: new Uint8Array([1]), status: 1, error: 'e', errorName: 'E' };
    expect(resultOf(palmMessage({ ...decided, client: 'c', stage: 3, cache: 'k' }))).toEqual(decided);
  });

  it('say that a worker leaves, or that its link broke', () => {
    const away = { worker: 'w', name: 'n', sequence: 1, want: 0, leaves: false, isAway: true, items: [] };
    expect(readWorkRequest(codec.decode(encodeWorkRequest(codec, away)))).toEqual(away);
    const request = { worker: 'w', name: 'n', sequence: 3, want: 0, leaves: true, isAway: false, items: [] };
    expect(readWorkRequest(codec.decode(encodeWorkRequest(codec, request)))).toEqual(request);
  });

  it('say whether the worker takes notices of cancelled calls', () => {
    const request = { worker: 'w', name: 'n', sequence: 1, want: 1, leaves: false, isAway: false, items: [] };
    const read = (takesCancels?: boolean) =>
      readWorkRequest(codec.decode(encodeWorkRequest(codec, { ...request, takesCancels })));
    expect(read(true)).toEqual({ ...request, takesCancels: true });
    for (const takesNone of [false, undefined]) expect(read(takesNone)).toEqual(request);
  });

  it('are refused when they are none, whatever the bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.string(), (payload, cache) => {
        const message = palmMessage({ client: 'w', cache, payload: new Uint8Array(payload) });
        try {
          readWorkRequest(message);
        } catch (error) {
          expect(error).toMatchObject({ code: 'PROTOCOL' });
        }
      }),
    );
    for (const fields of [
      { client: '', cache: '1' },
      { client: 'w', cache: '0' },
      { client: 'w', stage: -3 },
    ]) {
      expect(() => readWorkRequest(palmMessage({ cache: '1', ...fields }))).toThrow(
        expect.objectContaining({ code: 'PROTOCOL' }),
      );
    }
    expect(() => readWorkReply(codec, new Uint8Array(0))).toThrow(
      expect.objectContaining({ code: 'PROTOCOL' }),
    );
  });
});

describe('limits of a request for work', () => {
  const request = (fields: Partial<PalmMessage>) => palmMessage({ client: 'w', cache: '1', ...fields });
  const tooLarge = expect.objectContaining({ code: 'TOO_LARGE' });

  it.each([
    ['id', 'client', LONGEST_WORKER_ID],
    ['name', 'pipeline', LONGEST_WORKER_NAME],
  ] as const)('the %s of a worker', (_what, field, limit) => {
    for (const length of [limit - 1, limit]) {
      expect(readWorkRequest(request({ [field]: 'x'.repeat(length) }))).toBeDefined();
    }
    expect(() => readWorkRequest(request({ [field]: 'x'.repeat(limit + 1) }))).toThrow(tooLarge);
  });

  it('the items of one', () => {
    const items = (count: number) => Uint8Array.from({ length: 2 * count }, (_, i) => (i % 2 === 0 ? 4 : 0));
    for (const count of [MOST_ITEMS - 1, MOST_ITEMS]) {
      expect(readWorkRequest(request({ payload: items(count) })).items).toHaveLength(count);
    }
    expect(() => readWorkRequest(request({ payload: items(MOST_ITEMS + 1) }))).toThrow(tooLarge);
  });

  it('the kinds of items', () => {
    const item = (kind: number) => new Uint8Array([4 + kind, 0]);
    for (const kind of [0, 1, 2])
      expect(readWorkRequest(request({ payload: item(kind) })).items).toHaveLength(1);
    expect(() => readWorkRequest(request({ payload: item(3) }))).toThrow(
      expect.objectContaining({ code: 'PROTOCOL' }),
    );
  });
});

describe('what a worker says of its functions', () => {
  const codec = new EnvelopeCodec();
  const offers = new Uint8Array([1, 2]);

  it('comes out as it went in', () => {
    const read = (isPushed?: boolean) => {
      const offer = { worker: 'w', name: 'n', offers, ...(isPushed !== undefined && { isPushed }) };
      const message = codec.decode(codec.encode(offersMessage(offer)));
      expect(message).toMatchObject({ function: OFFERS, features: Feature.replies | Feature.work });
      return readOffers(message);
    };
    expect(read(true)).toEqual({ worker: 'w', name: 'n', offers, isPushed: true });
    for (const isPushed of [false, undefined])
      expect(read(isPushed)).toEqual({ worker: 'w', name: 'n', offers });
  });

  it.each([
    ['no worker', { client: '' }],
    ['a kind of worker that is not known', { stage: 2 }],
    ['a kind below all', { stage: -1 }],
  ])('is refused with %s', (_what, fields) => {
    const message = palmMessage({ client: 'w', ...fields });
    expect(() => readOffers(message)).toThrow(
      expect.objectContaining({
        code: 'PROTOCOL',
        message:
          'what functions take and give needs a worker that has them, which asks for work or is pushed to',
      }),
    );
  });

  it('has limits', () => {
    const read = (fields: Partial<PalmMessage>) => () => readOffers(palmMessage({ client: 'w', ...fields }));
    const payload = (length: number) => ({ payload: new Uint8Array(length) });
    expect(read(payload(LARGEST_OFFERS))().offers).toHaveLength(LARGEST_OFFERS);
    expect(read(payload(LARGEST_OFFERS + 1))).toThrow(
      expect.objectContaining({
        code: 'TOO_LARGE',
        message: 'what a worker says of its functions may have 262144 bytes, not 262145',
      }),
    );
    expect(read({ client: 'w'.repeat(LONGEST_WORKER_ID + 1) })).toThrow(
      expect.objectContaining({ code: 'TOO_LARGE' }),
    );
  });
});

describe('a worker whose request is refused', () => {
  it('can tell its Master that what it held is for others', async () => {
    const codec = new EnvelopeCodec();
    const asked: WorkRequest[] = [];
    const ask = async (frame: Bytes) => {
      asked.push(readWorkRequest(codec.decode(frame)));
      return encodeWorkRefusal(codec, 'no');
    };
    const work = new LeasedLink({ ask, id: 'me', name: 'w', clock, concurrency: 1 });
    await expect(work.next()).rejects.toThrow(/no$/);
    await work.forsake();
    expect(asked.map(({ leaves }) => leaves)).toEqual([false, true]);
    expect(new Set(asked.map(({ worker }) => worker)).size).toBe(1);
  });
});

describe('how much a worker asks for', () => {
  it('is what it can begin, as long as it does not know how long that takes', () => {
    expect(new Prefetch(1).want(0)).toBe(1);
    expect(new Prefetch(1).want(1)).toBe(0);
    expect(new Prefetch(4).want(1)).toBe(3);
  });

  it('is no more than that where functions take their time', () => {
    const prefetch = new Prefetch(2);
    for (let i = 0; i < 50; i++) prefetch.took(10);
    expect(prefetch.want(0)).toBe(3);
    expect(prefetch.want(2)).toBe(0);
    for (let i = 0; i < 50; i++) prefetch.took(100);
    expect(prefetch.want(0)).toBe(2);
  });

  it('is a batch where they are quick, asked for before the last is used up', () => {
    const prefetch = new Prefetch(1);
    prefetch.took(0.01);
    expect(prefetch.want(0)).toBe(257);
    expect(prefetch.want(200)).toBe(0);
    expect(prefetch.want(100)).toBe(157);
  });

  it('shrinks at once when one is slow', () => {
    const prefetch = new Prefetch(1);
    prefetch.took(0.01);
    prefetch.isSlow(20);
    expect(prefetch.want(0)).toBe(1);
  });
});
