/** Frames that are in pieces at NATS, when these are not what they should be. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Frames, pack } from '../../../../transports/nats/frames.ts';
import { ClusterNames } from '../../../../transports/nats/names.ts';
import { resolveOptions } from '../../../../transports/nats/options.ts';
import type { Message } from '../../../../transports/nats/packages.ts';
import type { HeaderValues, Session } from '../../../../transports/nats/session.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const ROOM = 10;

/** Frames over a NATS that keeps pieces, or answers with something else. */
function ground() {
  const pieces = new Map<string, Uint8Array>();
  const own = {
    acknowledgement: '{}',
    getMessage: async (_stream: string, { last_by_subj: subject }: { last_by_subj: string }) => {
      const data = pieces.get(subject);
      return data === undefined ? null : { data };
    },
  };
  const session = {
    room: ROOM,
    ask: async (subject: string, data: Uint8Array) => {
      pieces.set(subject, data);
      return { data: Buffer.from(own.acknowledgement) };
    },
    manager: {
      streams: { info: async () => ({}), purge: async () => {} },
      direct: {
        getMessage: (stream: string, query: { last_by_subj: string }) => own.getMessage(stream, query),
      },
    },
  } as unknown as Session;
  const frames = new Frames(new ClusterNames('c'), resolveOptions({}));
  const store = (text: string) => frames.fit(session, pack([Buffer.from(text)]), 1_000);
  const read = async (headers: HeaderValues | undefined) => {
    const get = (name: string) => headers?.[name] ?? '';
    const message = { subject: 's', data: new Uint8Array(), headers: { code: 0, get, set: () => {} } };
    const read = await frames.read(session, message as Message, true);
    return read.map((frame) => Buffer.from(frame).toString());
  };
  return { own, pieces, store, read };
}

const TEXT = 'three pieces of it, all';

describe('a frame in pieces', () => {
  it('is read as it was, with the last piece as short as it is', async () => {
    const { store, read, pieces } = ground();
    const { data, headers } = await store(TEXT);
    expect([data.length, [...pieces.values()].map(({ length }) => length)]).toEqual([0, [10, 10, 3]]);
    expect(await read(headers)).toEqual([TEXT]);
  });

  it('is one from one byte more than a message holds on', async () => {
    const { store, pieces } = ground();
    await store('x'.repeat(ROOM));
    expect(pieces.size).toBe(0);
    await store('x'.repeat(ROOM + 1));
    expect(pieces.size).toBe(2);
  });

  it.each(['x y z', '* 1 1', ' 1 1', 'x 2 1', 'x 1 -1', 'x 1 NaN', `x 1 ${2 ** 28 + 1}`])(
    'that is said to be %j is refused',
    async (said) => {
      await expect(ground().read({ 'Frond-Pieces': said })).rejects.toMatchObject({ code: 'PROTOCOL' });
    },
  );

  it('that has more bytes than it says is refused', async () => {
    const { store, read } = ground();
    const { headers } = await store(TEXT);
    const [id] = String(headers?.['Frond-Pieces']).split(' ');
    await expect(read({ 'Frond-Pieces': `${id} 3 ${TEXT.length - 1}` })).rejects.toMatchObject({
      code: 'PROTOCOL',
      message: 'the pieces of a message have more bytes than it says',
    });
  });

  it('of which a piece is gone is lost, after two seconds in which it may come', async () => {
    const { store, read, pieces } = ground();
    const { headers } = await store(TEXT);
    const [[first = '', data = new Uint8Array()] = []] = pieces;
    pieces.delete(first);
    const settled = vi.fn();
    const late = read(headers);
    late.then(settled, settled);
    await vi.advanceTimersByTimeAsync(1_949);
    pieces.set(first, data);
    await vi.advanceTimersByTimeAsync(1);
    expect(await late).toEqual([TEXT]);
    pieces.delete(first);
    const lost = read(headers).catch((error: unknown) => error);
    await vi.advanceTimersByTimeAsync(2_000);
    expect(await lost).toMatchObject({ code: 'LOST', sent: true });
  });

  it('that NATS does not give, or does not store, says why', async () => {
    const { own, store, read } = ground();
    const { headers } = await store(TEXT);
    own.getMessage = () => Promise.reject(new Error('no such thing'));
    await expect(read(headers)).rejects.toMatchObject({
      code: 'DISCONNECTED',
      message: 'NATS did not give a piece of a frame: no such thing',
    });
    own.acknowledgement = '{"error":{"description":"not today"}}';
    await expect(store(TEXT)).rejects.toMatchObject({
      code: 'DISCONNECTED',
      message: 'NATS did not store a piece of a frame: not today',
    });
  });

  it('waits while its stream is full', async () => {
    const { own, store } = ground();
    own.acknowledgement = '{"error":{"description":"maximum bytes exceeded"}}';
    const stored = vi.fn();
    Promise.resolve(store(TEXT)).then(stored);
    await vi.advanceTimersByTimeAsync(10_000);
    expect(stored).not.toHaveBeenCalled();
    own.acknowledgement = '{}';
    await vi.advanceTimersByTimeAsync(50);
    expect(stored).toHaveBeenCalledOnce();
  });
});
