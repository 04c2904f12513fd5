/** What a client behind a relay was given to work on, and how long that is remembered. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Bytes } from '../../../../../src/protocol/bytes.ts';
import { EnvelopeCodec } from '../../../../../src/protocol/envelope.ts';
import { type PalmMessage, palmMessage } from '../../../../../src/protocol/message.ts';
import { progressField } from '../../../../../src/protocol/progress.ts';
import { AssignedWork, WorkAssignments } from '../../../../../transports/relay/session/assigned-work.ts';
import type { Upstream } from '../../../../../transports/relay/upstream/upstream.ts';
import { bytes } from '../../../../support/bytes.ts';

const codec = new EnvelopeCodec();
const MiB = 1_048_576;
/** Messages that are remembered without a result, and as many with one. */
const MOST = 2_048;

function work(number: number, fields: Partial<PalmMessage> = {}): Bytes {
  const head = { pipeline: 'p', client: `c/${number}`, function: 'master.f', cache: 'k' };
  return codec.encode(palmMessage({ ...head, payload: bytes('input'), ...fields })).slice();
}

function result(frame: Bytes, payload = 'output'): Bytes {
  return codec.encode({ ...codec.decode(frame), payload: bytes(payload) }).slice();
}

function given() {
  const refused = { count: 0 };
  const own = new AssignedWork(() => {
    refused.count++;
  });
  return { own, refused };
}

describe('a result', () => {
  it('is the message as it was given, with its own payload and status, whatever else it says', () => {
    const text = fc.string({ unit: 'binary', maxLength: 20 });
    const integer = fc.integer();
    const head = fc.record({
      pipeline: text,
      client: text,
      stage: integer,
      function: text,
      cache: text,
      ordinal: integer,
    });
    const rest = fc.record({ features: integer, status: integer, error: text, errorName: text });
    fc.assert(
      fc.property(head, rest, rest, (fields, before, after) => {
        const { own } = given();
        const original = palmMessage({ ...fields, ...before, payload: bytes('input') });
        const answer = palmMessage({ ...fields, ...after, payload: bytes('output') });
        own.assign([codec.encode(original)]);
        const { features, ...said } = after;
        expect(own.judge(codec.encode(answer))).toEqual(
          codec.encode({ ...original, ...said, payload: bytes('output') }),
        );
      }),
    );
  });

  it('is of one message alone, however texts are cut', () => {
    const { own } = given();
    own.assign([work(1, { pipeline: 'ab', client: 'c', cache: '1 2' })]);
    for (const fields of [
      { pipeline: 'a', client: 'bc', cache: '1 2' },
      { pipeline: 'ab', client: 'c1', cache: ' 2' },
      { pipeline: 'ab', client: 'c', cache: '1 2', stage: 1 },
      { pipeline: 'ab', client: 'c', cache: '1 2', ordinal: 1 },
    ]) {
      expect(own.judge(work(1, fields))).toBeUndefined();
    }
  });

  it('counts once more for each time that the same was given, when some of it goes back', () => {
    const { own, refused } = given();
    own.assign([work(1), work(1)]);
    own.takeBack([work(1)]);
    expect(own.judge(result(work(1)))).toEqual(result(work(1)));
    own.takeBack([work(1)]);
    expect(own.judge(result(work(1)))).toBeUndefined();
    expect(refused.count).toBe(1);
    expect(own.bytes).toBe(0);
  });

  it('of what is no envelope is refused, and a server may give such', () => {
    const { own } = given();
    const noEnvelope = new Uint8Array([0xff]);
    own.assign([noEnvelope, work(1)]);
    own.takeBack([noEnvelope]);
    expect(() => own.judge(noEnvelope)).toThrow(expect.objectContaining({ code: 'PROTOCOL' }));
    expect(own.judge(result(work(1)))).toBeDefined();
  });
});

describe('what is remembered', () => {
  it('is bounded in number: those go first that have waited for longest', () => {
    const { own, refused } = given();
    for (let i = 0; i < MOST + 10; i++) own.assign([work(i)]);
    for (let i = 0; i < 10; i++) expect(own.judge(result(work(i)))).toBeUndefined();
    for (let i = 10; i < MOST + 10; i++) expect(own.judge(result(work(i)))).toBeDefined();
    expect(refused.count).toBe(10);
  });

  it('is bounded in bytes, and the newest is there however large it is', () => {
    const { own } = given();
    for (let i = 0; i < 100; i++) {
      own.assign([work(i, { cache: 'k'.repeat(100_000) })]);
      own.judge(result(work(i, { cache: 'k'.repeat(100_000) })));
    }
    expect(own.bytes).toBeLessThan(2 * MiB);
    const large = work(1, { cache: 'k'.repeat(3 * MiB) });
    own.assign([large]);
    expect(own.judge(result(large))).toBeDefined();
    own.assign([work(2), work(3)]);
    expect(own.judge(result(work(3)))).toBeDefined();
    expect(own.judge(result(large))).toBeUndefined();
    expect(own.bytes).toBeLessThan(2 * MiB);
  });

  it('keeps a slow message while any number of quick ones are given and answered', () => {
    const { own } = given();
    own.assign([work(0)]);
    for (let i = 1; i < 4 * MOST; i++) {
      own.assign([work(i)]);
      expect(own.judge(result(work(i)))).toBeDefined();
    }
    expect(own.judge(result(work(0)))).toEqual(result(work(0)));
  });

  it('keeps one that gives results again and again, while any number of others are answered', () => {
    const { own } = given();
    own.assign([work(0)]);
    for (let i = 1; i < 4 * MOST; i++) {
      own.assign([work(i)]);
      own.judge(result(work(i)));
      if (i % 1_000 === 0) expect(own.judge(result(work(0), String(i)))).toBeDefined();
    }
    expect(own.judge(result(work(0)))).toBeDefined();
  });

  it('holds nothing of payloads', () => {
    const { own } = given();
    own.assign([work(1, { payload: new Uint8Array(MiB) })]);
    own.judge(work(1, { payload: new Uint8Array(MiB) }));
    expect(own.bytes).toBeLessThan(1_024);
  });
});

it('is counted with its strings, bytes that nobody reads, and what is around it, also once it was answered', () => {
  const sizeOf = (fields: Partial<PalmMessage>) => {
    const { own } = given();
    own.assign([work(1, fields)]);
    const size = own.bytes;
    own.judge(result(work(1, fields)));
    expect(own.bytes, 'answered').toBe(size);
    own.assign([work(2, fields)]);
    expect(own.bytes, 'another that waits').toBe(2 * size);
    return size;
  };
  const least = sizeOf({});
  expect(least).toBeGreaterThan(256);
  expect(sizeOf({ error: 'x'.repeat(1_000) }) - least).toBe(2_000);
  expect(sizeOf({ errorName: 'x'.repeat(1_000) }) - least).toBe(2_000);
  const unknown = progressField('1');
  expect(sizeOf({ unknown }) - least).toBe(unknown.length);
});

describe('the work of one client', () => {
  const servers = [{ name: 'one' }, { name: 'other' }] as unknown as readonly [Upstream, Upstream];

  it('is that of each server by itself: a result of one server’s work is none for another', () => {
    let refused = 0;
    const own = new WorkAssignments(() => {
      refused++;
    });
    own.of(servers[0]).assign([work(1)]);
    expect(own.of(servers[1]).judge(result(work(1)))).toBeUndefined();
    expect(refused).toBe(1);
    expect(own.of(servers[0]).judge(result(work(1)))).toEqual(result(work(1)));
    expect(refused).toBe(1);
  });

  it('is counted together', () => {
    const own = new WorkAssignments(() => {});
    expect(own.bytes).toBe(0);
    own.of(servers[0]).assign([work(1)]);
    const one = own.bytes;
    expect(one).toBeGreaterThan(256);
    own.of(servers[1]).assign([work(1)]);
    expect(own.bytes).toBe(2 * one);
    own.of(servers[0]).takeBack([work(1)]);
    expect(own.bytes).toBe(one);
  });
});
