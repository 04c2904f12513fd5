/** What counts of a worker's result: payload and status, whatever else its frame says. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PushedCalls } from '../../../../src/cluster/dispatch/push-workers.ts';
import { WorkerResults } from '../../../../src/cluster/dispatch/worker-results.ts';
import { type Bytes, Slab } from '../../../../src/protocol/bytes.ts';
import { EnvelopeCodec, withCache } from '../../../../src/protocol/envelope.ts';
import { differInPayloadAlone } from '../../../../src/protocol/envelope-alike.ts';
import { type PalmMessage, palmMessage } from '../../../../src/protocol/message.ts';
import { bytes, textOf } from '../../../support/bytes.ts';

const codec = new EnvelopeCodec();
const aText = fc.string({ unit: 'grapheme', maxLength: 200 });
const aPayload = fc.uint8Array({ maxLength: 300 }).map((own) => new Uint8Array(own));
const anEnvelope = fc
  .record({
    pipeline: aText,
    client: aText,
    stage: fc.integer({ min: -3, max: 300 }),
    function: aText,
    cache: aText,
    payload: aPayload,
    features: fc.integer({ min: 0, max: 20 }),
    status: fc.constantFrom(0, 0, 0, 1, 2),
    error: aText,
    errorName: aText,
    ordinal: fc.nat(1_000),
    unknown: fc.constantFrom(new Uint8Array(0), new Uint8Array([0x38, 1])),
  })
  .map((fields) => palmMessage(fields as Partial<PalmMessage>));

/** What the result of a message is, by the rule. */
function ruled(message: PalmMessage, given: PalmMessage): PalmMessage {
  const { payload, status, error, errorName } = given;
  return message.status === 0 ? { ...message, payload, status, error, errorName } : { ...message, payload };
}

describe('the result of a leased message', () => {
  it('is the message with the payload and the status of the result, whatever else the result holds', () => {
    const results = new WorkerResults();
    fc.assert(
      fc.property(anEnvelope, anEnvelope, (message, given) => {
        const frame = codec.encode(message);
        expect(codec.decode(results.of(frame, codec.encode(given)))).toEqual(ruled(message, given));
      }),
    );
  });

  it('is passed on as it came when it differs only in the payload, even with a cache field that was filled in', () => {
    const results = new WorkerResults();
    fc.assert(
      fc.property(anEnvelope, aPayload, (values, payload) => {
        const message = { ...values, client: values.client || 'c' };
        const own = codec.encode(message);
        const frame = message.cache === '' ? withCache(own, bytes('filled-1'), new Slab()) : own;
        const result = codec.encode({ ...codec.decode(frame), payload });
        // Before fields that are not known here a cache field is not put in its place, and the result is made anew, equal to itself.
        const isApart = message.cache === '' && message.payload.length === 0 && message.unknown.length > 0;
        if (isApart) expect(results.of(frame, result)).toEqual(result);
        else expect(results.of(frame, result)).toBe(result);
      }),
    );
  });

  it('is made anew from any other bytes, so that all readers read the same', () => {
    const frame = codec.encode(
      palmMessage({ client: 'me/1', function: 'hub.f next.g', payload: bytes('x') }),
    );
    const honest = codec.encode(
      palmMessage({ client: 'me/1', function: 'hub.f next.g', payload: bytes('y') }),
    );
    // Field 4 again, once as it is written, and once with a longer tag, which pure Python passes over.
    const again = [0x22, 6, ...bytes('next.g')];
    const longer = [0xa2, 0, 6, ...bytes('next.g')];
    for (const more of [again, longer, [0x12, 1, 0x7a], [0x38, 1], [0xc0, 0x3e, 0]]) {
      const made = new Uint8Array([...honest, ...more]);
      expect(differInPayloadAlone(frame, made)).toBe(false);
      expect(new WorkerResults().of(frame, made)).toEqual(honest);
    }
  });

  it('is always read as the message with another payload when its bytes are passed on', () => {
    fc.assert(
      fc.property(anEnvelope, fc.uint8Array({ maxLength: 400 }), fc.nat(), (values, noise, at) => {
        const message = { ...values, client: values.client || 'c' };
        const frame = codec.encode(message);
        const cut = at % (frame.length + 1);
        const made = new Uint8Array([...frame.subarray(0, cut), ...noise, ...frame.subarray(cut)]);
        if (!differInPayloadAlone(frame, made)) return;
        const read = codec.decode(made);
        expect({ ...read, payload: message.payload }).toEqual(message);
      }),
      { numRuns: 2_000 },
    );
  });

  it('is a failure when the result cannot be read, so that the caller does not wait', () => {
    const frame = codec.encode(palmMessage({ client: 'me/1', function: 'hub.f', ordinal: 4 }));
    const result = codec.decode(new WorkerResults().of(frame, new Uint8Array([0x0a, 200])));
    expect(result).toMatchObject({ client: 'me/1', function: 'hub.f', ordinal: 4, status: 1 });
    expect(result).toMatchObject({
      error: 'the worker returned a result that cannot be read',
      errorName: '',
    });
    expect(textOf(result.payload)).toBe('0');
  });
});

describe('a result of pushed work', () => {
  const call = { pipeline: 'p', client: 'me/1', stage: 1, function: 'first.f hub.g next.h' };
  const encode = (fields: Partial<PalmMessage>): Bytes => codec.encode(palmMessage({ ...call, ...fields }));
  const noted = (...limits: number[]) => {
    const calls = new PushedCalls(...limits);
    calls.note(encode({ cache: 'x', payload: bytes('in') }));
    return calls;
  };

  it('is passed on as it came when its call was pushed', () => {
    const calls = noted();
    for (const fields of [
      {},
      { cache: 'x' },
      { client: 'me/2' },
      { status: 1, error: 'why', errorName: 'E' },
    ]) {
      const result = encode({ payload: bytes('out'), ...fields });
      expect(calls.resultOf(result)).toBe(result);
      expect(calls.resultOf(result)).toBe(result);
    }
  });

  it.each([
    ['client', { client: 'you/1' }],
    ['client without a call', { client: 'me' }],
    ['pipeline', { pipeline: 'q' }],
    ['function', { function: 'first.f hub.g next.secret' }],
    ['stage', { stage: 2 }],
    ['everything', { pipeline: '', client: '', stage: 0, function: '' }],
  ])('does not count under another %s', (_what, fields) => {
    const calls = noted();
    expect(calls.resultOf(encode({ payload: bytes('out') }))).toBeDefined();
    expect(calls.resultOf(encode({ payload: bytes('out'), ...fields }))).toBeUndefined();
  });

  it.each([
    ['client', { client: 'me/2' }, { client: 'yo/1' }],
    ['pipeline', {}, { pipeline: 'q' }],
    ['stage', {}, { stage: 2 }],
    ['function', {}, { function: 'first.f hub.g next.x' }],
  ])(
    'does not count under another %s though one of the same length came just before',
    (_what, before, fields) => {
      const calls = noted();
      const honest = encode({ payload: bytes('out'), ...before });
      for (let i = 0; i < 2; i++) expect(calls.resultOf(honest)).toBe(honest);
      const made = encode({ payload: bytes('out'), ...fields });
      expect(made.length).toBe(honest.length);
      expect(calls.resultOf(made)).toBeUndefined();
      expect(calls.resultOf(honest)).toBe(honest);
    },
  );

  it('is known of each call that was pushed, also when they differ in one character', () => {
    const calls = new PushedCalls();
    const pushed = ['a/1', 'b/1', 'a/2', 'b/1'].map((client) => encode({ client, payload: bytes('in') }));
    for (const frame of pushed) calls.note(frame);
    expect(calls.size).toBe(2);
    for (const frame of pushed) expect(calls.resultOf(frame)).toBe(frame);
  });

  it('is remembered although a plain one was pushed just before it', () => {
    const calls = noted();
    // A field again behind the payload: to our reader, a call of another client.
    const client = bytes('other/1');
    const unusual = new Uint8Array([...encode({ payload: bytes('in') }), 0x12, client.length, ...client]);
    calls.note(unusual);
    expect(calls.resultOf(encode({ client: 'other/1' }))).toBeDefined();
    expect(calls.size).toBe(2);
    // And the next plain one is not taken for it.
    expect(calls.resultOf(encode({ client: 'another/1' }))).toBeUndefined();
  });

  it('does not count under no function though its head is the beginning of one that came just before', () => {
    const calls = noted();
    const honest = encode({ payload: bytes('out') });
    expect(calls.resultOf(honest)).toBe(honest);
    expect(calls.resultOf(encode({ payload: bytes('out'), function: '' }))).toBeUndefined();
    // Nor is such a call taken for one that was pushed before.
    calls.note(encode({ payload: bytes('in') }));
    calls.note(encode({ payload: bytes('in'), function: '' }));
    expect(calls.size).toBe(2);
  });

  it('is remembered of a call that names nothing, as of any other', () => {
    const calls = new PushedCalls();
    const nothing = codec.encode(palmMessage({ payload: bytes('in') }));
    expect(calls.resultOf(nothing)).toBeUndefined();
    calls.note(nothing);
    expect(calls.resultOf(nothing)).toEqual(nothing);
  });

  it('is not one though it begins like the result before it, when a field comes again behind the payload', () => {
    const calls = noted();
    const honest = encode({ payload: bytes('out') });
    expect(calls.resultOf(honest)).toBe(honest);
    const client = bytes('other/1');
    expect(calls.resultOf(new Uint8Array([...honest, 0x12, client.length, ...client]))).toBeUndefined();
  });

  it('is forgotten with its characters, so that as many are remembered each time', () => {
    const length = JSON.stringify(['p', 'me/', 1, 's.f0']).length;
    const calls = new PushedCalls(1_000, 3 * length);
    for (let round = 0; round < 10; round++) {
      calls.note(encode({ function: `s.f${round}` }));
      expect(calls.size).toBe(Math.min(3, round + 1));
    }
  });

  it('is judged as it is read, and passed on so that all readers read the same', () => {
    const calls = noted();
    const honest = encode({ payload: bytes('out') });
    const secret = encode({ payload: bytes('out'), function: 'next.secret' });
    const path = bytes(call.function);
    // Our reader takes the last field: under it, this is a call that was pushed. To others it is not.
    const passing = new Uint8Array([...secret, 0xa2, 0, path.length, ...path]);
    expect(calls.resultOf(passing)).toEqual(honest);
    expect(calls.resultOf(secret)).toBeUndefined();
    expect(calls.resultOf(new Uint8Array([...honest, 0x22, 6, ...bytes('next.g')]))).toBeUndefined();
    expect(calls.resultOf(new Uint8Array([0xff]))).toBeUndefined();
    expect(calls.resultOf(new Uint8Array(0))).toBeUndefined();
  });

  it('is remembered for a number of calls, of which the one that was unused for longest is forgotten', () => {
    const calls = new PushedCalls(3);
    const of = (client: string) => encode({ client });
    for (const client of ['a/1', 'b/1', 'c/1']) calls.note(of(client));
    expect(calls.resultOf(of('a/7'))).toBeDefined();
    calls.note(of('d/1'));
    expect(calls.size).toBe(3);
    const known = ['a/1', 'b/1', 'c/1', 'd/1'].filter((client) => calls.resultOf(of(client)) !== undefined);
    expect(known).toEqual(['a/1', 'c/1', 'd/1']);
  });

  it('is remembered in a number of characters, and the newest call always', () => {
    const calls = new PushedCalls(1_000, 10_000);
    for (let i = 0; i < 50; i++) calls.note(encode({ function: `s.${'f'.repeat(500)}${i}` }));
    expect(calls.size).toBeLessThan(20);
    const large = encode({ function: `s.${'f'.repeat(20_000)}` });
    calls.note(large);
    expect(calls.size).toBe(1);
    expect(calls.resultOf(large)).toBeDefined();
  });
});
