/** What becomes of channels whose peers come, go and refuse, with raw sockets as their peers. */
import dns from 'node:dns/promises';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Pull, Push } from 'zeromq';
import { type Deferred, deferred } from '../../../../src/async/deferred.ts';
import { PalmError } from '../../../../src/protocol/errors.ts';
import { type DialContext, ZeromqPuller, ZeromqPusher } from '../../../../transports/zeromq/dialled.ts';
import { resolveOptions, type ZeromqOptions } from '../../../../transports/zeromq/options.ts';
import { bytes, textOf } from '../../../support/bytes.ts';
import { collect, until, within } from '../../../support/wait.ts';

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

function opened<S extends { close(): void }>(socket: S): S {
  closing.push(() => socket.close());
  return socket;
}

/** A bound socket, as the server. */
async function serve(
  kind: typeof Pull | typeof Push = Pull,
  address = 'tcp://127.0.0.1:*',
  own: object = {},
) {
  const socket = opened(new kind({ linger: 0, ...own } as object)) as Pull & Push;
  if (socket instanceof Pull) socket.receiveTimeout = 3_000;
  await socket.bind(address);
  return { socket, address: socket.lastEndpoint ?? '' };
}

function ground(address: string, options: ZeromqOptions = {}) {
  const settings = resolveOptions({ reconnectInterval: 10, ...options });
  const statuses: unknown[] = [];
  const host = {
    report: (status: object, channel: unknown) => statuses.push({ ...status, isOwn: channel !== undefined }),
    release: vi.fn(),
  };
  const context: DialContext = { address, host, encrypted: false, settings };
  const { reconnectInterval, maxMessageSize } = settings;
  // With a domain, ZeroMQ takes nothing else for a peer.
  const common = {
    linger: 0,
    zapDomain: 'frond',
    reconnectInterval,
    reconnectMaxInterval: reconnectInterval,
    maxMessageSize,
  };
  const push = (own: object = {}) => {
    const open = vi.fn(() => new Push({ immediate: true, ...common, ...own }));
    const pusher = new ZeromqPusher(open, context);
    closing.push(() => pusher.close());
    return Object.assign(pusher.dial(), { open });
  };
  const pull = () => {
    const puller = new ZeromqPuller(() => new Pull(common), context);
    closing.push(() => puller.close());
    return puller.dial();
  };
  return { statuses, host, push, pull };
}

const outcomeOf = (promise: Promise<void>): { now: unknown } => {
  const outcome: { now: unknown } = { now: 'waits' };
  promise.then(
    () => {
      outcome.now = 'done';
    },
    (error) => {
      outcome.now = error instanceof PalmError ? [error.code, error.sent] : error;
    },
  );
  return outcome;
};

/** Resolves when nothing more leaves. */
async function stuck(sends: readonly { now: unknown }[]): Promise<void> {
  const left = () => sends.filter(({ now }) => now === 'done').length;
  for (let before = -1; before !== left(); ) {
    before = left();
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  expect(sends.at(-1)?.now).toBe('waits');
}

const FREE = 'tcp://127.0.0.1:9';

describe('a channel', () => {
  it('tells when it dials, is up, goes down and dials again', async () => {
    const { socket, address } = await serve();
    const { statuses, push } = ground(address);
    const pusher = push();
    expect([pusher.isReady, statuses]).toEqual([false, [{ type: 'connecting', address, isOwn: true }]]);
    await within(3_000, pusher.ready());
    expect(statuses.slice(1)).toEqual([{ type: 'connected', address, isOwn: true }]);
    const broken = new Promise<PalmError>((resolve) => pusher.onBreak(resolve));
    socket.close();
    const reason = `the peer at ${address} is gone`;
    expect(await within(3_000, broken)).toMatchObject({
      code: 'DISCONNECTED',
      message: reason,
      sent: 'unknown',
    });
    expect(pusher.isReady).toBe(false);
    expect(statuses[2]).toEqual({ type: 'disconnected', address, reason, isOwn: true });
    await within(
      3_000,
      until(() => statuses.length > 4),
    );
    expect(statuses.slice(3, 5)).toEqual([
      { type: 'reconnecting', address, attempt: 1, delay: expect.any(Number), isOwn: true },
      { type: 'reconnecting', address, attempt: 2, delay: expect.any(Number), isOwn: true },
    ]);
    await serve(Pull, address);
    await within(3_000, pusher.ready());
  });

  it('is closed once, and says nothing after that', async () => {
    const { address } = await serve();
    const { statuses, host, push } = ground(address);
    const pusher = push();
    await within(3_000, pusher.ready());
    await pusher.close();
    await pusher.close();
    expect(host.release.mock.calls).toEqual([[pusher]]);
    expect([pusher.isClosed, pusher.isReady]).toEqual([true, false]);
    const closed = { code: 'CLOSED', sent: false, message: `the connection to ${address} is closed` };
    await expect(pusher.ready()).rejects.toMatchObject(closed);
    await expect(pusher.send([bytes('a')])).rejects.toMatchObject({ code: 'CLOSED', sent: false });
    const count = statuses.length;
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(statuses.length).toBe(count);
  });

  it('that ZeroMQ does not dial is closed, and says so', async () => {
    const { host, push } = ground('nonsense');
    expect(() => push()).toThrowError(
      expect.objectContaining({
        code: 'INVALID_CALL',
        message: 'cannot dial nonsense: Invalid argument',
        cause: expect.any(Error),
      }),
    );
    expect(host.release).toHaveBeenCalledTimes(1);
  });

  it('is refused by a socket of another kind', async () => {
    const { address } = await serve(Push);
    const { statuses, push } = ground(address);
    const pusher = push();
    const message = `${address} is not a ZeroMQ socket of the right kind; is it the address of another service?`;
    await expect(within(3_000, pusher.ready())).rejects.toMatchObject({
      code: 'PROTOCOL',
      sent: false,
      message,
    });
    expect(statuses.at(-1)).toEqual({ type: 'disconnected', address, reason: message, isOwn: true });
  });

  it('finds its peer a second after another service was at its address, unless it is closed', async () => {
    const strangers: Socket[] = [];
    const other = createServer((socket) => {
      strangers.push(socket);
      socket.on('error', () => {});
      socket.end('220 mail.example\r\n');
    });
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const address = `tcp://127.0.0.1:${(other.address() as AddressInfo).port}`;
    const { push } = ground(address);
    const [pusher, closed] = [push(), push()];
    for (const own of [pusher, closed])
      await expect(within(3_000, own.ready())).rejects.toMatchObject({ code: 'PROTOCOL' });
    expect(strangers).toHaveLength(2);
    await closed.close();
    for (const stranger of strangers) stranger.destroy();
    await within(1_000, new Promise((resolve) => other.close(resolve)));
    const { socket } = await serve(Pull, address);
    const start = performance.now();
    await within(
      3_000,
      until(() => pusher.isReady),
    );
    expect(performance.now() - start).toBeGreaterThan(500);
    await pusher.send([bytes('a')]);
    expect((await socket.receive()).map(String)).toEqual(['a']);
  });
});

describe('a pusher', () => {
  it('sends what waited for its link, in order', async () => {
    const { socket, address } = await serve();
    const { push } = ground(address);
    const pusher = push();
    const sends = [pusher.send([bytes('a')]), pusher.send([bytes('b'), bytes('c')])];
    const frames: string[] = [];
    while (frames.length < 3) frames.push(...(await socket.receive()).map(String));
    expect(frames).toEqual(['a', 'b', 'c']);
    await within(1_000, Promise.all(sends));
  });

  it('refuses a frame for which its peer would hang up, and sends nothing of that send', async () => {
    const { socket, address } = await serve();
    const pusher = ground(address, { maxMessageSize: 200 }).push();
    await within(3_000, pusher.ready());
    await expect(pusher.send([bytes('a'), new Uint8Array(201)])).rejects.toMatchObject({
      code: 'TOO_LARGE',
      sent: false,
      message: `a message of 201 bytes to ${address} is over maxMessageSize, 200: raise it on both sides`,
    });
    await pusher.send([new Uint8Array(200)]);
    expect((await socket.receive()).map(({ length }) => length)).toEqual([200]);
    const any = ground(address, { maxMessageSize: -1 }).push();
    await any.send([new Uint8Array(201)]);
    expect((await socket.receive()).map(({ length }) => length)).toEqual([201]);
  });

  it('drops what has not left when its link breaks, and goes on with another socket', async () => {
    const slow = { receiveHighWaterMark: 1 };
    const { socket, address } = await serve(Pull, 'tcp://127.0.0.1:*', slow);
    const { push } = ground(address);
    const pusher = push({ sendHighWaterMark: 1 });
    await within(3_000, pusher.ready());
    const frame = new Uint8Array(1_048_576);
    const sends = Array.from({ length: 40 }, () => outcomeOf(pusher.send([frame])));
    await stuck(sends);
    socket.close();
    await within(
      3_000,
      until(() => sends.every(({ now }) => now !== 'waits')),
    );
    expect(sends.at(-1)?.now).toEqual(['DISCONNECTED', 'unknown']);
    expect(pusher.open).toHaveBeenCalledTimes(2);
    const next = await serve(Pull, address);
    await pusher.send([bytes('next')]);
    expect((await next.socket.receive()).map(String)).toEqual(['next']);
  });

  it('refuses sends until the process has a descriptor for its next socket', async () => {
    const { socket, address } = await serve(Pull, 'tcp://127.0.0.1:*', { receiveHighWaterMark: 1 });
    const { push } = ground(address);
    const pusher = push({ sendHighWaterMark: 1 });
    await within(3_000, pusher.ready());
    pusher.open.mockImplementationOnce(() => {
      throw new Error('Too many open files');
    });
    const sends = Array.from({ length: 40 }, () => outcomeOf(pusher.send([new Uint8Array(1_048_576)])));
    await stuck(sends);
    socket.close();
    await within(
      3_000,
      until(() => pusher.open.mock.calls.length === 2 && sends.every(({ now }) => now !== 'waits')),
    );
    await expect(pusher.send([bytes('a')])).rejects.toMatchObject({ code: 'CLOSED', sent: false });
    const next = await serve(Pull, address);
    await within(
      3_000,
      until(() => pusher.isReady),
    );
    expect(pusher.open).toHaveBeenCalledTimes(3);
    await pusher.send([bytes('next')]);
    expect((await next.socket.receive()).map(String)).toEqual(['next']);
  });

  it('lets what was accepted leave before it is closed', async () => {
    const { socket, address } = await serve(Pull, 'tcp://127.0.0.1:*', { receiveHighWaterMark: 1 });
    const pusher = ground(address).push({ sendHighWaterMark: 1 });
    await within(3_000, pusher.ready());
    const sends = Array.from({ length: 100 }, () => pusher.send([new Uint8Array(100_000)]));
    await new Promise((resolve) => setTimeout(resolve, 20));
    const closed = pusher.close({ timeout: 3_000 });
    let read = 0;
    while (read < 100) read += (await socket.receive()).length;
    await within(3_000, Promise.all([closed, ...sends]));
  });

  it('does not wait for a link that is not there when it is closed', async () => {
    const pusher = ground(FREE).push();
    const waiting = outcomeOf(pusher.send([bytes('a')]));
    const start = performance.now();
    await pusher.close({ timeout: 5_000 });
    expect(performance.now() - start).toBeLessThan(1_000);
    await new Promise(setImmediate);
    expect(waiting.now).toEqual(['CLOSED', false]);
  });

  it('waits no longer than it was told for a peer that does not read', async () => {
    const { address } = await serve(Pull, 'tcp://127.0.0.1:*', { receiveHighWaterMark: 1 });
    const pusher = ground(address).push({ sendHighWaterMark: 1 });
    await within(3_000, pusher.ready());
    const sends = Array.from({ length: 40 }, () => outcomeOf(pusher.send([new Uint8Array(1_048_576)])));
    await new Promise((resolve) => setTimeout(resolve, 20));
    const start = performance.now();
    await pusher.close({ timeout: 100 });
    expect(performance.now() - start).toBeGreaterThan(95);
    expect(performance.now() - start).toBeLessThan(2_000);
    await within(
      1_000,
      until(() => sends.at(-1)?.now !== 'waits'),
    );
    expect(sends.at(-1)?.now).toEqual(['CLOSED', false]);
  });
});

describe('a puller', () => {
  it('takes frames, and has all that came before a break before it tells of that', async () => {
    const { socket, address } = await serve(Push);
    const puller = ground(address).pull();
    await within(3_000, puller.ready());
    let isBroken = false;
    puller.onBreak(() => {
      isBroken = true;
    });
    for (let i = 0; i < 50; i++) await socket.send([`${i} a`, `${i} b`]);
    socket.linger = 1_000;
    socket.close();
    const frames = await collect(puller, 100);
    expect(frames.slice(0, 2).map(textOf)).toEqual(['0 a', '0 b']);
    expect(frames[0]?.constructor).toBe(Uint8Array);
    await within(
      3_000,
      until(() => isBroken),
    );
  });

  it('tells when nobody reads it, and ends when it is closed', async () => {
    const { socket, address } = await serve(Push);
    const { statuses, pull } = ground(address);
    const puller = pull();
    await within(3_000, puller.ready());
    for (let i = 0; i < 6; i++) await socket.send(Buffer.alloc(1_048_576));
    await within(
      3_000,
      until(() => statuses.length > 2),
    );
    expect(statuses.slice(2)).toEqual([{ type: 'slow', address, queued: 4, isOwn: true }]);
    expect(await collect(puller, 6)).toHaveLength(6);
    const next = puller[Symbol.asyncIterator]().next();
    await puller.close();
    expect((await within(1_000, next)).done).toBe(true);
  });
});

interface PlayedEvent {
  readonly type: string;
  readonly address?: string;
  readonly [more: string]: unknown;
}

/** A PUSH without libzmq: a test plays what happens to its connections, and how long a send takes. */
class PlayedPush {
  closed = false;
  linger = -1;
  ipv6 = false;
  readonly readable = false;
  readonly writable = true;
  readonly dialled: string[] = [];
  /** What dialling fails with. */
  error: Error | undefined;
  readonly sends: Deferred<void>[] = [];
  readonly #events: PlayedEvent[] = [];
  #watcher: Deferred<PlayedEvent> | undefined;

  readonly events = {
    receive: async (): Promise<PlayedEvent> => {
      const event = this.#events.shift();
      if (event !== undefined) return event;
      this.#watcher = deferred();
      return this.#watcher.promise;
    },
  };

  connect(endpoint: string): void {
    if (this.error !== undefined) throw this.error;
    this.dialled.push(endpoint);
  }

  disconnect(): void {}

  send(): Promise<void> {
    const sent = deferred<void>();
    this.sends.push(sent);
    return sent.promise;
  }

  /** Something happens to its connection; with the endpoint dialled last, unless the event has another. */
  async happens(type: string, more: object = {}): Promise<void> {
    const event = { type, address: this.dialled.at(-1) ?? '', ...more };
    if (this.#watcher === undefined) this.#events.push(event);
    else this.#watcher.resolve(event);
    this.#watcher = undefined;
    await vi.advanceTimersByTimeAsync(20);
  }

  close(): void {
    this.closed = true;
  }
}

describe('a channel whose socket a test plays', () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.restoreAllMocks();
    vi.useRealTimers();
  });

  const HOST = 'tcp://two.example:1';
  const [FIRST, SECOND] = ['tcp://192.0.2.1:1', 'tcp://192.0.2.2:1'];

  async function played(address = FIRST) {
    vi.spyOn(dns, 'lookup').mockResolvedValue([
      { address: '192.0.2.1', family: 4 },
      { address: '192.0.2.2', family: 4 },
    ] as never);
    const sockets: PlayedPush[] = [];
    const statuses: { readonly type: string }[] = [];
    /** What opening a socket fails with. */
    const refusal: { error: Error | undefined } = { error: undefined };
    const host = { report: (status: { readonly type: string }) => statuses.push(status), release: () => {} };
    const open = () => {
      if (refusal.error !== undefined) throw refusal.error;
      const socket = new PlayedPush();
      sockets.push(socket);
      return socket as unknown as Push;
    };
    const pusher = new ZeromqPusher(open, { address, host, encrypted: false, settings: resolveOptions({}) });
    closing.push(() => pusher.close());
    pusher.dial();
    await vi.advanceTimersByTimeAsync(20);
    const [socket] = sockets;
    if (socket === undefined) throw new Error('no socket was opened');
    const last = () => statuses.at(-1)?.type;
    return { pusher, socket, sockets, statuses, last, refusal };
  }

  const REFUSED = { error: new Error('no') };

  it('sends nothing before it is ready, and is not broken by a link that comes up', async () => {
    const { pusher, socket } = await played();
    const broken = vi.fn();
    pusher.onBreak(broken);
    pusher.send([bytes('a')]).catch(() => {});
    await vi.advanceTimersByTimeAsync(20);
    expect(socket.sends).toHaveLength(0);
    await socket.happens('handshake');
    expect([socket.sends.length, broken.mock.calls.length]).toEqual([1, 0]);
  });

  it('that is up again before its break is told tells of that once, and stays up', async () => {
    const { pusher, socket } = await played();
    await socket.happens('handshake');
    const broken = vi.fn();
    pusher.onBreak(broken);
    void socket.happens('disconnect');
    await socket.happens('handshake');
    expect([broken.mock.calls.length, pusher.isReady]).toEqual([1, true]);
  });

  it('hears nothing more of a socket that it has replaced', async () => {
    const { pusher, socket, sockets, statuses } = await played();
    await socket.happens('handshake');
    const outcome = outcomeOf(pusher.send([bytes('a')]));
    await socket.happens('disconnect');
    // What the closed socket rejects, and what it is told in its place.
    socket.sends[0]?.reject(new Error('Socket is closed'));
    await vi.advanceTimersByTimeAsync(20);
    expect([sockets.length, socket.closed, outcome.now]).toEqual([2, true, ['DISCONNECTED', 'unknown']]);
    await sockets[1]?.happens('handshake');
    expect(pusher.isReady).toBe(true);
    const before = statuses.length;
    await socket.happens('handshake');
    await socket.happens('disconnect');
    await socket.happens('connect:retry', { interval: 1 });
    await socket.happens('handshake:error:protocol', REFUSED);
    expect([statuses.length, pusher.isReady]).toEqual([before, true]);
    // The new one is heard.
    await sockets[1]?.happens('disconnect');
    expect([statuses.length, pusher.isReady]).toEqual([before + 1, false]);
  });

  it('hears nothing more of a socket that it has closed, though it can open no other yet', async () => {
    const { pusher, socket, sockets, statuses, refusal } = await played();
    await socket.happens('handshake');
    const outcome = outcomeOf(pusher.send([bytes('a')]));
    refusal.error = new Error('Too many open files');
    await socket.happens('disconnect');
    socket.sends[0]?.reject(new Error('Socket is closed'));
    await vi.advanceTimersByTimeAsync(20);
    expect([sockets.length, socket.closed, outcome.now]).toEqual([1, true, ['DISCONNECTED', 'unknown']]);
    const before = statuses.length;
    // ZeroMQ had dialled again by itself.
    await socket.happens('handshake');
    expect([statuses.length, pusher.isReady]).toEqual([before, false]);
    refusal.error = undefined;
    await vi.advanceTimersByTimeAsync(1_000);
    await sockets[1]?.happens('handshake');
    expect(pusher.isReady).toBe(true);
  });

  it('dials the next address of its host when one does not answer, and hears nothing more of that', async () => {
    const { pusher, socket, last } = await played(HOST);
    expect(socket.dialled).toEqual([FIRST]);
    await socket.happens('connect:retry', { interval: 1 });
    expect(socket.dialled).toEqual([FIRST, SECOND]);
    await socket.happens('handshake');
    await socket.happens('disconnect', { address: FIRST });
    expect([last(), pusher.isReady]).toEqual(['connected', true]);
  });

  it('is not refused by one address of its host while there is another', async () => {
    const { pusher, socket, last } = await played(HOST);
    const outcome = outcomeOf(pusher.ready());
    await socket.happens('handshake:error:protocol', REFUSED);
    expect([last(), outcome.now, socket.dialled]).toEqual(['disconnected', 'waits', [FIRST, SECOND]]);
    await socket.happens('handshake:error:protocol', REFUSED);
    expect(outcome.now).toEqual(['PROTOCOL', false]);
  });

  it('dials again a second after it was refused for good, as often as that fails; ZeroMQ itself dials after other refusals', async () => {
    const { socket } = await played();
    await socket.happens('handshake:error:auth', REFUSED);
    await vi.advanceTimersByTimeAsync(3_000);
    expect(socket.dialled).toHaveLength(1);
    await socket.happens('handshake:error:protocol', REFUSED);
    socket.error = new Error('no descriptor');
    await vi.advanceTimersByTimeAsync(1_500);
    expect(socket.dialled).toHaveLength(1);
    socket.error = undefined;
    await vi.advanceTimersByTimeAsync(1_000);
    expect(socket.dialled).toEqual([FIRST, FIRST]);
  });

  it('leaves no timer when it is refused after its end', async () => {
    const { pusher, socket } = await played();
    await pusher.close();
    await socket.happens('handshake:error:protocol', REFUSED);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('hears of nothing after its end, though the news of its socket come later', async () => {
    const { pusher, socket, statuses } = await played();
    await pusher.close();
    const told = statuses.length;
    await socket.happens('handshake');
    await socket.happens('disconnect');
    await socket.happens('connect:retry', { interval: 1 });
    expect([statuses.length - told, pusher.isReady, vi.getTimerCount()]).toEqual([0, false, 0]);
  });

  it('says when its host cannot be found, and when it looks again', async () => {
    const { socket, statuses } = await played(HOST);
    vi.mocked(dns.lookup).mockRejectedValue(new Error('getaddrinfo ENOTFOUND'));
    await socket.happens('connect:retry', { interval: 1 });
    expect(statuses.at(-1)).toMatchObject({
      type: 'reconnecting',
      address: HOST,
      reason: `the host of ${HOST} cannot be found: getaddrinfo ENOTFOUND`,
    });
  });

  it('that cannot open a socket says what it was to dial', () => {
    const open = () => {
      throw Object.assign(new Error('Too many open files'), { code: 'EMFILE' });
    };
    const host = { report: () => {}, release: () => {} };
    const context = { address: FIRST, host, encrypted: false, settings: resolveOptions({}) };
    expect(() => new ZeromqPusher(open, context)).toThrow(`dial ${FIRST}`);
  });

  it('gives its socket the rest of the time in which it is closed', async () => {
    const { pusher, socket } = await played();
    await socket.happens('handshake');
    pusher.send([bytes('a')]).catch(() => {});
    await vi.advanceTimersByTimeAsync(1);
    const closed = pusher.close({ timeout: 500 });
    await vi.advanceTimersByTimeAsync(100);
    expect(socket.closed).toBe(false);
    socket.sends[0]?.resolve();
    await vi.advanceTimersByTimeAsync(1);
    await closed;
    expect([socket.closed, socket.linger]).toEqual([true, 400]);
    const other = await played();
    await other.pusher.close();
    expect([other.socket.closed, other.socket.linger]).toEqual([true, 0]);
  });
});
