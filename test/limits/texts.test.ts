/** How long names, keys, topics, addresses and lines may be: each bound at its value, one below and one above. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { nameOf } from '../../src/client/call.ts';
import { Worker } from '../../src/cluster/index.ts';
import { LONGEST_TEXT, longText } from '../../src/cluster/runtime/long-texts.ts';
import { sparing } from '../../src/logging.ts';
import { EnvelopeCodec } from '../../src/protocol/envelope.ts';
import { inspectValue } from '../../src/protocol/errors.ts';
import { palmMessage } from '../../src/protocol/message.ts';
import { LONGEST_TOPIC } from '../../src/protocol/topics.ts';
import {
  encodeWorkReply,
  encodeWorkRequest,
  LONGEST_WORKER_ID,
  LONGEST_WORKER_NAME,
  MOST_ITEMS,
  offersMessage,
  readOffers,
  readWorkReply,
  readWorkRequest,
  WorkKind,
} from '../../src/protocol/work-request.ts';
import type { Connection } from '../../src/transport.ts';
import { memory } from '../../transports/memory/index.ts';
import { KeyDecisions } from '../../transports/shared/key-decisions.ts';
import { checkZeromqAddress } from '../../transports/shared/zeromq-address.ts';
import { zeromq } from '../../transports/zeromq/index.ts';
import { zmtp } from '../../transports/zmtp/index.ts';

const codec = new EnvelopeCodec();
const tooLarge = expect.objectContaining({ code: 'TOO_LARGE' });
const invalid = expect.objectContaining({ code: 'INVALID_CALL' });

describe('id and name', () => {
  it.each([
    [
      'a request for work',
      (worker: string, name: string) => {
        const rest = { sequence: 1, want: 1, leaves: false, isAway: false, items: [] };
        return readWorkRequest(codec.decode(encodeWorkRequest(codec, { worker, name, ...rest })));
      },
    ],
    [
      'what it says of its functions',
      (worker: string, name: string) =>
        readOffers(offersMessage({ worker, name, offers: new Uint8Array(0) })),
    ],
  ])('of a worker have 256 and 128 characters at most: %s', (_, read) => {
    const [id, name] = ['i'.repeat(LONGEST_WORKER_ID), 'n'.repeat(LONGEST_WORKER_NAME)];
    expect(read(id.slice(1), name.slice(1)).worker).toHaveLength(255);
    expect(read(id, name)).toMatchObject({ worker: id, name });
    expect(() => read(`${id}i`, name)).toThrow(tooLarge);
    expect(() => read(id, `${name}n`)).toThrow(tooLarge);
  });

  it('of a worker that starts has 128 characters at most', async () => {
    const start = (length: number) =>
      Worker.start({
        transport: memory(),
        name: 'n'.repeat(length),
        dbAddress: 'memory://nobody',
        functions: {},
        loggingLevel: 'silent',
        timeout: 1,
      });
    for (const length of [LONGEST_WORKER_NAME - 1, LONGEST_WORKER_NAME])
      await expect(start(length)).rejects.toMatchObject({ code: 'TIMEOUT' });
    await expect(start(LONGEST_WORKER_NAME + 1)).rejects.toMatchObject({ code: 'INVALID_CALL' });
  });
});

it('a message of work has 16,384 items at most', () => {
  const reply = (count: number) =>
    readWorkReply(
      codec,
      encodeWorkReply(
        codec,
        Array.from({ length: count }, (_, i) => ({
          lease: i + 1,
          kind: WorkKind.done,
          frame: new Uint8Array(0),
        })),
      ),
    );
  for (const count of [MOST_ITEMS - 1, MOST_ITEMS]) expect(reply(count)).toHaveLength(count);
  expect(() => reply(MOST_ITEMS + 1)).toThrow(tooLarge);
});

it.each(['pipeline', 'client', 'function', 'cache'])(
  'a text of a request has 16,384 bytes at most, and is not decoded with one more: %s',
  (field) => {
    const frame = (length: number) =>
      codec.encode(palmMessage({ payload: new Uint8Array(20_000), [field]: 'x'.repeat(length) }));
    for (const length of [LONGEST_TEXT - 1, LONGEST_TEXT]) expect(longText(frame(length))).toBeUndefined();
    expect(longText(frame(LONGEST_TEXT + 1))).toMatchObject({ length: LONGEST_TEXT + 1 });
  },
);

describe('a topic', () => {
  it.each([
    ['zeromq()', zeromq],
    ['zmtp()', zmtp],
  ])('that is subscribed to has 1,024 bytes at most: %s', async (_, make) => {
    const connection = (await make().open()) as Connection;
    try {
      // Two bytes each.
      const topic = (length: number) => 'ä'.repeat(length / 2) + 'x'.repeat(length % 2);
      for (const length of [LONGEST_TOPIC - 1, LONGEST_TOPIC])
        connection.subscribe('tcp://127.0.0.1:9', topic(length));
      expect(() => connection.subscribe('tcp://127.0.0.1:9', topic(LONGEST_TOPIC + 1))).toThrow(invalid);
    } finally {
      await connection.close({ timeout: 0 });
    }
  });
});

it('an address of ZeroMQ has 512 characters at most', () => {
  const address = (length: number) => 'ipc:///'.padEnd(length, 'x');
  for (const length of [511, 512]) expect(() => checkZeromqAddress(address(length))).not.toThrow();
  expect(() => checkZeromqAddress(address(513))).toThrow(invalid);
});

describe('a function', () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it('has 5 s to decide about a key, or half of the handshake', async () => {
    for (const [handshake, time] of [
      [undefined, 5_000],
      [20_000, 5_000],
      [9_998, 4_999],
    ] as const) {
      let refusal: unknown;
      const decisions = new KeyDecisions(() => new Promise(() => {}), handshake);
      decisions.refusalOf('key').then((given) => {
        refusal = given;
      });
      await vi.advanceTimersByTimeAsync(time - 1);
      expect(refusal).toBeUndefined();
      await vi.advanceTimersByTimeAsync(1);
      expect(refusal).toMatchObject({ status: '500' });
    }
  });
});

describe('events that others can cause', () => {
  function ground() {
    const lines: [string, Readonly<Record<string, unknown>>][] = [];
    const log = (message: string, fields = {}) => void lines.push([message, fields]);
    return { lines, logger: sparing({ debug: log, info: log, warning: log, error: log }, () => 0) };
  }

  it('of 64 kinds are counted apart, and the others together', () => {
    const { lines, logger } = ground();
    for (let kind = 0; kind < 66; kind++) logger.info(`kind ${kind}`);
    // The 65th begins the count of the others, and the 66th is its second.
    expect(lines.map(([, { times = 1 }]) => times)).toEqual([...Array.from({ length: 65 }, () => 1), 2]);
    logger.info('kind 63');
    expect(lines.at(-1)).toEqual(['kind 63', { times: 2 }]);
    logger.info('kind 64');
    // The third of the others.
    expect(lines).toHaveLength(67);
  });

  it('has 200 characters at most in the field of a log line', () => {
    for (const length of [199, 200, 201]) {
      const { lines, logger } = ground();
      logger.info('event', { text: 'x'.repeat(length) });
      expect(lines).toEqual([['event', { text: length > 200 ? `${'x'.repeat(200)}…` : 'x'.repeat(length) }]]);
    }
  });
});

describe('a name', () => {
  it('has 60 characters at most in an error', () => {
    for (const length of [59, 60, 61])
      expect(inspectValue('x'.repeat(length))).toBe(
        length > 60 ? `"${'x'.repeat(60)}…"` : `"${'x'.repeat(length)}"`,
      );
  });

  it('of a function or of an error has 200 characters at most', () => {
    for (const length of [199, 200, 201])
      expect(nameOf('x'.repeat(length))).toBe(length > 200 ? `${'x'.repeat(200)}…` : 'x'.repeat(length));
  });
});
