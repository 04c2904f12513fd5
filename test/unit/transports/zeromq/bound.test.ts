/** The bound ends that answer, pull and push, with raw sockets as their peers. */
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { Dealer, Pull, Push, Request, Router } from 'zeromq';
import { AsyncQueue } from '../../../../src/async/async-queue.ts';
import { deferred } from '../../../../src/async/deferred.ts';
import { REPLIES } from '../../../../src/flow-control.ts';
import type { Bytes } from '../../../../src/protocol/bytes.ts';
import type { Answer, RequestOrigin } from '../../../../src/transport.ts';
import { ZeromqPull, ZeromqPush, ZeromqReply } from '../../../../transports/zeromq/bound.ts';
import { bytes, textOf } from '../../../support/bytes.ts';
import { collect, until, within } from '../../../support/wait.ts';

const ANY = 'tcp://127.0.0.1:*';
/** Milliseconds in which a message that must not come would have come. */
const QUIET = 60;

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

function opened<S extends { close(): void }>(socket: S): S {
  closing.push(() => socket.close());
  return socket;
}

function fakeHost() {
  return { report: vi.fn(), release: vi.fn() };
}

interface End {
  readonly address: string;
  bind(address: string, onClosed: () => void): Promise<void>;
  close(options?: { timeout?: number }): Promise<void>;
}
async function bound<E extends End>(end: E, address = ANY): Promise<E> {
  await end.bind(address, () => {});
  closing.push(() => end.close({ timeout: 0 }));
  return end;
}

const pullAt = (host = fakeHost()) => new ZeromqPull(new Pull({ linger: 0 }), host);

describe('a bound end', () => {
  it.each([ANY, 'tcp://127.0.0.1:0'])('at %s has the port that the system chose', async (address) => {
    const end = await bound(pullAt(), address);
    expect(end.address).toMatch(/^tcp:\/\/127\.0\.0\.1:[1-9]\d+$/);
  });

  it('names its address when it cannot be bound, and leaves no socket', async () => {
    const { address } = await bound(pullAt());
    const socket = new Pull({ linger: 0 });
    const onClosed = vi.fn();
    await expect(new ZeromqPull(socket, fakeHost()).bind(address, onClosed)).rejects.toMatchObject({
      code: 'INVALID_CALL',
      message: `cannot bind ${address}: Address already in use`,
      cause: { code: 'EADDRINUSE' },
    });
    expect([socket.closed, onClosed.mock.calls.length]).toEqual([true, 0]);
  });

  it('takes no path at which a file is', async () => {
    const end = pullAt();
    await expect(end.bind(`ipc://${tmpdir()}`, () => {})).rejects.toThrow(
      `cannot bind ipc://${tmpdir()}: there is a file that is not a socket`,
    );
  });

  it('is closed once: its host is told, and its port is free at once', async () => {
    const host = fakeHost();
    const onClosed = vi.fn();
    const end = pullAt(host);
    await end.bind(ANY, onClosed);
    const { address } = end;
    await within(3_000, end.close());
    await within(3_000, end.close());
    expect(host.release.mock.calls).toEqual([[end]]);
    expect(onClosed).toHaveBeenCalledTimes(1);
    const server = createServer();
    await within(
      3_000,
      new Promise<void>((resolve, reject) => {
        server.on('error', reject);
        server.listen(Number(address.split(':').at(-1)), '127.0.0.1', resolve);
      }),
    );
    await new Promise((resolve) => server.close(resolve));
  });

  it('tells of peers that it refuses at each power of two', async () => {
    const host = fakeHost();
    const end = await bound(pullAt(host));
    for (let i = 0; i < 9; i++) end.refuse(`reason ${i}`);
    expect(host.report.mock.calls.map(([status]) => status)).toEqual(
      [1, 2, 4, 8].map((count) => ({
        type: 'refused',
        address: end.address,
        reason: `reason ${count - 1}`,
        count,
      })),
    );
  });
});

/** A socket of which a test plays what comes, and its events. */
class Played {
  closed = false;
  linger = 0;
  readonly readable = false;
  readonly writable = true;
  readonly lastEndpoint = 'tcp://127.0.0.1:5';
  /** What was asked of it. */
  readonly asked: string[] = [];
  /** Whether another has the address. */
  isTaken = false;
  readonly #events = new AsyncQueue<object>();
  readonly #messages = new AsyncQueue<Uint8Array[]>();
  readonly events = { receive: () => nextOf(this.#events) };

  async bind(address: string): Promise<void> {
    this.asked.push(`bind ${address}`);
  }
  bindSync(address: string): void {
    this.asked.push(`bind ${address}`);
    if (this.isTaken) throw new Error('Address already in use');
  }
  disconnect(address: string): void {
    this.asked.push(`unbind ${address}`);
  }
  close(): void {
    this.closed = true;
    this.#messages.end();
  }
  receive(): Promise<Uint8Array[]> {
    return nextOf(this.#messages);
  }
  send(_: Uint8Array[]): Promise<void> {
    return Promise.resolve();
  }
  give(...parts: string[]): void {
    this.#messages.push(parts.map((part) => Buffer.from(part)));
  }
  tell(event: object): void {
    this.#events.push(event);
  }
}

async function nextOf<T>(queue: AsyncQueue<T>): Promise<T> {
  const { done, value } = await queue.next();
  if (done) throw new Error('Socket is closed');
  return value;
}

const turn = () => new Promise(setImmediate);

describe('a bound end that drops its peers', () => {
  class Dropping extends ZeromqPull {
    isBusy = false;
    drop(reason: string): void {
      this.dropPeers(reason);
    }
    protected override mayBindAgain(): boolean {
      return !this.isBusy;
    }
  }

  async function dropping() {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    closing.push(() => vi.useRealTimers());
    const socket = new Played();
    const host = fakeHost();
    const end = new Dropping(socket as never, host);
    await end.bind('tcp://127.0.0.1:5', () => {});
    expect(socket.asked.splice(0)).toEqual(['bind tcp://127.0.0.1:5']);
    return { socket, host, end };
  }

  it('unbinds, says why, and binds again after 50 ms', async () => {
    const { socket, host, end } = await dropping();
    end.drop('there were too many');
    expect(socket.asked.splice(0)).toEqual(['unbind tcp://127.0.0.1:5']);
    expect(host.report.mock.calls).toEqual([
      [{ type: 'refused', address: end.address, reason: 'there were too many', count: 1 }],
    ]);
    vi.advanceTimersByTime(49);
    expect(socket.asked).toEqual([]);
    vi.advanceTimersByTime(1);
    expect(socket.asked.splice(0)).toEqual(['bind tcp://127.0.0.1:5']);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('tries again as long as the address is not free', async () => {
    const { socket, end } = await dropping();
    end.drop('there were too many');
    socket.isTaken = true;
    vi.advanceTimersByTime(100);
    socket.isTaken = false;
    vi.advanceTimersByTime(50);
    expect(socket.asked.splice(0)).toEqual(
      ['unbind', 'bind', 'bind', 'bind'].map((own) => `${own} ${end.address}`),
    );
    expect(vi.getTimerCount()).toBe(0);
  });

  it('does not bind again before what they had sent is handled', async () => {
    const { socket, end } = await dropping();
    end.drop('there were too many');
    end.isBusy = true;
    vi.advanceTimersByTime(100);
    expect(socket.asked.splice(0)).toEqual(['unbind tcp://127.0.0.1:5']);
    end.isBusy = false;
    vi.advanceTimersByTime(50);
    expect(socket.asked).toEqual(['bind tcp://127.0.0.1:5']);
  });

  it('does not bind again once it is closed', async () => {
    const { socket, end } = await dropping();
    end.drop('there were too many');
    socket.tell({ type: 'end' });
    await within(3_000, end.close());
    vi.advanceTimersByTime(1_000);
    expect(socket.asked).toEqual(['unbind tcp://127.0.0.1:5']);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('waits for the system when it is closed later, as if it had never unbound', async () => {
    const { socket, end } = await dropping();
    end.drop('there were too many');
    socket.tell({ type: 'close' });
    vi.advanceTimersByTime(50);
    await turn();
    const closed = vi.fn();
    const close = end.close().then(closed);
    await turn();
    expect(closed).not.toHaveBeenCalled();
    // Its messages may still leave, for longer than the address is taken.
    socket.tell({ type: 'close' });
    await within(3_000, close);
    socket.tell({ type: 'end' });
  });
});

it('a bound end says that it cannot accept a connection', async () => {
  const socket = new Played();
  const host = fakeHost();
  const end = new ZeromqPull(socket as never, host);
  await end.bind('tcp://127.0.0.1:5', () => {});
  socket.tell({ type: 'accept:error', error: new Error('Too many open files') });
  await turn();
  const reason = 'a connection cannot be accepted: Too many open files';
  expect(host.report.mock.calls).toEqual([[{ type: 'refused', address: end.address, reason, count: 1 }]]);
  socket.tell({ type: 'end' });
  await end.close();
});

it('a bound end that answers looks for the peer that went whenever one goes', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  closing.push(() => vi.useRealTimers());
  const socket = new Played();
  const gone = vi.fn();
  const end = new ZeromqReply(socket as never, fakeHost(), (request, from) => {
    from.onGone(gone);
    return request;
  });
  await end.bind('tcp://127.0.0.1:5', () => {});
  socket.give('peer', '', 'a');
  await turn();
  await vi.advanceTimersByTimeAsync(10_000);
  socket.send = () => Promise.reject(Object.assign(new Error('Host unreachable'), { code: 'EHOSTUNREACH' }));
  await vi.advanceTimersByTimeAsync(10_000);
  expect(gone).not.toHaveBeenCalled();
  socket.tell({ type: 'disconnect' });
  await turn();
  await vi.advanceTimersByTimeAsync(20);
  expect(gone).toHaveBeenCalledTimes(1);
  socket.tell({ type: 'end' });
  await within(3_000, end.close());
});

describe('a bound end that answers', () => {
  interface Asked {
    readonly text: string;
    readonly from: RequestOrigin;
    readonly reply: (text: string) => void;
  }

  async function replying(answer?: Answer) {
    const asked: Asked[] = [];
    const later: Answer = (request, from) => {
      const { promise, resolve } = deferred<Bytes>();
      asked.push({ text: textOf(request), from, reply: (text) => resolve(bytes(text)) });
      return promise;
    };
    const socket = new Router({ linger: 0, sendTimeout: 0 });
    const end = await bound(new ZeromqReply(socket, fakeHost(), answer ?? later));
    const peer = (kind: typeof Dealer | typeof Request = Dealer) => {
      const own = opened(new kind({ linger: 0, receiveTimeout: 3_000 } as object));
      own.connect(end.address);
      return own as Dealer;
    };
    const asks = (count: number) =>
      within(
        3_000,
        until(() => asked.length >= count),
        'the requests',
      );
    return { end, asked, peer, asks };
  }

  /** The next message; a single empty part is how it is found out whether a peer is there. */
  const received = async (peer: Dealer): Promise<string[]> => {
    const parts = (await peer.receive()).map(String);
    return parts.length === 1 && parts[0] === '' ? received(peer) : parts;
  };

  it('sends each reply back the way that its request came, in whatever order they are made', async () => {
    const { asked, peer, asks } = await replying();
    const [first, second] = [peer(), peer(Request)];
    await first.send(['r1', 'r2', '', 'a']);
    await asks(1);
    await second.send('b');
    await asks(2);
    await first.send(['', 'c']);
    await asks(3);
    expect(asked.map(({ text }) => text)).toEqual(['a', 'b', 'c']);
    for (const { text, reply } of asked.toReversed()) {
      reply(`to ${text}`);
      await new Promise(setImmediate);
    }
    expect(await received(first)).toEqual(['', 'to c']);
    expect(await received(first)).toEqual(['r1', 'r2', '', 'to a']);
    expect(await received(second)).toEqual(['to b']);
    expect(asked[0]?.from.link).toBe(asked[2]?.from.link);
    expect(asked[0]?.from.link).not.toBe(asked[1]?.from.link);
  });

  it('sends a reply that is there at once', async () => {
    const { peer } = await replying((request) => bytes(`to ${textOf(request)}`));
    const own = peer(Request);
    await own.send('a');
    expect(await received(own)).toEqual(['to a']);
  });

  it('passes over what is not a request', async () => {
    const { asked, peer, asks } = await replying();
    const own = peer();
    for (const parts of [['no empty part'], ['r', 'x'], ['r', ''], [''], ['', 'a', 'b'], ['r', '', 'a', '']])
      await own.send(parts);
    await own.send(['', 'fine']);
    await asks(1);
    expect(asked.map(({ text }) => text)).toEqual(['fine']);
  });

  it('gives a request that is no Buffer', async () => {
    const kinds: unknown[] = [];
    const { peer } = await replying((request) => {
      kinds.push(request.constructor);
      return request;
    });
    const own = peer(Request);
    await own.send('a');
    await own.receive();
    expect(kinds).toEqual([Uint8Array]);
  });

  it('tells who answers when a peer is gone, and a reply to it harms nobody', async () => {
    const { asked, peer, asks } = await replying();
    const [one, other] = [peer(), peer()];
    await one.send(['', 'a']);
    await asks(1);
    await other.send(['', 'b']);
    await asks(2);
    const gone = vi.fn();
    const here = vi.fn();
    asked[0]?.from.onGone(gone);
    const stop = asked[1]?.from.onGone(here);
    one.close();
    await within(
      3_000,
      until(() => gone.mock.calls.length === 1),
      'the news',
    );
    asked[0]?.reply('late');
    asked[1]?.reply('to b');
    expect(await received(other)).toEqual(['', 'to b']);
    expect(here).not.toHaveBeenCalled();
    stop?.();
  });

  it('leaves no check of peers behind when it is closed, and drops later replies', async () => {
    const { end, asked, peer, asks } = await replying();
    const own = peer();
    await own.send(['', 'a']);
    await asks(1);
    const gone = vi.fn();
    const [started, stopped] = [vi.spyOn(globalThis, 'setTimeout'), vi.spyOn(globalThis, 'clearTimeout')];
    asked[0]?.from.onGone(gone);
    const timers = started.mock.results.map(({ value }) => value);
    expect(timers.length).toBeGreaterThan(0);
    await within(3_000, end.close());
    asked[0]?.reply('late');
    await new Promise(setImmediate);
    expect(stopped.mock.calls.flat()).toEqual(expect.arrayContaining(timers));
    expect(gone).not.toHaveBeenCalled();
  });

  it(`reads no more while ${REPLIES} replies cannot leave`, async () => {
    let count = 0;
    // Replies leave when the test says so.
    const leaving = deferred<void>();
    class Slow extends Router {
      override async send(parts: Parameters<Router['send']>[0]): Promise<void> {
        await leaving.promise;
        return super.send(parts);
      }
    }
    const end = await bound(
      new ZeromqReply(new Slow({ linger: 0, sendTimeout: 0 }), fakeHost(), (request) => {
        count++;
        return request;
      }),
    );
    const own = opened(new Dealer({ linger: 0, sendHighWaterMark: 0, receiveHighWaterMark: 0 }));
    own.connect(end.address);
    for (let i = 0; i < REPLIES + 50; i++) await own.send(['', 'a']);
    await within(
      3_000,
      until(() => count >= REPLIES),
    );
    await new Promise((resolve) => setTimeout(resolve, QUIET));
    // One is being sent.
    expect(count).toBe(REPLIES + 1);
    leaving.resolve();
    await within(
      3_000,
      until(() => count === REPLIES + 50),
    );
  });
});

describe('a bound end that pulls', () => {
  it('gives the frames of all peers, until it is stopped', async () => {
    const end = await bound(pullAt());
    const peers = [opened(new Push({ linger: 0 })), opened(new Push({ linger: 0 }))];
    for (const [i, peer] of peers.entries()) {
      peer.connect(end.address);
      await peer.send([`${i} a`, `${i} b`]);
    }
    const frames = await collect(end, 4);
    expect(frames.map(textOf).sort()).toEqual(['0 a', '0 b', '1 a', '1 b']);
    expect(frames[0]?.constructor).toBe(Uint8Array);
    end.stop();
    expect((await within(1_000, end[Symbol.asyncIterator]().next())).done).toBe(true);
  });

  it('ends when it is closed', async () => {
    const end = await bound(pullAt());
    const next = end[Symbol.asyncIterator]().next();
    await end.close();
    expect((await within(1_000, next)).done).toBe(true);
  });

  it('does not read on while nobody takes what it has', async () => {
    const socket = new Pull({ linger: 0, receiveHighWaterMark: 1 });
    const end = await bound(new ZeromqPull(socket, fakeHost()));
    const peer = opened(new Push({ linger: 0, sendHighWaterMark: 1, sendTimeout: 200 }));
    peer.connect(end.address);
    const frame = Buffer.alloc(1_048_576);
    let sent = 0;
    for (; sent < 30; sent++) {
      const isSent = await peer.send(frame).then(
        () => true,
        () => false,
      );
      if (!isSent) break;
    }
    // 4 MiB wait here, and a few with the sockets and the system.
    expect(sent).toBeLessThan(20);
    expect(await collect(end, sent)).toHaveLength(sent);
  });
});

describe('a bound end that pushes', () => {
  const pushAt = () => new ZeromqPush(new Push({ linger: 0 }), fakeHost());
  const pulling = (address: string, options: object = {}) => {
    const peer = opened(new Pull({ linger: 0, receiveTimeout: 3_000, ...options }));
    peer.connect(address);
    return peer;
  };

  it('counts its peers, and tells all who listen when that changes', async () => {
    const error = vi.spyOn(console, 'error').mockImplementation(() => {});
    closing.push(() => error.mockRestore());
    const end = await bound(pushAt());
    const counts: number[] = [];
    end.onPeers(() => {
      throw new Error('mine');
    });
    end.onPeers(() => counts.push(end.peers));
    expect(end.peers).toBe(0);
    const first = pulling(end.address);
    await within(
      3_000,
      until(() => end.peers === 1),
    );
    pulling(end.address);
    await within(
      3_000,
      until(() => end.peers === 2),
    );
    first.close();
    await within(
      3_000,
      until(() => end.peers === 1),
    );
    expect(counts).toEqual([1, 2, 1]);
    expect(error).toHaveBeenCalledTimes(3);
  });

  it('does not count a stranger who leaves during the handshake', async () => {
    const end = await bound(pushAt());
    const counts: number[] = [];
    end.onPeers(() => counts.push(end.peers));
    pulling(end.address);
    await within(
      3_000,
      until(() => end.peers === 1),
    );
    const stranger = connect(Number(end.address.split(':').at(-1)), '127.0.0.1');
    await new Promise((resolve) => stranger.on('connect', resolve));
    stranger.destroy();
    const next = pulling(end.address);
    await within(
      3_000,
      until(() => end.peers === 2),
    );
    next.close();
    await within(
      3_000,
      until(() => end.peers === 1),
    );
    expect(counts).toEqual([1, 2, 1]);
  });

  it('sends what waited for the first peer', async () => {
    const end = await bound(pushAt());
    const sending = end.send([bytes('a'), bytes('b')]);
    const peer = pulling(end.address);
    expect((await peer.receive()).map(String)).toEqual(['a', 'b']);
    await within(1_000, sending);
  });

  it('lets what was accepted leave before it is closed, and takes nothing meanwhile', async () => {
    const end = await bound(new ZeromqPush(new Push({ linger: 0, sendHighWaterMark: 1 }), fakeHost()));
    const peer = pulling(end.address, { receiveHighWaterMark: 1 });
    await within(
      3_000,
      until(() => end.peers === 1),
    );
    const frame = new Uint8Array(100_000);
    const sending = Array.from({ length: 100 }, () => end.send([frame]));
    await new Promise((resolve) => setTimeout(resolve, 20));
    const closed = end.close({ timeout: 3_000 });
    await expect(end.send([frame])).rejects.toMatchObject({
      code: 'CLOSED',
      sent: false,
      message: `${end.address} is closed`,
    });
    let read = 0;
    while (read < 100) read += (await peer.receive()).length;
    await within(3_000, Promise.all([closed, ...sending]));
  });

  it('does not wait for peers that are not there, and refuses what waited', async () => {
    const end = await bound(pushAt());
    const waiting = end.send([bytes('a')]);
    const refused = expect(waiting).rejects.toMatchObject({ code: 'CLOSED', sent: false });
    const start = performance.now();
    await end.close({ timeout: 5_000 });
    expect(performance.now() - start).toBeLessThan(2_000);
    await within(1_000, refused);
  });

  it('waits no longer than it was told for a peer that does not read', async () => {
    const end = await bound(new ZeromqPush(new Push({ linger: 0, sendHighWaterMark: 1 }), fakeHost()));
    pulling(end.address, { receiveHighWaterMark: 1 });
    await within(
      3_000,
      until(() => end.peers === 1),
    );
    const sending = Array.from({ length: 40 }, () => end.send([new Uint8Array(1_048_576)]));
    const outcome = Promise.allSettled(sending);
    const start = performance.now();
    await end.close({ timeout: 100 });
    const took = performance.now() - start;
    expect(took).toBeGreaterThanOrEqual(98);
    expect(took).toBeLessThan(2_000);
    expect((await within(1_000, outcome)).at(-1)?.status).toBe('rejected');
  });
});

it.each(['', ':0', ':0x'])('a socket at a path that ends in "%s" is found there', async (last) => {
  const address = `ipc://${join(tmpdir(), `frond-bound-${process.pid}-${Date.now()}${last}`)}`;
  const end = await bound(pullAt(), address);
  expect(end.address).toBe(address);
  const peer = opened(new Push({ linger: 0 }));
  peer.connect(address);
  await peer.send('a');
  expect((await collect(end, 1)).map(textOf)).toEqual(['a']);
});
