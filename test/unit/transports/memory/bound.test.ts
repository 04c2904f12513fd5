/** The bound ends of the memory transport: whom they give what, and what they keep meanwhile. */
import { describe, expect, it, vi } from 'vitest';
import { type Deferred, deferred } from '../../../../src/async/deferred.ts';
import { macrotasks } from '../../../../src/async/macrotask.ts';
import type { Bytes } from '../../../../src/protocol/bytes.ts';
import { MemoryPush } from '../../../../transports/memory/bound.ts';
import { type EndpointOf, MemoryNetwork, type Taker } from '../../../../transports/memory/network.ts';
import { bytes, textOf } from '../../../support/bytes.ts';
import { within } from '../../../support/wait.ts';

const HOST = { report: () => {}, release: () => {} } as never;

/** A puller whose room a test moves. */
function puller(isFull = false) {
  const rooms: Deferred<void>[] = [];
  const taken: string[] = [];
  const own = {
    topic: '',
    isFull,
    room: () => {
      const room = deferred<void>();
      rooms.push(room);
      return room.promise;
    },
    give: (frames: readonly Bytes[]) => taken.push(...frames.map(textOf)),
  } satisfies Taker<Bytes>;
  /** Reads all, and has room. */
  const read = () => {
    own.isFull = false;
    for (const room of rooms.splice(0)) room.resolve();
  };
  return { own, rooms, taken, read };
}

describe('a bound push', () => {
  function ground() {
    const network = new MemoryNetwork(macrotasks());
    const push = new MemoryPush(network, HOST).bind('memory://*');
    let endpoint: EndpointOf<'push'> | undefined;
    network.dial(push.address, {
      bound: (own) => {
        if (own.kind === 'push') endpoint = own;
      },
      gone: () => {},
    });
    if (endpoint === undefined) throw new Error('nothing is bound');
    return { push, endpoint };
  }

  it('gives frames to pullers in turn, and passes over those that are full', async () => {
    const { push, endpoint } = ground();
    const [first, full, last] = [puller(), puller(true), puller()];
    for (const { own } of [first, full, last]) endpoint.attach(own);
    await push.send(['a', 'b', 'c', 'd'].map(bytes));
    expect([first.taken.length, full.taken.length, last.taken.length]).toEqual([2, 0, 2]);
    expect([...first.taken, ...last.taken].sort()).toEqual(['a', 'b', 'c', 'd']);
  });

  it('waits while all are full, and gives to the one that reads first, in order', async () => {
    const { push, endpoint } = ground();
    const [slow, quick] = [puller(true), puller(true)];
    for (const { own } of [slow, quick]) endpoint.attach(own);
    const sends = [push.send([bytes('a')]), push.send([bytes('b')])];
    quick.read();
    await within(2_000, Promise.all(sends));
    expect([slow.taken, quick.taken]).toEqual([[], ['a', 'b']]);
  });

  it('gathers nothing at a puller that never reads, however often others make it wait', async () => {
    const { push, endpoint } = ground();
    const [stuck, quick] = [puller(true), puller(true)];
    for (const { own } of [stuck, quick]) endpoint.attach(own);
    for (let i = 0; i < 50; i++) {
      const sent = push.send([bytes(String(i))]);
      quick.read();
      await within(2_000, sent);
      quick.own.isFull = true;
    }
    expect([quick.taken.length, stuck.rooms.length]).toEqual([50, 1]);
    const sent = push.send([bytes('last')]);
    stuck.read();
    await within(2_000, sent);
    expect(stuck.taken).toEqual(['last']);
  });

  it('waits for a puller that comes, and no longer than it is open', async () => {
    const { push, endpoint } = ground();
    const sent = push.send([bytes('a')]);
    const late = puller();
    endpoint.attach(late.own);
    await within(2_000, sent);
    expect(late.taken).toEqual(['a']);
    endpoint.detach(late.own);
    const waiting = push.send([bytes('b')]).catch((error) => error);
    await push.close();
    expect(await within(2_000, waiting)).toMatchObject({
      code: 'CLOSED',
      message: `${push.address} is closed`,
      sent: false,
    });
    await expect(push.send([bytes('c')])).rejects.toMatchObject({ code: 'CLOSED', sent: false });
  });

  it('tells how many pullers there are, and lets a listener that throws spoil nothing', () => {
    const { push, endpoint } = ground();
    const counts: number[] = [];
    const reported = vi.spyOn(console, 'error').mockImplementation(() => {});
    const error = new Error('a listener failed');
    push.onPeers(() => {
      throw error;
    });
    push.onPeers(() => counts.push(push.peers));
    const [first, second] = [puller(), puller()];
    endpoint.attach(first.own);
    endpoint.attach(second.own);
    endpoint.detach(first.own);
    endpoint.detach(second.own);
    expect(counts).toEqual([1, 2, 1, 0]);
    expect(reported.mock.calls).toEqual(Array(4).fill([error]));
    reported.mockRestore();
  });
});
