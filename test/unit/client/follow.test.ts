/** How a client's link follows its server: what is asked when, where the link goes, and what becomes of calls. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { OpenCall } from '../../../src/client/call-link.ts';
import type { ClientCore } from '../../../src/client/core.ts';
import { follow } from '../../../src/client/follow.ts';
import { plainReply } from '../../../src/protocol/cache-request.ts';
import { PalmError } from '../../../src/protocol/errors.ts';
import { Feature } from '../../../src/protocol/message.ts';
import { bytes } from '../../support/bytes.ts';
import { BROKEN, FakeServer, settle } from '../../support/fake-connection.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

async function ground({ isFollowed = true, isEndKnown = true, end = '' } = {}) {
  const server = await FakeServer.open();
  server.up();
  const { connection, link } = server;
  const push = vi.spyOn(connection, 'push');
  const subscribe = vi.spyOn(connection, 'subscribe');
  /** What the server says of itself, or how asking fails. */
  const told = {
    name: 'demo',
    pull_address: 'push',
    pub_address: 'sub',
    frond_end: end,
    isFrond: true,
    failures: [] as unknown[],
    asked: 0,
  };
  const cache = {
    read: async (key: 'name' | 'pull_address' | 'pub_address' | 'frond_end') => {
      if (key === 'name') {
        told.asked++;
        const failure = told.failures.shift();
        if (failure !== undefined) throw failure;
      }
      return { ...plainReply(bytes(told[key])), ...(told.isFrond && { features: Feature.replies }) };
    },
  };
  const logger = { debug: vi.fn(), info: vi.fn(), warning: vi.fn(), error: vi.fn() };
  const settings = { transport: {}, dbAddress: 'db', logger };
  const core = { connection, settings, cache, serverName: 'demo' } as unknown as ClientCore;
  if (isFollowed) follow(core, link, isEndKnown);
  await settle();
  /** A call that is under way. */
  const call = () => {
    const own: OpenCall & { readonly errors: PalmError[] } = {
      errors: [],
      answer: () => {},
      fail: (error) => own.errors.push(error),
    };
    link.mailbox.open(own);
    return own;
  };
  const addresses = (spy: typeof push | typeof subscribe) => spy.mock.calls.map(([address]) => address);
  return { server, connection, link, told, logger, core, call, push, subscribe, addresses };
}

/** What closing does to the connection and the follower; nothing is left then. */
async function expectNothingLeft(own: Awaited<ReturnType<typeof ground>>) {
  await own.connection.close();
  own.link.close();
  await settle();
  expect(vi.getTimerCount()).toBe(0);
}

describe('a server that a client follows', () => {
  it('is asked nothing while the link is there', async () => {
    const own = await ground();
    await vi.advanceTimersByTimeAsync(10_000);
    expect(own.told.asked).toBe(0);
    await expectNothingLeft(own);
  });

  it('is asked each second after a break until the link is there, and stays where it was', async () => {
    const own = await ground();
    const { pusher, subscription } = own.server;
    pusher.setBroken(BROKEN);
    await settle();
    expect(own.told.asked).toBe(1);
    await vi.advanceTimersByTimeAsync(999);
    expect(own.told.asked).toBe(1);
    await vi.advanceTimersByTimeAsync(1);
    expect(own.told.asked).toBe(2);
    pusher.setReady();
    await vi.advanceTimersByTimeAsync(10_000);
    expect(own.told.asked).toBe(2);
    expect([own.link.pusher === pusher, own.link.subscription === subscription]).toEqual([true, true]);
    // And after the next break again.
    subscription.setBroken(BROKEN);
    await settle();
    expect(own.told.asked).toBe(3);
    await expectNothingLeft(own);
    expect(own.told.asked).toBe(3);
  });

  it('is asked when the link broke before it was followed', async () => {
    const own = await ground({ isFollowed: false });
    own.server.subscription.setBroken(BROKEN);
    follow(own.core, own.link, true);
    await settle();
    expect(own.told.asked).toBe(1);
    await expectNothingLeft(own);
  });

  it('is asked once for several breaks', async () => {
    const own = await ground();
    own.server.pusher.setBroken(BROKEN);
    own.server.subscription.setBroken(BROKEN);
    await settle();
    expect(own.told.asked).toBe(1);
    await expectNothingLeft(own);
  });

  it('gets calls where it takes them now, and those under way fail', async () => {
    const own = await ground();
    const before = own.server.pusher;
    const call = own.call();
    own.told.pull_address = 'push 2';
    own.server.subscription.setBroken(BROKEN);
    own.server.subscription.setReady();
    await settle();
    call.errors.length = 0;
    expect(own.addresses(own.push)).toEqual(['push 2']);
    expect(own.addresses(own.subscribe)).toEqual([]);
    expect(own.link.addresses).toEqual({ pushAddress: 'push 2', subAddress: 'sub' });
    expect([own.link.pusher === own.server.pusher, own.link.pusher !== before]).toEqual([true, true]);
    expect(before.isClosed).toBe(true);
    await expectNothingLeft(own);
  });

  it('tells calls under way at the old address that they are lost', async () => {
    const own = await ground();
    own.told.pull_address = 'push 2';
    own.server.pusher.setBroken(BROKEN);
    const call = own.call();
    await settle();
    expect(call.errors).toMatchObject([
      {
        code: 'DISCONNECTED',
        sent: 'unknown',
        message: expect.stringContaining('the server is no longer at push;'),
      },
    ]);
    await expectNothingLeft(own);
  });

  it('is listened to where it answers now', async () => {
    const own = await ground();
    const { pusher, subscription } = own.server;
    own.told.pub_address = 'sub 2';
    pusher.setBroken(BROKEN);
    const call = own.call();
    await settle();
    expect([own.addresses(own.push), own.addresses(own.subscribe)]).toEqual([[], ['sub 2']]);
    expect(own.link.addresses).toEqual({ pushAddress: 'push', subAddress: 'sub 2' });
    expect(own.link.subscription).toBe(own.server.subscription);
    expect([subscription.isClosed, pusher.isClosed]).toEqual([true, false]);
    expect(call.errors.map(({ message }) => message)).toEqual([
      'the server is no longer at sub; calls under way lost their answers and may have run',
    ]);
    await expectNothingLeft(own);
  });

  it('may move with both addresses, and be another kind of server then', async () => {
    const own = await ground();
    Object.assign(own.told, { pull_address: 'push 2', pub_address: 'sub 2', isFrond: false });
    own.server.pusher.setBroken(BROKEN);
    await settle();
    expect(own.link.addresses).toEqual({ pushAddress: 'push 2', subAddress: 'sub 2' });
    expect(own.link.isDirect).toBe(false);
    own.server.up();
    expect(own.link.isReady).toBe(true);
    await expectNothingLeft(own);
  });

  it('is asked again at once when the connection to its cache breaks', async () => {
    const own = await ground();
    own.told.failures = [new PalmError('DISCONNECTED', 'gone'), new PalmError('DISCONNECTED', 'gone')];
    own.server.pusher.setBroken(BROKEN);
    await settle();
    expect(own.told.asked).toBe(3);
    expect([own.link.refusal, own.logger.warning.mock.calls]).toEqual([undefined, []]);
    await expectNothingLeft(own);
  });
});

describe('another server at the addresses', () => {
  it('gets no calls: they fail until the right one is back', async () => {
    const own = await ground();
    const { pusher, subscription } = own.server;
    own.told.name = 'other';
    pusher.setBroken(BROKEN);
    await settle();
    await vi.advanceTimersByTimeAsync(3_000);
    expect(own.told.asked).toBe(4);
    expect(own.link.refusal).toMatchObject({ code: 'WRONG_SERVER' });
    expect(own.logger.warning.mock.calls).toEqual([
      [
        'the server was not found again',
        { code: 'WRONG_SERVER', reason: expect.stringContaining('server "other", not "demo"') },
      ],
    ]);
    // New channels, once: calls that waited for the old ones fail.
    expect([own.addresses(own.push), own.addresses(own.subscribe)]).toEqual([['push'], ['sub']]);
    expect([pusher.isClosed, subscription.isClosed]).toEqual([true, true]);
    expect([own.link.pusher, own.link.subscription]).toEqual([own.server.pusher, own.server.subscription]);
    await expect(own.link.ready()).rejects.toMatchObject({ code: 'WRONG_SERVER', sent: false });
    own.told.name = 'demo';
    await vi.advanceTimersByTimeAsync(1_000);
    expect(own.link.refusal).toBeUndefined();
    own.server.up();
    await own.link.ready();
    await expectNothingLeft(own);
  });

  it('that takes no calls refuses them', async () => {
    const own = await ground();
    own.told.pull_address = '';
    own.server.pusher.setBroken(BROKEN);
    await settle();
    expect(own.link.refusal).toMatchObject({
      code: 'INVALID_CALL',
      message: 'server "demo" takes no calls; call the first server of its pipeline',
    });
    await expectNothingLeft(own);
  });

  it('refuses nothing while the link is there', async () => {
    const own = await ground();
    own.told.name = 'other';
    own.server.pusher.setBroken(BROKEN);
    own.server.pusher.setReady();
    await settle();
    expect([own.told.asked, own.link.refusal]).toEqual([1, undefined]);
    await expectNothingLeft(own);
  });

  it.each([
    [new PalmError('CLOSED', 'closed'), undefined],
    [new Error('odd'), { code: 'PROTOCOL', message: 'the server cannot be found again: odd' }],
  ])('that fails to answer with %s', async (failure, refusal) => {
    const own = await ground();
    own.told.failures = [failure];
    own.server.pusher.setBroken(BROKEN);
    await settle();
    if (refusal === undefined) expect(own.link.refusal).toBeUndefined();
    else expect(own.link.refusal).toMatchObject(refusal);
    await expectNothingLeft(own);
  });
});

describe('the connection to the cache', () => {
  const down = { type: 'disconnected', address: 'db', reason: 'gone' } as const;

  it('tells by its break that the server may be gone: the push address is tried a second time', async () => {
    const own = await ground();
    const { pusher } = own.server;
    own.connection.report(down);
    await settle();
    expect([own.told.asked, own.addresses(own.push)]).toEqual([1, ['push']]);
    // The second one connects: the first stays.
    const second = own.server.pusher;
    second.setReady();
    await settle();
    expect([second.isClosed, own.link.pusher === pusher]).toEqual([true, true]);
    await vi.advanceTimersByTimeAsync(1_000);
    await expectNothingLeft(own);
  });

  it('has the second pusher take the place of one that does not connect again', async () => {
    const own = await ground();
    const { pusher } = own.server;
    const call = own.call();
    own.connection.report(down);
    await vi.advanceTimersByTimeAsync(999);
    expect(own.link.pusher).toBe(pusher);
    await vi.advanceTimersByTimeAsync(1);
    expect(own.link.pusher).toBe(own.server.pusher);
    expect([pusher.isClosed, own.link.pusher === pusher]).toEqual([true, false]);
    expect(call.errors).toHaveLength(1);
    await expectNothingLeft(own);
  });

  it('leaves a link alone that has broken, or that was changed meanwhile', async () => {
    const own = await ground();
    own.server.pusher.setBroken(BROKEN);
    await settle();
    own.connection.report(down);
    await settle();
    expect(own.addresses(own.push)).toEqual([]);
    own.server.pusher.setReady();
    await vi.advanceTimersByTimeAsync(1_000);
    // Broken while it is tried.
    const { pusher } = own.server;
    own.connection.report(down);
    await settle();
    const second = own.server.pusher;
    pusher.setBroken(BROKEN);
    await vi.advanceTimersByTimeAsync(1_000);
    expect([second.isClosed, own.link.pusher === pusher]).toEqual([true, true]);
    await expectNothingLeft(own);
  });

  it('says nothing by other news, or news of others', async () => {
    const own = await ground();
    own.connection.report({ ...down, address: 'elsewhere' });
    own.connection.report({ type: 'connecting', address: 'db' });
    await settle();
    expect([own.told.asked, own.addresses(own.push)]).toEqual([0, []]);
    await expectNothingLeft(own);
  });
});

describe('a pipeline whose end is not known', () => {
  it('is asked for after 1, 2, 4 … 30 s, and its answers are awaited there from then on', async () => {
    const own = await ground({ isEndKnown: false, end: '?' });
    expect(own.logger.warning.mock.calls).toEqual([
      [
        'the server passes its results on, and no server has said that it reads them; answers are awaited at',
        { server: 'demo', subAddress: 'sub' },
      ],
    ]);
    let asked = 0;
    for (const pause of [1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]) {
      await vi.advanceTimersByTimeAsync(pause - 1);
      expect(own.told.asked).toBe(asked);
      await vi.advanceTimersByTimeAsync(1);
      expect(own.told.asked).toBe(++asked);
    }
    own.told.frond_end = 'last there';
    await vi.advanceTimersByTimeAsync(30_000);
    expect(own.link.addresses).toEqual({ pushAddress: 'push', subAddress: 'there' });
    expect(own.link.isDirect).toBe(false);
    await vi.advanceTimersByTimeAsync(100_000);
    expect(own.told.asked).toBe(asked + 1);
    await expectNothingLeft(own);
  });

  it('is asked for no more once the client is closed', async () => {
    const own = await ground({ isEndKnown: false, end: '?' });
    await expectNothingLeft(own);
    await vi.advanceTimersByTimeAsync(10_000);
    expect(own.told.asked).toBe(0);
  });

  it('is not asked for where the end is known', async () => {
    const own = await ground();
    await vi.advanceTimersByTimeAsync(100_000);
    expect([own.told.asked, own.logger.warning.mock.calls]).toEqual([0, []]);
    await expectNothingLeft(own);
  });

  it('keeps the place where its last server was, while that is away', async () => {
    const own = await ground({ end: 'last there' });
    own.server.pusher.setBroken(BROKEN);
    await settle();
    expect([own.link.addresses.subAddress, own.link.isDirect]).toEqual(['there', false]);
    own.told.frond_end = '?';
    own.server.pusher.setReady();
    own.server.subscription.setReady();
    await vi.advanceTimersByTimeAsync(1_000);
    own.server.pusher.setBroken(BROKEN);
    await settle();
    expect([own.link.addresses.subAddress, own.link.isDirect]).toEqual(['there', false]);
    own.told.frond_end = 'demo sub';
    await vi.advanceTimersByTimeAsync(1_000);
    expect([own.link.addresses.subAddress, own.link.isDirect]).toEqual(['sub', true]);
    await expectNothingLeft(own);
  });
});
