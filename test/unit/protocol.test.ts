import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { isReservedKey, wireKey } from '../../src/protocol/cache-keys.ts';
import { plainReply, readReply } from '../../src/protocol/cache-request.ts';
import { EnvelopeCodec } from '../../src/protocol/envelope.ts';
import { inspectValue, invalidCall, PalmError } from '../../src/protocol/errors.ts';
import { currentStage, joinPath, parsePath } from '../../src/protocol/function-path.ts';
import { checkId, randomId } from '../../src/protocol/ids.ts';
import { Feature, palmMessage } from '../../src/protocol/message.ts';
import { msgpack } from '../../src/protocol/msgpack.ts';
import { bytes as bytesCodec, json, text } from '../../src/protocol/payload.ts';
import { bytes } from '../support/bytes.ts';

describe('calls', () => {
  const name = fc.string({ minLength: 1 }).filter((own) => !/[\s.\p{Cc}\p{Surrogate}]/u.test(own));
  const stages = fc.array(fc.tuple(name, name), { minLength: 1, maxLength: 5 });

  it('go to the wire and back, and each stage is found again', () => {
    fc.assert(
      fc.property(stages, (pairs) => {
        const list = pairs.map(([server, run]) => `${server}.${run}`);
        const path = joinPath(list);
        expect(path).toBe(list.join(' '));
        expect(parsePath(path)).toEqual(pairs.map(([server, run]) => ({ server, function: run })));
        if (pairs.length === 1) return;
        pairs.forEach(([server, run], stage) => {
          expect(currentStage(path, stage)).toEqual({ server, function: run });
        });
        expect(currentStage(path, pairs.length)).toBeUndefined();
        expect(currentStage(path, -1)).toBeUndefined();
      }),
    );
  });

  it('of one stage run it whatever the stage, as in pylm', () => {
    expect(currentStage('server.f', 7)).toEqual({ server: 'server', function: 'f' });
  });

  it('have their stages apart by any white space where a message comes in, as in pylm', () => {
    expect(currentStage('a.f  b.g', 1)).toEqual({ server: 'b', function: 'g' });
    expect(currentStage('a.f \t b.g', 1)).toEqual({ server: 'b', function: 'g' });
  });

  it('are refused or understood, never anything else', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.array(fc.string()), fc.anything()), (path) => {
        try {
          joinPath(path as string);
        } catch (error) {
          expect(error).toMatchObject({ code: 'INVALID_CALL', sent: false });
        }
      }),
    );
  });
});

describe('ids', () => {
  it('are of one length, and none begins another', () => {
    const ids = Array.from({ length: 1_000 }, randomId);
    expect(new Set(ids).size).toBe(1_000);
    for (const id of ids) expect(id).toMatch(/^[\w-]{21}$/);
  });

  it.each(['', 'a b', 'a\tb', 'a\0', '\ud800', 5, undefined, null])('are refused when they are %j', (id) => {
    const refusal = expect.objectContaining({
      code: 'INVALID_CALL',
      message: expect.stringContaining('session'),
    });
    expect(() => checkId('session', id)).toThrowError(refusal);
  });

  it('need a secure source, and the error says so', () => {
    const { crypto } = globalThis;
    Object.defineProperty(globalThis, 'crypto', { value: undefined, configurable: true });
    try {
      expect(randomId).toThrowError(
        expect.objectContaining({ code: 'INVALID_CALL', message: expect.stringContaining('polyfill') }),
      );
    } finally {
      Object.defineProperty(globalThis, 'crypto', { value: crypto, configurable: true });
    }
  });
});

describe('keys', () => {
  it.each(['name', 'db_address', 'pull_address', 'sub_address_12', 'worker_pull_address', 'frond_features'])(
    '%s is reserved',
    (key) => expect(isReservedKey(key)).toBe(true),
  );

  it.each(['names', 'name ', 'my-address', 'address', 'x_address_', 'frond', 'é'])('%s is free', (key) =>
    expect(isReservedKey(key)).toBe(false),
  );

  it('have the session in front', () => {
    expect(wireKey('k', 'S1-')).toBe('S1-k');
    expect(wireKey('k', undefined)).toBe('k');
  });
});

describe('cache replies', () => {
  it('of a text, plain or as an envelope, are told apart', () => {
    const codec = new EnvelopeCodec();
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (value) => {
        const payload = bytes(value);
        expect(readReply(codec, payload, true)).toEqual(plainReply(payload));
        const envelope = codec.encode(palmMessage({ payload, features: Feature.replies }));
        expect(readReply(codec, envelope, true)).toMatchObject({ value: payload, features: Feature.replies });
      }),
    );
  });

  it('that should be envelopes and are not are a PROTOCOL error', () => {
    const codec = new EnvelopeCodec();
    const batches = codec.encode(palmMessage({ features: Feature.batches | Feature.work }));
    for (const reply of [bytes(''), batches]) {
      const read = () => readReply(codec, reply, false);
      expect(read).toThrowError(expect.objectContaining({ code: 'PROTOCOL' }));
    }
  });
});

describe('payload codecs', () => {
  it('give back what they took', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (value) => {
        expect(text().decode(text().encode(value))).toBe(value);
      }),
    );
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const codec = json<unknown>();
        expect(JSON.stringify(codec.decode(codec.encode(value)))).toBe(JSON.stringify(value));
      }),
    );
    fc.assert(
      // A key __proto__ is the one thing that does not come back as it was: see below.
      fc.property(
        fc.jsonValue().filter((value) => !JSON.stringify(value).includes('__proto__')),
        (value) => {
          const codec = msgpack<unknown>();
          expect(codec.decode(codec.encode(value))).toEqual(JSON.parse(JSON.stringify(value)));
        },
      ),
    );
  });

  it('write MessagePack that others read: plain maps, nil for undefined', () => {
    const codec = msgpack<unknown>();
    expect([...codec.encode({ a: 1 })]).toEqual([0x81, 0xa1, 0x61, 0x01]);
    expect([...codec.encode(undefined)]).toEqual([0xc0]);
    expect(codec.encode('x').constructor).toBe(Uint8Array);
  });

  it('read integers of Python exactly', () => {
    const codec = msgpack<unknown>();
    const uint64 = (value: bigint) => {
      const frame = new Uint8Array(9);
      frame[0] = 0xcf;
      new DataView(frame.buffer).setBigUint64(1, value);
      return frame;
    };
    expect(codec.decode(uint64(8_589_934_592n))).toBe(8_589_934_592);
    expect(codec.decode(uint64(18_446_744_073_709_551_615n))).toBe(18_446_744_073_709_551_615n);
  });

  it('read no other key than they were given', () => {
    const value = msgpack<Record<string, unknown>>().decode(
      new Uint8Array([0x81, 0xa9, ...bytes('__proto__'), 0x81, 0xa1, 0x78, 0x01]),
    );
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
    expect(Object.keys(value)).toEqual(['__proto_']);
    expect(({} as Record<string, unknown>)['x']).toBeUndefined();
  });

  it('of bytes take nothing else', () => {
    for (const value of ['text', {}, [1], new Uint16Array(1), new ArrayBuffer(1), undefined]) {
      expect(() => bytesCodec().encode(value as never)).toThrowError(TypeError);
    }
  });
});

describe('errors', () => {
  it('say what they are', () => {
    const error = new PalmError('TIMEOUT', 'no answer', {
      cause: new Error('why'),
      sent: 'unknown',
      index: 3,
    });
    expect(error).toMatchObject({ name: 'PalmError', code: 'TIMEOUT', sent: 'unknown', index: 3 });
    expect(error.cause).toEqual(new Error('why'));
    expect(invalidCall('bad')).toMatchObject({ code: 'INVALID_CALL', sent: false });
    expect(PalmError.from(error, 'LOST', 'x')).toBe(error);
    expect(PalmError.from('odd', 'LOST', 'doing')).toMatchObject({ code: 'LOST', message: 'doing: odd' });
  });

  it('is one of its class in every copy of frond, and others are not', async () => {
    vi.resetModules();
    const copy = await import('../../src/protocol/errors.ts');
    expect(copy.PalmError).not.toBe(PalmError);
    const error = new copy.PalmError('TIMEOUT', 'no answer');
    expect(error instanceof PalmError).toBe(true);
    expect(PalmError.from(error, 'LOST', 'x')).toBe(error);
    class Own extends PalmError {}
    expect(error instanceof Own).toBe(false);
    expect(new Own('LOST', 'x') instanceof Own).toBe(true);
    expect(new Own('LOST', 'x') instanceof PalmError).toBe(true);
    for (const other of [
      undefined,
      null,
      'PalmError',
      {},
      new Error('x'),
      { name: 'PalmError', code: 'LOST' },
    ])
      expect((other as unknown) instanceof PalmError).toBe(false);
  });

  it('keeps its text and its stack in a structured clone, and not its class and code', () => {
    const error = new PalmError('TIMEOUT', 'no answer');
    const clone = structuredClone(error);
    expect(clone).toMatchObject({ message: 'no answer', stack: error.stack });
    expect(clone instanceof PalmError).toBe(false);
  });

  it('says what is wrong with an input, also when it is the cause', () => {
    const issues = [{ path: ['w', 0], message: 'is not a number' }];
    const cause = new PalmError('INVALID_CALL', 'wrong', { issues });
    expect(invalidCall('not sent', { cause }).issues).toEqual(issues);
    expect(invalidCall('not sent', { cause: new Error('x') }).issues).toBeUndefined();
  });

  it('show values short and plain', () => {
    expect(inspectValue('a"b')).toBe('"a\\"b"');
    expect(inspectValue('x'.repeat(100))).toHaveLength(63);
    expect([
      inspectValue([]),
      inspectValue([1]),
      inspectValue({}),
      inspectValue(new Map()),
      inspectValue(null),
      inspectValue(undefined),
      inspectValue(Object.create(null)),
    ]).toEqual(['an empty list', 'a list of 1', 'an object', 'a Map', 'null', 'undefined', 'an object']);
  });
});
