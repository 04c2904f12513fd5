/** Channels of the relay to a server, which many clients share: who is told what, and what becomes of them when the server moves. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Readiness } from '../../../../../src/async/readiness.ts';
import { PalmError } from '../../../../../src/protocol/errors.ts';
import type { Channel } from '../../../../../src/transport.ts';
import {
  type ChannelUser,
  SharedChannel,
  UpstreamChannel,
} from '../../../../../transports/relay/upstream/upstream-channel.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const BROKEN = new PalmError('DISCONNECTED', 'broke');
const REFUSED = new PalmError('FORBIDDEN', 'no');

class FakeChannel extends Readiness implements Channel {
  closings = 0;

  async close(): Promise<void> {
    this.closings++;
    this.setClosed(new PalmError('CLOSED', 'closed'));
  }
}

/** One whose users see an end of it while it is being closed. */
class Ending extends FakeChannel {
  override async close(): Promise<void> {
    this.closings++;
    this.setBroken(BROKEN);
    this.setRefused(REFUSED);
  }
}

class User implements ChannelUser<FakeChannel> {
  readonly events: string[] = [];

  joined(): void {
    this.events.push('joined');
  }

  becameReady(): void {
    this.events.push('ready');
  }

  broke(error: PalmError): void {
    this.events.push(`broke: ${error.code}`);
  }

  reason = '';

  wasRefused(error: PalmError): void {
    this.reason = error.message;
    this.events.push(`refused: ${error.code}`);
  }
}

const settle = () => vi.advanceTimersByTimeAsync(0);

describe('a shared channel', () => {
  it('tells its users when it is ready, breaks, and is ready again, and nobody who has left', async () => {
    const channel = new FakeChannel();
    const onBreak = vi.fn();
    const shared = new SharedChannel(channel, onBreak);
    const [user, left, late] = [new User(), new User(), new User()];
    shared.add(user);
    shared.add(left);
    shared.remove(left);
    channel.setReady();
    await settle();
    shared.add(late);
    channel.setBroken(BROKEN);
    await settle();
    expect(onBreak).toHaveBeenCalledTimes(1);
    channel.setReady();
    await settle();
    expect(user.events).toEqual(['joined', 'ready', 'broke: DISCONNECTED', 'ready']);
    expect(late.events).toEqual(['joined', 'ready', 'broke: DISCONNECTED', 'ready']);
    expect(left.events).toEqual(['joined']);
  });

  it('tells users of a refusal, also those that come later, until the server takes it after all', async () => {
    const channel = new FakeChannel();
    const shared = new SharedChannel(channel);
    const [user, late] = [new User(), new User()];
    shared.add(user);
    channel.setRefused(REFUSED);
    await settle();
    shared.add(late);
    expect([user.events, late.events]).toEqual([
      ['joined', 'refused: FORBIDDEN'],
      ['joined', 'refused: FORBIDDEN'],
    ]);
    channel.setReady();
    await vi.advanceTimersByTimeAsync(1_000);
    expect([user.events.at(-1), late.events.at(-1)]).toEqual(['ready', 'ready']);
    const last = new User();
    shared.add(last);
    expect(last.events).toEqual(['joined', 'ready']);
  });

  it('hands over its users when it is closed, and leaves no timer', async () => {
    const channel = new FakeChannel();
    const onBreak = vi.fn();
    const shared = new SharedChannel(channel, onBreak);
    const user = new User();
    shared.add(user);
    channel.setRefused(REFUSED);
    await settle();
    expect(vi.getTimerCount()).toBe(1);
    expect(shared.leave()).toEqual([user]);
    await shared.close();
    expect([channel.closings, vi.getTimerCount(), onBreak.mock.calls.length]).toEqual([1, 0, 0]);
    expect(user.events).toEqual(['joined', 'refused: FORBIDDEN', 'broke: DISCONNECTED']);
    expect(shared.leave()).toEqual([]);
    await shared.close();
  });

  it.each([true, false])(
    'that ends otherwise while it is closed (ready: %s) is not looked for',
    async (isReady) => {
      const channel = new Ending();
      const onBreak = vi.fn();
      const shared = new SharedChannel(channel, onBreak);
      const user = new User();
      shared.add(user);
      if (isReady) channel.setReady();
      await settle();
      const before = user.events.length;
      await shared.close();
      await settle();
      expect([onBreak.mock.calls.length, vi.getTimerCount()]).toEqual([0, 0]);
      expect(user.events.slice(before)).toEqual(['broke: DISCONNECTED']);
    },
  );

  it('that was closed with all channels of its connection is not tried again, and nobody is refused', async () => {
    const channel = new FakeChannel();
    const shared = new SharedChannel(channel);
    const user = new User();
    shared.add(user);
    channel.setClosed(new PalmError('CLOSED', 'closed'));
    await settle();
    expect([user.events, vi.getTimerCount()]).toEqual([['joined'], 0]);
  });

  it('that breaks is ready again also where nobody else hears of it', async () => {
    const channel = new FakeChannel();
    const shared = new SharedChannel(channel);
    const user = new User();
    shared.add(user);
    channel.setReady();
    await settle();
    channel.setBroken(BROKEN);
    channel.setReady();
    await settle();
    expect(user.events).toEqual(['joined', 'ready', 'broke: DISCONNECTED', 'ready']);
  });
});

function ground(given?: string) {
  const made: [address: string, channel: FakeChannel][] = [];
  const find = vi.fn<(key: string) => Promise<string>>(async () => 'first');
  const open = vi.fn((address: string) => {
    const channel = new FakeChannel();
    made.push([address, channel]);
    return new SharedChannel(channel);
  });
  const upstream = new UpstreamChannel<FakeChannel>({ key: 'pull_address', given, find, open });
  return { upstream, made, find, open };
}

describe('a channel to an address that the server gives', () => {
  it('is opened when it is first used, once for all', async () => {
    const { upstream, made, find } = ground();
    expect([upstream.isReady, made.length]).toEqual([true, 0]);
    const users = [new User(), new User(), new User()];
    for (const user of users.slice(0, 2)) upstream.add(user);
    await settle();
    upstream.add(users[2] as User);
    expect(find.mock.calls).toEqual([['pull_address']]);
    expect(made.map(([address]) => address)).toEqual(['first']);
    expect(users.map(({ events }) => events)).toEqual([['joined'], ['joined'], ['joined']]);
    expect(upstream.isReady).toBe(false);
    made[0]?.[1].setReady();
    await settle();
    expect(upstream.isReady).toBe(true);
  });

  it('does not ask where the address was given, nor follow', async () => {
    const { upstream, made, find } = ground('given');
    upstream.add(new User());
    await settle();
    await upstream.follow();
    expect([made.map(([address]) => address), find.mock.calls]).toEqual([['given'], []]);
  });

  it('refuses those who wait when the server has no address, and asks again for the next', async () => {
    const { upstream, find, made } = ground();
    find.mockRejectedValueOnce(new PalmError('WRONG_SERVER', 'none'));
    const [first, second, third] = [new User(), new User(), new User()];
    upstream.add(first);
    upstream.add(third);
    upstream.remove(third);
    await settle();
    upstream.add(second);
    await settle();
    expect([first.events, second.events, third.events]).toEqual([['refused: WRONG_SERVER'], ['joined'], []]);
    expect(made).toHaveLength(1);
  });

  it('that is closed while the address is asked for opens nothing, and its users hear nothing', async () => {
    for (const outcome of ['first', new PalmError('WRONG_SERVER', 'none')]) {
      const { upstream, find, open } = ground();
      let answer = (_: string) => {};
      let fail = (_: unknown) => {};
      find.mockReturnValue(
        new Promise((resolve, reject) => {
          answer = resolve;
          fail = reject;
        }),
      );
      const user = new User();
      upstream.add(user);
      await upstream.close();
      if (typeof outcome === 'string') answer(outcome);
      else fail(outcome);
      await settle();
      expect([open.mock.calls, user.events, upstream.isReady]).toEqual([[], [], true]);
    }
  });

  it('that is closed while it follows the server goes nowhere', async () => {
    const { upstream, find, made } = ground();
    upstream.add(new User());
    await settle();
    let answer = (_: string) => {};
    find.mockReturnValue(
      new Promise((resolve) => {
        answer = resolve;
      }),
    );
    const following = upstream.follow();
    await upstream.close();
    answer('second');
    await following;
    expect(made.map(([address, { closings }]) => [address, closings])).toEqual([['first', 1]]);
  });

  it('tries the same address again when it could not be opened', async () => {
    const { upstream, open, made } = ground();
    open.mockImplementationOnce(() => {
      throw new Error('no');
    });
    const user = new User();
    upstream.add(user);
    await settle();
    expect(user.reason).toBe('the channel cannot be opened: no');
    upstream.add(user);
    await settle();
    expect([user.events, made.map(([address]) => address)]).toEqual([
      ['refused: PROTOCOL', 'joined'],
      ['first'],
    ]);
  });

  it('follows the server to another address with all of its users, and stays where the server stays', async () => {
    const { upstream, made, find } = ground();
    await upstream.follow();
    expect(find).not.toHaveBeenCalled();
    const user = new User();
    upstream.add(user);
    await settle();
    made[0]?.[1].setReady();
    await settle();
    await upstream.follow();
    expect(made).toHaveLength(1);
    find.mockResolvedValue('second');
    await upstream.follow();
    expect(made.map(([address, { closings }]) => [address, closings])).toEqual([
      ['first', 1],
      ['second', 0],
    ]);
    expect(user.events).toEqual(['joined', 'ready', 'broke: DISCONNECTED', 'joined']);
    made[1]?.[1].setReady();
    await settle();
    expect(user.events.at(-1)).toBe('ready');
  });

  it('takes nobody along who leaves while the channel to the last address closes', async () => {
    const { upstream, made, find } = ground();
    const [user, left] = [new User(), new User()];
    for (const own of [user, left]) upstream.add(own);
    await settle();
    find.mockResolvedValue('second');
    let closed = () => {};
    const first = made[0]?.[1] as FakeChannel;
    first.close = () => new Promise((resolve) => (closed = resolve));
    const following = upstream.follow();
    await settle();
    upstream.remove(left);
    closed();
    await following;
    expect([user.events.at(-1), left.events.at(-1)]).toEqual(['joined', 'broke: DISCONNECTED']);
    made[1]?.[1].setReady();
    await settle();
    expect([user.events.at(-1), left.events.at(-1)]).toEqual(['ready', 'broke: DISCONNECTED']);
  });

  it('is waited for until it is ready or closed, and never where the server refuses', async () => {
    const { upstream, made } = ground();
    await upstream.ready();
    upstream.add(new User());
    await settle();
    const [outcomes, channel] = [[] as string[], made[0]?.[1] as FakeChannel];
    upstream.ready().then(() => outcomes.push('ready'));
    channel.setRefused(REFUSED);
    await settle();
    expect(outcomes).toEqual([]);
    channel.setReady();
    upstream.ready().then(() => outcomes.push('ready later'));
    await settle();
    expect(outcomes).toEqual(['ready later']);
    await upstream.close();
    upstream.ready().then(() => outcomes.push('closed'));
    await settle();
    expect([outcomes.at(-1), channel.closings, vi.getTimerCount()]).toEqual(['closed', 1, 0]);
  });
});
