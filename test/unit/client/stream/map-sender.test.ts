/** How the attempts of a map leave: in batches, in their order, once each, and only those that are still to be made. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type Deferred, deferred } from '../../../../src/async/deferred.ts';
import type { Attempt } from '../../../../src/client/stream/attempts.ts';
import { MapSender } from '../../../../src/client/stream/map-sender.ts';
import { BROKEN, FakeServer, settle } from '../../../support/fake-connection.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const attempt = (index: number): Attempt => ({
  index,
  payload: new Uint8Array(0),
  count: 1,
  at: 0,
  breaks: undefined,
  isQueued: false,
  isPlaced: false,
});
const attempts = (count: number, from = 0) => Array.from({ length: count }, (_, i) => attempt(from + i));

/** A sender whose batches leave when a test says so, or at once. */
async function ground({ isUp = true, leavesAtOnce = true } = {}) {
  const server = await FakeServer.open();
  if (isUp) server.up();
  const unwanted = new Set<Attempt>();
  const batches: number[][] = [];
  const leaving: Deferred<void>[] = [];
  const sender = new MapSender({
    link: server.link,
    isWanted: (own) => !unwanted.has(own),
    send: (batch) => {
      batches.push(batch.map(({ index }) => index));
      const end = deferred<void>();
      leaving.push(end);
      if (leavesAtOnce) end.resolve();
      return end.promise;
    },
  });
  return { server, link: server.link, sender, unwanted, batches, leaving };
}

describe('attempts', () => {
  it('that are added in one turn leave together, after it', async () => {
    const { link, sender, batches } = await ground();
    const own = attempts(3);
    for (const one of own) sender.add(one);
    expect(batches).toEqual([]);
    expect(own.map(({ isQueued, isPlaced }) => [isQueued, isPlaced])).toEqual(Array(3).fill([true, true]));
    await settle();
    expect([batches, link.inFlight.taken]).toEqual([[[0, 1, 2]], 3]);
    expect(own.map(({ isQueued, isPlaced }) => [isQueued, isPlaced])).toEqual(Array(3).fill([false, true]));
    sender.add(attempt(3));
    await settle();
    expect(batches).toEqual([[0, 1, 2], [3]]);
  });

  it('leave 128 at a time, at once when so many are there', async () => {
    const { sender, batches } = await ground();
    for (const one of attempts(127)) sender.add(one);
    expect(batches).toEqual([]);
    sender.add(attempt(127));
    expect(batches.map(({ length }) => length)).toEqual([128]);
    for (const one of attempts(300, 128)) sender.add(one);
    await settle();
    expect(batches.flat()).toEqual(Array.from({ length: 428 }, (_, i) => i));
    expect(Math.max(...batches.map(({ length }) => length))).toBe(128);
  });

  it('that wait already are not added twice', async () => {
    const { link, sender, batches } = await ground();
    const one = attempt(0);
    sender.add(one);
    sender.add(one);
    await settle();
    expect([batches, link.inFlight.taken]).toEqual([[[0]], 1]);
  });

  it('that are not to be made any more are left out, and give their places back', async () => {
    const { link, sender, unwanted, batches } = await ground();
    const own = attempts(3);
    for (const one of own) sender.add(one);
    unwanted.add(own[1] as Attempt);
    await settle();
    expect([batches, link.inFlight.taken]).toEqual([[[0, 2]], 2]);
    expect(own[1]).toMatchObject({ isQueued: false, isPlaced: false });
    const last = attempt(3);
    sender.add(last);
    unwanted.add(last);
    await settle();
    expect([batches.length, link.inFlight.taken]).toEqual([1, 2]);
  });
});

describe('a sender without places', () => {
  it('sends what has one, in order, as places come', async () => {
    const { link, sender, batches } = await ground();
    let others = 0;
    while (link.tryAdmit()) others++;
    const own = attempts(200);
    for (const one of own) sender.add(one);
    await settle();
    expect([batches, own.some(({ isPlaced }) => isPlaced)]).toEqual([[], false]);
    // Callers are let in once a batch has room.
    link.inFlight.release(130);
    await settle();
    expect(batches.flat()).toEqual(Array.from({ length: 130 }, (_, i) => i));
    link.inFlight.release(others - 130);
    await settle();
    expect(batches.flat()).toEqual(Array.from({ length: 200 }, (_, i) => i));
    expect(link.inFlight.taken).toBe(200);
  });

  it('takes none for an attempt that is not to be made any more', async () => {
    const { link, sender, unwanted, batches } = await ground();
    let others = 0;
    while (link.tryAdmit()) others++;
    const own = attempts(3);
    for (const one of own) sender.add(one);
    await settle();
    unwanted.add(own[1] as Attempt);
    link.inFlight.release(others);
    await settle();
    expect([batches.flat(), link.inFlight.taken, own[1]?.isQueued]).toEqual([[0, 2], 2, false]);
  });

  it('keeps none when it is stopped meanwhile', async () => {
    const { link, sender, batches } = await ground();
    let others = 0;
    while (link.tryAdmit()) others++;
    for (const one of attempts(2)) sender.add(one);
    await settle();
    sender.stop();
    link.inFlight.release(others);
    await settle();
    expect([batches, link.inFlight.taken]).toEqual([[], 0]);
  });
});

describe('a sender that waits for places', () => {
  async function full() {
    const own = await ground();
    let others = 0;
    while (own.link.tryAdmit()) others++;
    return { ...own, others };
  }

  it('sends nothing before what waits, though a place is free for it', async () => {
    const { link, sender, batches } = await full();
    sender.add(attempt(0));
    await settle();
    // Callers are let in once a batch has room.
    link.inFlight.release(130);
    sender.add(attempt(1));
    await settle();
    expect(batches.flat()).toEqual([0, 1]);
  });

  it('asks for none for an attempt that is not to be made any more', async () => {
    const { link, sender, unwanted, batches, others } = await full();
    const own = attempts(3);
    for (const one of own) sender.add(one);
    await settle();
    unwanted.add(own[1] as Attempt);
    const ask = vi.spyOn(link, 'tryAdmit');
    link.inFlight.release(others);
    await settle();
    expect([batches.flat(), ask.mock.calls.length]).toEqual([[0, 2], 1]);
  });
});

describe('a sender whose link is down', () => {
  it('sends nothing when it is stopped until the link is there', async () => {
    const { server, link, sender, batches } = await ground();
    const failed = vi.fn();
    sender.failure.catch(failed);
    sender.add(attempt(0));
    server.subscription.setBroken(BROKEN);
    await settle();
    sender.stop();
    server.up();
    await settle();
    expect([batches, link.inFlight.taken, failed.mock.calls]).toEqual([[], 0, []]);
  });

  it('keeps what is gathered until the link is there', async () => {
    const { server, link, sender, batches } = await ground();
    sender.add(attempt(0));
    server.subscription.setBroken(BROKEN);
    await settle();
    expect([batches, link.inFlight.taken]).toEqual([[], 1]);
    server.up();
    await settle();
    expect(batches).toEqual([[0]]);
  });

  it('sends what is added meanwhile once it is there', async () => {
    const { server, sender, batches } = await ground({ isUp: false });
    for (const one of attempts(2)) sender.add(one);
    await settle();
    expect(batches).toEqual([]);
    server.up();
    await settle();
    expect(batches.flat()).toEqual([0, 1]);
  });

  it('tells when it will accept nothing any more', async () => {
    const { link, sender } = await ground({ isUp: false });
    const failing = expect(sender.failure).rejects.toMatchObject({ code: 'CLOSED' });
    sender.add(attempt(0));
    link.refusal = undefined;
    link.close();
    await link.pusher.close();
    await failing;
  });
});

describe('a sender', () => {
  it('makes one batch while another is under way, and no more', async () => {
    const { sender, batches, leaving } = await ground({ leavesAtOnce: false });
    for (const one of attempts(500)) sender.add(one);
    await settle();
    expect(batches).toHaveLength(2);
    leaving[0]?.resolve();
    await settle();
    expect(batches).toHaveLength(3);
    for (const end of leaving) end.resolve();
    await settle();
    expect(batches.flat()).toHaveLength(500);
  });

  it('says when what was added has left', async () => {
    const { sender, batches, leaving } = await ground({ leavesAtOnce: false });
    await sender.handedOn();
    expect(batches).toEqual([]);
    sender.add(attempt(0));
    let isOver = false;
    const handing = sender.handedOn().then(() => {
      isOver = true;
    });
    // It does not wait for the turn to end.
    expect(batches).toEqual([[0]]);
    await settle();
    expect(isOver).toBe(false);
    leaving[0]?.resolve();
    await handing;
  });

  it('that is stopped gives back the places of what is gathered, and sends no more', async () => {
    const { link, sender, batches } = await ground();
    const own = attempts(2);
    for (const one of own) sender.add(one);
    sender.stop();
    expect([link.inFlight.taken, own[0]?.isPlaced]).toEqual([0, false]);
    sender.stop();
    await settle();
    expect([batches, link.inFlight.taken]).toEqual([[], 0]);
  });

  it('gives the place of an attempt back once', async () => {
    const { link, sender } = await ground();
    link.inFlight.take(5);
    const one = attempt(0);
    sender.add(one);
    sender.giveBack(one);
    sender.giveBack(one);
    expect(link.inFlight.taken).toBe(5);
  });
});
