/** What leaves for a stream, how much at once, and what is told of what did not. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { NATS_STORING, NATS_STORING_BYTES } from '../../../../src/flow-control.ts';
import type { Frames, Packed } from '../../../../transports/nats/frames.ts';
import type { NatsLink } from '../../../../transports/nats/link.ts';
import type { Message } from '../../../../transports/nats/packages.ts';
import { StreamSender } from '../../../../transports/nats/sender.ts';
import type { ReplyListener, Session } from '../../../../transports/nats/session.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

/** Bytes that a message counts beside its own. */
const OVERHEAD = 256;

const settle = () => vi.advanceTimersByTimeAsync(0);

/** A sender, and a NATS that acknowledges what a test says. */
function ground() {
  const flying: ReplyListener[] = [];
  const own = { isOpen: true };
  const session = {
    send: (_subject: string, _data: Uint8Array, _headers: object, listener: ReplyListener) => {
      flying.push(listener);
      return () => {};
    },
  } as unknown as Session;
  const sender = new StreamSender({
    link: { leave: () => {} } as unknown as NatsLink,
    frames: { fit: (_session: Session, packed: Packed) => packed } as unknown as Frames,
    age: 1_000,
    isOpen: () => own.isOpen,
  });
  const answer = (text: string) => ({ subject: 's', data: Buffer.from(text) }) as Message;
  /** So many messages that count as many bytes, each. */
  const add = (count: number, size = OVERHEAD) => {
    const packed = { data: new Uint8Array(size - OVERHEAD), headers: undefined };
    return sender.add(Array.from({ length: count }, () => ({ subject: 's', packed })));
  };
  const close = () => {
    sender.end((sent) => Object.assign(new Error('closed'), { sent }) as never);
    expect(vi.getTimerCount()).toBe(0);
  };
  return {
    sender,
    session,
    own,
    flying,
    add,
    close,
    store: () => flying.shift()?.reply(answer('{}')),
    /** Nobody is there who takes it. */
    miss: () => flying.shift()?.reply(undefined),
  };
}

describe('messages for a stream', () => {
  it('are 512 under way at once, and one more for each that is stored', async () => {
    const { sender, session, flying, add, store, close } = ground();
    sender.up(session);
    add(NATS_STORING - 1).catch(() => {});
    await settle();
    expect([NATS_STORING, flying.length]).toEqual([512, 511]);
    add(3).catch(() => {});
    await settle();
    expect(flying.length).toBe(512);
    for (let more = 0; more < 2; more++) {
      store();
      await settle();
      expect(flying.length).toBe(512);
    }
    store();
    await settle();
    expect(flying.length, 'nothing waits any more').toBe(511);
    close();
  });

  it.each([
    [NATS_STORING_BYTES - 1, 2],
    [NATS_STORING_BYTES, 1],
    [NATS_STORING_BYTES + 1, 1],
  ])('behind %i bytes that are under way there are %i messages', async (size, count) => {
    const { sender, session, flying, add, store, close } = ground();
    sender.up(session);
    add(1, size).catch(() => {});
    add(1).catch(() => {});
    await settle();
    expect([NATS_STORING_BYTES, flying.length]).toEqual([4_194_304, count]);
    store();
    await settle();
    expect(flying.length).toBe(1);
    close();
  });

  it('have space until 4 MiB of them wait, and again below', async () => {
    const { sender, session, add, close } = ground();
    const spaces: number[] = [];
    const note = (at: number) => sender.space().then(() => spaces.push(at));
    add(1).catch(() => {});
    add(1, NATS_STORING_BYTES - OVERHEAD - 1 - OVERHEAD).catch(() => {});
    note(1);
    await settle();
    expect(spaces).toEqual([1]);
    add(1, OVERHEAD + 1).catch(() => {});
    note(2);
    await settle();
    expect(spaces, 'at 4 MiB').toEqual([1]);
    sender.up(session);
    await settle();
    expect(spaces).toEqual([1, 2]);
    close();
  });

  it('that came back after their server was gone are rejected: NATS has nothing of them', async () => {
    const { sender, session, own, flying, add, miss, close } = ground();
    sender.up(session);
    const sent = add(1);
    const outcome = sent.catch((error: unknown) => error);
    await settle();
    own.isOpen = false;
    miss();
    await vi.advanceTimersByTimeAsync(1_000);
    expect(await outcome).toMatchObject({ code: 'DISCONNECTED', sent: false });
    expect(flying).toEqual([]);
    await vi.advanceTimersByTimeAsync(5_000);
    close();
  });
});
