/** Bytes: whatever pieces they come in, and whatever they are. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Bytes } from '../../src/protocol/bytes.ts';
import {
  errorCommand,
  parseCommand,
  pingCommand,
  pongCommand,
  propertiesOf,
  readIntroduction,
  readReason,
  readyCommand,
  subscribeCommand,
} from '../../transports/zmtp/commands.ts';
import { COMMAND, FrameReader, MORE } from '../../transports/zmtp/frame-reader.ts';
import { GREETING, GreetingReader } from '../../transports/zmtp/greeting.ts';
import { Outbox } from '../../transports/zmtp/outbox.ts';
import { OwnBytes } from '../../transports/zmtp/own-bytes.ts';
import { Topics } from '../../transports/zmtp/topics.ts';
import { Violation } from '../../transports/zmtp/violation.ts';

interface Frame {
  readonly flags: number;
  readonly body: Uint8Array;
}

const body = fc.oneof(
  { weight: 6, arbitrary: fc.uint8Array({ maxLength: 300 }) },
  // Around what is copied, and what has a long head.
  {
    weight: 1,
    arbitrary: fc.integer({ min: 8_180, max: 8_200 }).map((size) => new Uint8Array(size).fill(size)),
  },
  {
    weight: 1,
    arbitrary: fc.integer({ min: 60_000, max: 70_000 }).map((size) => new Uint8Array(size).fill(3)),
  },
);
const frame: fc.Arbitrary<Frame> = fc.record({ flags: fc.constantFrom(0, MORE), body });

/** What a peer would write. */
function written(frames: readonly Frame[]): Buffer {
  const outbox = new Outbox();
  for (const { flags, body } of frames) outbox.add(flags, body);
  const { bytes } = outbox;
  const whole = Buffer.concat(outbox.take());
  expect(whole.length).toBe(bytes);
  return whole;
}

/** Reads a stream that is cut after each of `cuts` bytes in turn; pauses before frames that `pauses` says. */
function read(
  stream: Uint8Array,
  cuts: readonly number[],
  pauses: readonly boolean[] = [],
  largest = -1,
): Frame[] {
  const own = new OwnBytes();
  const frames: Frame[] = [];
  const reader: FrameReader = new FrameReader(
    {
      frame: (flags, bytes, start, end, isOwn) => {
        if (isOwn) expect([start, end]).toEqual([0, bytes.length]);
        frames.push({ flags, body: isOwn ? bytes : own.copy(bytes, start, end) });
        reader.isPaused = pauses[frames.length % pauses.length] ?? false;
      },
    },
    largest,
  );
  let at = 0;
  for (let i = 0; at < stream.length; i++) {
    const cut = cuts[i % cuts.length] ?? stream.length;
    // As a socket does: the same memory again and again.
    const piece = stream.slice(at, at + cut);
    reader.read(piece);
    while (reader.isPaused) {
      reader.isPaused = false;
      reader.run();
    }
    piece.fill(0xee);
    at += cut;
  }
  expect(reader.isAmid).toBe(false);
  return frames;
}

describe('frames', () => {
  it('are read as they were written, whatever pieces they come in and wherever reading pauses', () => {
    fc.assert(
      fc.property(
        fc.array(frame, { minLength: 1, maxLength: 30, size: 'max' }),
        fc.array(fc.oneof(fc.integer({ min: 1, max: 12 }), fc.integer({ min: 1, max: 70_000 })), {
          minLength: 1,
        }),
        fc.array(fc.boolean(), { maxLength: 30, size: 'max' }),
        (frames, cuts, pauses) => {
          const seen = read(written(frames), cuts, pauses);
          expect(seen.map(({ flags }) => flags & ~2)).toEqual(frames.map(({ flags }) => flags));
          expect(seen.every(({ body }, i) => Buffer.compare(body, frames[i]?.body ?? NOTHING) === 0)).toBe(
            true,
          );
        },
      ),
      { numRuns: 150 },
    );
  });

  it('of several MiB are read in pieces of any size', () => {
    const large = new Uint8Array(5_000_000).map((_, i) => i % 251);
    for (const cut of [65_536, 999_983, 4_999_999]) {
      const [seen] = read(written([{ flags: 0, body: large }]), [cut]);
      expect(Buffer.compare(seen?.body ?? NOTHING, large)).toBe(0);
    }
  });

  it('that are announced take no memory before they come', () => {
    const reader = new FrameReader({ frame: () => {} }, -1);
    const head = Buffer.alloc(9);
    head[0] = 2;
    head.writeBigUInt64BE(1n << 40n, 1);
    const before = process.memoryUsage().arrayBuffers;
    reader.read(Buffer.concat([head, Buffer.alloc(100)]));
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(2_000_000);
  });

  it.each([
    ['2^63 bytes', '028000000000000000'],
    ['2^64 - 1 bytes', '02ffffffffffffffff'],
    ['one byte over the limit', '0200000000000003e9'],
    ['a long command', '060000000000000481'],
    ['a command with more to come', '0500'],
    ['flags that have no meaning', '0800'],
    ['HTTP', Buffer.from('GET / HTTP/1.1\r\n').toString('hex')],
  ])('of %s are a violation', (_, hex) => {
    expect(() => read(Buffer.from(hex, 'hex'), [1_000], [], 1_000)).toThrow(Violation);
    expect(() => read(Buffer.from(hex, 'hex'), [1], [], 1_000)).toThrow(Violation);
  });

  it('of random bytes are read or a violation, and nothing else', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 500 }), fc.integer({ min: 1, max: 50 }), (stream, cut) => {
        const reader = new FrameReader({ frame: () => {} }, 100);
        try {
          for (let at = 0; at < stream.length; at += cut) reader.read(stream.subarray(at, at + cut));
        } catch (error) {
          expect(error).toBeInstanceOf(Violation);
        }
      }),
      { numRuns: 5_000 },
    );
  });
});

describe('a greeting', () => {
  const readAll = (bytes: Uint8Array, cut: number) => {
    const reader = new GreetingReader();
    let taken = 0;
    for (let at = 0; at < bytes.length; at += cut) taken += reader.read(bytes.subarray(at, at + cut));
    return { reader, taken };
  };

  it('is read in any pieces, and takes no byte of what follows', () => {
    for (let cut = 1; cut <= 80; cut++) {
      const { reader, taken } = readAll(Buffer.concat([GREETING, Buffer.alloc(16, 9)]), cut);
      expect([reader.isComplete, reader.minor, taken]).toEqual([true, 1, 64]);
    }
  });

  it.each([0, 1, 2])('of ZMTP 3.%i is one', (minor) => {
    const greeting = Uint8Array.from(GREETING);
    greeting[11] = minor;
    expect(readAll(greeting, 64).reader.minor).toBe(minor);
  });

  it.each([
    ['HTTP', Buffer.from('GET / HTTP/1.1\r\n'), 'PROTOCOL'],
    ['TLS', Buffer.from('16030100c8', 'hex'), 'PROTOCOL'],
    ['ZMTP 1.0', Buffer.from('ff000000000000000100', 'hex'), 'PROTOCOL'],
    ['ZMTP 2.0', Buffer.from('ff00000000000000017f01', 'hex'), 'PROTOCOL'],
    ['CURVE', Buffer.concat([GREETING.subarray(0, 12), Buffer.from('CURVE'.padEnd(52, '\0'))]), 'FORBIDDEN'],
    ['PLAIN', Buffer.concat([GREETING.subarray(0, 12), Buffer.from('PLAIN'.padEnd(52, '\0'))]), 'FORBIDDEN'],
    ['NULLX', Buffer.concat([GREETING.subarray(0, 12), Buffer.from('NULLX'.padEnd(52, '\0'))]), 'FORBIDDEN'],
  ])('of %s is a violation, at the first byte that shows it', (_, bytes, code) => {
    for (const cut of [1, 100]) {
      expect(() => readAll(bytes, cut)).toThrow(expect.objectContaining({ name: 'Violation', code }));
    }
  });
});

describe('commands', () => {
  it('are read as they were made', () => {
    const ready = parseCommand(readyCommand(propertiesOf('DEALER', 1_234)));
    expect(ready.name).toBe('READY');
    expect(readIntroduction(ready.data, 'ROUTER')).toMatchObject({
      socketType: 'DEALER',
      busyTimeout: 1_234,
    });
    expect(readReason(parseCommand(errorCommand('because')).data)).toBe('because');
    const ping = parseCommand(Buffer.concat([pingCommand(12_300), Buffer.from('context')]));
    expect([ping.name, ...ping.data.subarray(0, 2)]).toEqual(['PING', 0, 123]);
    expect(Buffer.from(pongCommand(ping.data)).toString()).toBe('\x04PONGcontext');
    expect(Buffer.from(subscribeCommand(Buffer.from('me/'))).toString()).toBe('\x09SUBSCRIBEme/');
  });

  it('of random bytes are read or a violation, and nothing else', () => {
    const prefix = fc.constantFrom('', '\x05READY', '\x05ERROR', '\x05READY\x0bSocket-Type\0\0\0');
    fc.assert(
      fc.property(prefix, fc.uint8Array({ maxLength: 60 }), (begin, rest) => {
        try {
          const { name, data } = parseCommand(Buffer.concat([Buffer.from(begin, 'latin1'), rest]));
          if (name === 'READY') readIntroduction(data, 'PULL');
          else expect(readReason(data)).toMatch(/^[ -~]{0,255}$/);
        } catch (error) {
          expect(error).toBeInstanceOf(Violation);
        }
      }),
      { numRuns: 5_000 },
    );
  });

  it('say which kinds of socket fit', () => {
    const introduce = (type: 'PUSH' | 'SUB', own: 'PULL' | 'XPUB') =>
      readIntroduction(parseCommand(readyCommand(propertiesOf(type, 0))).data, own);
    expect(introduce('PUSH', 'PULL').socketType).toBe('PUSH');
    expect(() => introduce('SUB', 'PULL')).toThrow(/SUB does not fit PULL/);
    expect(COMMAND).toBe(4);
  });
});

describe('topics', () => {
  const topic = fc.string({ unit: fc.constantFrom('a', 'b', '/'), maxLength: 5 });
  const step = fc.record({ isOn: fc.boolean(), topic, holder: fc.integer({ min: 0, max: 3 }) });

  it('find exactly those who subscribed to what a topic begins with, each once', () => {
    fc.assert(
      fc.property(
        fc.array(step, { maxLength: 40, size: 'max' }),
        fc.array(topic, { maxLength: 10 }),
        (steps, published) => {
          const topics = new Topics<number>();
          const model = new Map<string, number>();
          const check = () => {
            for (const name of published) {
              const expected = [0, 1, 2, 3].filter((holder) =>
                [...model].some(([key, times]) => {
                  const [own = '', prefix = ''] = key.split(':');
                  return times > 0 && Number(own) === holder && name.startsWith(prefix);
                }),
              );
              expect([...topics.match(name)].sort()).toEqual(expected);
            }
          };
          for (const { isOn, topic: prefix, holder } of steps) {
            const key = `${holder}:${prefix}`;
            const times = model.get(key) ?? 0;
            const changed = isOn ? topics.add(prefix, holder) : topics.remove(prefix, holder);
            expect(changed).toBe(isOn ? times === 0 : times === 1);
            model.set(key, Math.max(0, times + (isOn ? 1 : -1)));
            check();
          }
          for (const key of model.keys())
            topics.remove(key.split(':')[1] ?? '', Number(key.split(':')[0]), true);
          model.clear();
          check();
        },
      ),
      { numRuns: 100 },
    );
  });

  it('are looked up in as many steps as there are lengths, not subscriptions', () => {
    const topics = new Topics<number>();
    for (let i = 0; i < 100_000; i++) topics.add(`client${String(i).padStart(6, '0')}/`, i);
    let wrong = 0;
    // Were all of them looked through, this would not end in time.
    for (let i = 0; i < 100_000; i++) {
      if (topics.match(`client${String(i).padStart(6, '0')}/7`)[0] !== i) wrong++;
    }
    expect(wrong).toBe(0);
  });
});

it('a subscription costs the same, however many lengths others have', () => {
  const topics = new Topics<number>();
  const name = (length: number) => 'x'.repeat(length);
  const toggle = () => {
    const started = process.cpuUsage();
    for (let i = 0; i < 20_000; i++) {
      topics.add(name(3), 1);
      topics.remove(name(3), 1);
    }
    // Which part of it is the system's is told by the ticks of a clock: a short run may seem to have none of its own.
    const { user, system } = process.cpuUsage(started);
    return user + system + 1;
  };
  topics.add('', 2);
  toggle();
  const alone = Math.min(toggle(), toggle(), toggle());
  for (let length = 4; length < 1_000; length++) topics.add(name(length), 2);
  // About 12; 35 where all lengths are sorted each time.
  expect(Math.min(toggle(), toggle(), toggle()) / alone).toBeLessThan(24);
});

describe('copies', () => {
  it('are nobody else’s, begin where numbers of eight bytes may, and keep little', () => {
    const own = new OwnBytes();
    const source = Buffer.alloc(10_000, 7);
    const copies: Bytes[] = [];
    for (let length = 0; length < 1_200; length++) copies.push(own.copy(source, 3, 3 + length));
    for (const copy of copies) {
      copy.fill(1);
      expect(copy.byteOffset % 8).toBe(0);
      expect(copy.buffer.byteLength).toBeLessThanOrEqual(Math.max(4_096, copy.length));
      expect(copy.constructor).toBe(Uint8Array);
    }
    for (const copy of copies) expect(copy.every((byte) => byte === 1)).toBe(true);
    expect(source.every((byte) => byte === 7)).toBe(true);
  });
});

const NOTHING = new Uint8Array(0);
