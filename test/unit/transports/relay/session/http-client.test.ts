/** One call over HTTP as a client of its session: what it sends, what it waits for, and how it ends; its timers are counted to zero. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { BATCH } from '../../../../../src/flow-control.ts';
import type { Bytes } from '../../../../../src/protocol/bytes.ts';
import { EnvelopeCodec } from '../../../../../src/protocol/envelope.ts';
import { Feature, type PalmMessage, palmMessage, Status } from '../../../../../src/protocol/message.ts';
import { encodeProgress, progressField } from '../../../../../src/protocol/progress.ts';
import { type HttpCall, HttpFailure } from '../../../../../transports/relay/http/call-request.ts';
import { HttpClient } from '../../../../../transports/relay/session/http-client.ts';
import {
  ChannelKind,
  type ClientFrame,
  loneMessage,
  MessageWriter,
  type RelayFrame,
  setNumbers,
  Type,
} from '../../../../../transports/relay-protocol/frames.ts';
import { bytes, textOf } from '../../../../support/bytes.ts';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval'] });
});
afterEach(() => {
  vi.useRealTimers();
});

const ID = 'relay/7';
const TIMEOUT = 1_000;
const HEARTBEAT = 300;
const codec = new EnvelopeCodec();
const settle = () => new Promise(setImmediate);

function ground(
  call: Partial<HttpCall> = {},
  payloads: readonly Bytes[] = [bytes('x')],
  limits: object = {},
) {
  const taken: { confirmed: number; frames: readonly ClientFrame[]; size: number }[] = [];
  const told: unknown[] = [];
  const drains: (() => void)[] = [];
  const state = {
    isBackedUp: false,
    ended: 0,
    failing: undefined as Error | undefined,
    resumed: [] as unknown[],
  };
  const session = {
    id: ID,
    resume: (...args: unknown[]) => state.resumed.push(args),
    take: ({ confirmed, frames }: { confirmed: number; frames: readonly ClientFrame[] }, size: number) => {
      if (state.failing !== undefined) throw state.failing;
      taken.push({ confirmed, frames, size });
    },
  };
  const response = {
    unsent: 11,
    get isBackedUp() {
      return state.isBackedUp;
    },
    onDrain: (listener: () => void) => drains.push(listener),
    result: (payload: Bytes, index: number | undefined) => told.push([textOf(payload), index]),
    failedResult: ({ status, code, message, details }: never, index: number | undefined) =>
      told.push([{ status, code, message, details }, index]),
    progress: (progress: object, index: number | undefined) => told.push([progress, index]),
    fail: ({ status, code, message }: never) => told.push(`${status} ${code} ${message}`),
    end: () => told.push('end'),
    beat: () => told.push('beat'),
  };
  const whole: HttpCall = {
    stages: [],
    form: 'one',
    kind: 'bytes',
    wanted: undefined,
    timeout: TIMEOUT,
    messages: 1,
    priority: 0,
    cache: 'c',
    token: undefined,
    ...call,
  };
  const client = new HttpClient({
    call: whole,
    path: 'first.f last.g',
    first: 'First',
    last: 'Last',
    payloads,
    session: session as never,
    response: response as never,
    limits: { maxFrame: 1_000, window: 1_000, heartbeat: HEARTBEAT, ...limits },
    onEnd: () => state.ended++,
  });
  const hear = (...frames: RelayFrame[]) => {
    for (const frame of frames) client.send(loneMessage(frame));
  };
  const ready = () => hear([Type.ready, 1, 4, true], [Type.ready, 2, 1, true]);
  const sent = () =>
    taken.flatMap(({ frames }) => frames).flatMap((frame) => (frame[0] === Type.send ? [frame[3]] : []));
  const result = (fields: Partial<PalmMessage> = {}): RelayFrame => {
    const frame = codec.encode(palmMessage({ payload: bytes('r'), ...fields })).slice();
    return [Type.results, 2, [{ topic: `${ID}/1`, frames: [frame] }]];
  };
  const nothingIsLeft = () => expect([state.ended, vi.getTimerCount()]).toEqual([1, 0]);
  return { client, taken, told, drains, state, hear, ready, sent, result, nothingIsLeft };
}

describe('a call', () => {
  it('opens its channels, and sends its message when both are ready', async () => {
    const { client, taken, state, hear, sent } = ground();
    client.begin();
    await settle();
    expect(state.resumed).toEqual([[client, 0, false]]);
    expect(taken.at(-1)?.frames).toEqual([
      [Type.open, 1, ChannelKind.push, 'First', ''],
      [Type.open, 2, ChannelKind.subscribe, 'Last', `${ID}/`],
    ]);
    hear([Type.ready, 1, 4, true]);
    await settle();
    expect(sent()).toEqual([]);
    hear([Type.ready, 2, 1, true]);
    await settle();
    const send = taken.flatMap(({ frames }) => frames).find((frame) => frame[0] === Type.send);
    expect(send?.slice(0, 3)).toEqual([Type.send, 1, 4]);
    const [[frame = bytes('')] = []] = sent();
    expect(codec.decode(frame)).toMatchObject({
      client: `${ID}/1`,
      function: 'first.f last.g',
      cache: 'c',
      ordinal: 0,
      features: Feature.batches,
      payload: bytes('x'),
      pipeline: expect.stringMatching(/./),
    });
    // A frame counts for 64 bytes beside its envelopes.
    const { size } = taken.find(({ frames }) => frames.some((own) => own[0] === Type.send)) ?? {};
    expect([taken[0]?.size, size]).toEqual([64, 64 + frame.length]);
    expect(client.unsent).toBe(11);
  });

  it('ends with its result, and takes no other', async () => {
    const { client, told, hear, ready, result, nothingIsLeft } = ground();
    client.begin();
    ready();
    hear(result(), result());
    await settle();
    expect(told).toEqual([['r', undefined], 'end']);
    nothingIsLeft();
  });

  it('with several inputs numbers them, and ends with as many results', async () => {
    const { client, told, hear, ready, sent, result, nothingIsLeft } = ground(
      { kind: 'lines', form: 'lines', messages: undefined },
      [bytes('a'), bytes('b')],
    );
    client.begin();
    ready();
    await settle();
    expect(
      sent()
        .flat()
        .map((frame) => codec.decode(frame).ordinal),
    ).toEqual([1, 2]);
    hear(result({ ordinal: 1, status: Status.failed, error: 'no' }), result({ ordinal: 2 }));
    // One that failed does not end the others.
    expect(told).toEqual([
      [{ status: 502, code: 'REMOTE', message: 'no', details: { remoteName: undefined } }, 0],
      ['r', 1],
      'end',
    ]);
    nothingIsLeft();
    const unnumbered = ground({ kind: 'lines', form: 'lines', messages: undefined });
    unnumbered.client.begin();
    unnumbered.hear(unnumbered.result());
    expect(unnumbered.told).toEqual([['r', undefined], 'end']);
  });

  it('waits for as many results as it says, or for ever, until one fails', async () => {
    const two = ground({ form: 'lines', messages: 2 });
    two.client.begin();
    two.hear(two.result(), two.result({ ordinal: 5 }));
    expect(two.told).toEqual([['r', undefined], ['r', undefined], 'end']);
    const any = ground({ form: 'lines', messages: undefined });
    any.client.begin();
    any.hear(any.result(), any.result(), any.result({ status: Status.failed, error: 'no' }), any.result());
    expect(any.told).toEqual([['r', undefined], ['r', undefined], [expect.anything(), undefined], 'end']);
    any.nothingIsLeft();
  });

  it('whose message is too large is refused before anything is sent', async () => {
    const sizeOf = async () => {
      const { client, ready, sent } = ground({}, [new Uint8Array(900)]);
      client.begin();
      ready();
      await settle();
      client.giveUp(new HttpFailure(499, 'DISCONNECTED', 'gone'));
      return sent().flat()[0]?.length ?? 0;
    };
    const size = await sizeOf();
    for (const [maxFrame, isFit] of [
      [size + 1, true],
      [size, true],
      [size - 1, false],
    ] as const) {
      const own = ground({}, [new Uint8Array(900)], { maxFrame });
      if (isFit) {
        expect(() => own.client.begin()).not.toThrow();
        own.client.close(1001, '');
      } else expect(() => own.client.begin()).toThrow(HttpFailure);
    }
    const { client, taken } = ground({}, [new Uint8Array(1_000)]);
    expect(() => client.begin()).toThrow(
      expect.objectContaining({
        status: 413,
        code: 'TOO_LARGE',
        message: expect.stringMatching(/^a message has 1\d\d\d bytes, more than the relay's limit of 1000$/),
      }),
    );
    expect([taken, vi.getTimerCount()]).toEqual([[], 0]);
  });

  it('sends one batch after the other has been taken, within the window', async () => {
    const inputs = Array.from({ length: BATCH + 1 }, () => bytes('x'));
    const { client, ready, hear, sent } = ground({ kind: 'lines', form: 'lines' }, inputs, { window: 1e9 });
    client.begin();
    ready();
    await settle();
    expect(sent().map(({ length }) => length)).toEqual([BATCH]);
    const size = sent()
      .flat()
      .reduce((sum, { length }) => sum + length, 0);
    hear([Type.taken, 1, size - 1]);
    await settle();
    expect(sent()).toHaveLength(1);
    hear([Type.taken, 1, 1]);
    await settle();
    expect(sent().map(({ length }) => length)).toEqual([BATCH, 1]);
    const rest = sent().at(-1)?.[0]?.length ?? 0;
    hear([Type.taken, 1, rest]);
    await settle();
    expect(sent(), 'no list without a message').toHaveLength(2);
    const small = ground({ kind: 'lines', form: 'lines' }, [new Uint8Array(400), new Uint8Array(400)], {
      window: 600,
    });
    small.client.begin();
    small.ready();
    await settle();
    expect(small.sent().map(({ length }) => length)).toEqual([1]);
  });

  it('sends two messages that are the window together at once, and one that is larger than it alone', async () => {
    const lines = { kind: 'lines', form: 'lines' } as const;
    const inputs = [new Uint8Array(400), new Uint8Array(400)];
    const open = async (window: number) => {
      const own = ground(lines, inputs, { window });
      own.client.begin();
      own.ready();
      await settle();
      return own;
    };
    const large = await open(10);
    expect(large.sent()).toHaveLength(1);
    const [size = 0] = large.sent()[0]?.map(({ length }) => length) ?? [];
    large.hear([Type.taken, 1, size]);
    await settle();
    expect(large.sent().map(({ length }) => length)).toEqual([1, 1]);
    const counts = async (window: number) => (await open(window)).sent().map(({ length }) => length);
    expect([await counts(2 * size), await counts(2 * size - 1)]).toEqual([[2], [1]]);
  });
});

describe('progress', () => {
  const told = { done: 1, total: 2, note: undefined };

  it.each([
    ['events', true],
    ['lines', false],
    ['one', false],
  ] as const)('is asked for where the results come as %s: %s', async (form, isAsked) => {
    const { client, ready, sent } = ground({ form });
    client.begin();
    ready();
    await settle();
    const [[frame = bytes('')] = []] = sent();
    const asked = isAsked ? progressField('1') : new Uint8Array(0);
    expect([...codec.decode(frame).unknown]).toEqual([...asked]);
  });

  it('is told as such, with the number of its input, and is not a result', () => {
    const own = ground({ form: 'events', messages: 1 });
    const payload = encodeProgress(told);
    own.client.begin();
    own.hear(own.result({ status: Status.progress, payload }));
    own.hear(own.result({ status: Status.progress, payload: bytes('not what it should be') }));
    expect(own.told).toEqual([[told, undefined]]);
    vi.advanceTimersByTime(TIMEOUT - 1);
    own.hear(own.result());
    expect(own.told.slice(-2)).toEqual([['r', undefined], 'end']);
    const several = ground({ form: 'events', kind: 'lines', messages: undefined });
    several.client.begin();
    several.hear(several.result({ status: Status.progress, payload, ordinal: 3 }));
    expect(several.told).toEqual([[told, 2]]);
    several.client.close(1001, '');
  });
});

describe('the end of a call', () => {
  it('comes when no result has come for its time, anew with each result', () => {
    const { client, told, hear, result, nothingIsLeft } = ground({ form: 'lines', messages: undefined });
    client.begin();
    vi.advanceTimersByTime(TIMEOUT - 1);
    hear(result());
    vi.advanceTimersByTime(TIMEOUT - 1);
    expect(told).toHaveLength(1);
    vi.advanceTimersByTime(1);
    expect(told).toEqual([['r', undefined], '504 TIMEOUT no result came within 1000 ms', 'end']);
    nothingIsLeft();
  });

  it.each([
    [1009, '413 TOO_LARGE'],
    [1001, '503 CLOSED'],
    [1011, '500 PROTOCOL'],
    [4401, '401 FORBIDDEN'],
    [4403, '403 FORBIDDEN'],
    [4413, '429 LOST'],
    [4429, '429 LOST'],
    [4400, '400 PROTOCOL'],
    [4499, '400 PROTOCOL'],
  ])('comes when its session ends with %i: %s', (code, failure) => {
    const { client, told, hear, result, nothingIsLeft } = ground({ form: 'events', messages: undefined });
    client.begin();
    client.close(code, 'why');
    client.close(code, 'again');
    hear(result());
    expect(told).toEqual([`${failure} why`, 'end']);
    nothingIsLeft();
  });

  it.each([
    [Status.failed, 502, 'REMOTE'],
    [Status.unknownFunction, 404, 'REMOTE'],
    [Status.missing, 404, 'REMOTE'],
    [Status.refused, 403, 'FORBIDDEN'],
    [Status.invalid, 400, 'INVALID_CALL'],
    [999, 502, 'REMOTE'],
  ])('comes with a result of the status %i: %i %s', (status, http, code) => {
    const { client, told, hear, result, nothingIsLeft } = ground();
    client.begin();
    hear(result({ status, error: 'why', errorName: 'E', payload: bytes('0') }));
    expect(told).toEqual([
      [{ status: http, code, message: 'why', details: { remoteName: 'E' } }, undefined],
      'end',
    ]);
    nothingIsLeft();
  });

  it('comes when a channel is refused, with the right status', () => {
    for (const [code, failure] of [
      ['FORBIDDEN', '403 FORBIDDEN no'],
      ['LOST', '502 LOST no'],
    ] as const) {
      const { client, told, hear, nothingIsLeft } = ground();
      client.begin();
      hear([Type.refused, 1, code, 'no']);
      expect(told).toEqual([failure, 'end']);
      nothingIsLeft();
    }
  });

  it('comes when the server is gone and had the message; one that was not sent waits for it', async () => {
    const { client, told, hear, ready, sent, nothingIsLeft } = ground();
    client.begin();
    hear([Type.ready, 1, 1, true], [Type.broken, 1, 'DISCONNECTED', 'gone'], [Type.ready, 2, 1, true]);
    await settle();
    expect([told, sent()]).toEqual([[], []]);
    ready();
    await settle();
    expect(sent()).toHaveLength(1);
    hear([Type.broken, 1, 'DISCONNECTED', 'gone']);
    expect(told).toEqual(['502 DISCONNECTED gone', 'end']);
    nothingIsLeft();
  });

  it('comes when the session refuses what it sends, or sends what it cannot read', async () => {
    const refusing = ground();
    refusing.state.failing = new Error('no');
    refusing.client.begin();
    await settle();
    expect(refusing.told).toEqual(['400 PROTOCOL no', 'end']);
    refusing.nothingIsLeft();
    const { client, told, nothingIsLeft } = ground();
    client.begin();
    client.send(new Uint8Array([0xc1]));
    expect(told).toEqual([expect.stringMatching(/^500 PROTOCOL a message between client and relay/), 'end']);
    nothingIsLeft();
  });

  it('comes when nobody waits for it any more', () => {
    const { client, told, nothingIsLeft } = ground({ form: 'events' });
    client.begin();
    client.giveUp(new HttpFailure(499, 'DISCONNECTED', 'the caller is gone'));
    expect(told).toEqual(['499 DISCONNECTED the caller is gone', 'end']);
    nothingIsLeft();
  });

  it('says nothing to the session any more', async () => {
    const { client, taken } = ground();
    client.begin();
    client.close(1001, '');
    await settle();
    expect(taken).toEqual([]);
  });
});

describe('while it goes on', () => {
  it('events are beaten, and no other form is', () => {
    const { client, told } = ground({ form: 'events', messages: undefined, timeout: 1e6 });
    client.begin();
    vi.advanceTimersByTime(2 * HEARTBEAT);
    expect(told).toEqual(['beat', 'beat']);
    client.close(1001, '');
    vi.advanceTimersByTime(2 * HEARTBEAT);
    expect(told).toHaveLength(4);
    const lines = ground({ form: 'lines', messages: undefined, timeout: 1e6 });
    lines.client.begin();
    vi.advanceTimersByTime(2 * HEARTBEAT);
    expect(lines.told).toEqual([]);
    lines.client.close(1001, '');
  });

  it('what came is confirmed at once, and for a caller that does not read, when it has read', async () => {
    const { client, taken, drains, state, hear, result } = ground({ form: 'lines', messages: undefined });
    client.begin();
    const come = (sequence: number) => {
      const writer = new MessageWriter();
      writer.add(result());
      const message = writer.take();
      setNumbers(message, sequence, 0);
      client.send(message);
    };
    await settle();
    come(1);
    await settle();
    expect(taken.at(-1)).toEqual({ confirmed: 1, frames: [], size: 64 });
    // A message without a number is none that could be confirmed.
    hear([Type.pong]);
    await settle();
    expect(taken.at(-1)?.confirmed).toBe(1);
    state.isBackedUp = true;
    come(2);
    come(3);
    await settle();
    expect([taken.at(-1)?.confirmed, drains.length]).toEqual([1, 1]);
    state.isBackedUp = false;
    drains[0]?.();
    await settle();
    expect(taken.at(-1)?.confirmed).toBe(3);
    client.close(1001, '');
    come(4);
    await settle();
    expect(taken.at(-1)?.confirmed).toBe(3);
  });
});
