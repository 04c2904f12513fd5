/** Upgrades of one HTTP server: each to the relay at its path, and those that nobody takes refused; no listener stays. */
import { EventEmitter, once } from 'node:events';
import type { IncomingMessage, Server } from 'node:http';
import { Socket } from 'node:net';
import { Duplex, PassThrough } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { pathOf, UpgradeRouter } from '../../../../../transports/relay/http/upgrade-router.ts';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
});
afterEach(() => {
  vi.useRealTimers();
});

const fakeServer = (listening = true) =>
  Object.assign(new EventEmitter(), { listening }) as unknown as Server & EventEmitter;

function route(timeout = 1_000) {
  const logger = { debug: vi.fn(), info: vi.fn(), warning: vi.fn(), error: vi.fn() };
  return { handle: vi.fn(), logger, timeout };
}

/** A socket that keeps what is written, and a request to a path on it. */
function upgrade(server: EventEmitter, url: string | undefined) {
  let written = '';
  const socket = new Duplex({
    read() {},
    write(chunk: Buffer, _encoding, done) {
      written += chunk.toString('latin1');
      done();
    },
  });
  const request = { method: 'GET', headers: {}, url } as unknown as IncomingMessage;
  server.emit('upgrade', request, socket, Buffer.from('head'));
  return { socket, request, answer: () => written };
}

const listenersOf = (server: EventEmitter) => [
  server.listenerCount('upgrade'),
  server.listenerCount('error'),
];

describe('the path of a request', () => {
  it.each([
    ['/a/b?c=d?e', '/a/b'],
    ['?x', ''],
    ['', ''],
    [undefined, '/'],
  ])('of %j is %j', (url, path) => {
    expect(pathOf({ url } as IncomingMessage)).toBe(path);
  });
});

describe('upgrades', () => {
  it('go to the relay at their path', () => {
    const server = fakeServer();
    const [a, b] = [route(), route()];
    UpgradeRouter.of(server).add('/a', a);
    UpgradeRouter.of(server).add('/b', b);
    const { socket, request } = upgrade(server, '/b?token=x');
    expect(a.handle).not.toHaveBeenCalled();
    expect(b.handle).toHaveBeenCalledExactlyOnceWith(request, socket, Buffer.from('head'));
    // A reset would end the process without a listener.
    socket.emit('error', new Error('reset'));
    expect(socket.destroyed).toBe(true);
  });

  it('on a socket that is closed already go nowhere', () => {
    const server = fakeServer();
    const own = route();
    UpgradeRouter.of(server).add('/', own);
    const socket = new PassThrough();
    socket.destroy();
    server.emit('upgrade', { url: '/' }, socket, Buffer.alloc(0));
    expect(own.handle).not.toHaveBeenCalled();
    expect(socket.listenerCount('error')).toBeGreaterThan(0);
  });

  it('share one listener of the server, which goes with the last relay', () => {
    const server = fakeServer();
    const removeA = UpgradeRouter.of(server).add('/a', route());
    const removeB = UpgradeRouter.of(server).add('/b', route());
    expect(listenersOf(server)).toEqual([1, 1]);
    removeA();
    removeA();
    expect(listenersOf(server)).toEqual([1, 1]);
    const b = upgrade(server, '/a');
    expect(b.answer()).toContain('404 Not Found');
    removeB();
    expect(listenersOf(server)).toEqual([0, 0]);
    // A relay that comes later starts afresh.
    UpgradeRouter.of(server).add('/a', route());
    expect(listenersOf(server)).toEqual([1, 1]);
  });

  it('share it also behind a listener that the owner of the server had before', () => {
    const server = fakeServer();
    server.on('upgrade', () => {});
    UpgradeRouter.of(server).add('/a', route());
    UpgradeRouter.of(server).add('/b', route());
    expect(listenersOf(server)).toEqual([2, 1]);
  });

  it('of one path are for one relay', () => {
    const server = fakeServer();
    const remove = UpgradeRouter.of(server).add('/a', route());
    expect(() => UpgradeRouter.of(server).add('/a', route())).toThrow(
      expect.objectContaining({
        code: 'INVALID_CALL',
        message: 'the HTTP server has a relay at "/a" already: give this one another path',
      }),
    );
    remove();
    expect(() => UpgradeRouter.of(server).add('/a', route())).not.toThrow();
  });

  it('to no relay are refused at once where nobody else listens', async () => {
    const server = fakeServer();
    UpgradeRouter.of(server).add('/a', route());
    const { answer, socket } = upgrade(server, '/b');
    expect(answer()).toContain('HTTP/1.1 404 Not Found');
    expect(answer()).toContain('there is no relay at this path');
    socket.destroy();
    await once(socket, 'close');
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe('an upgrade to no relay, where the owner of the server listens too', () => {
  function shared(...timeouts: number[]) {
    const server = fakeServer();
    for (const [i, timeout] of timeouts.entries()) UpgradeRouter.of(server).add(`/${i}`, route(timeout));
    server.on('upgrade', () => {});
    return { server, ...upgrade(server, '/other') };
  }

  it('is refused when nobody has taken it within the longest time of a relay', async () => {
    const { answer } = shared(500, 1_000, 700);
    await vi.advanceTimersByTimeAsync(999);
    expect(answer()).toBe('');
    await vi.advanceTimersByTimeAsync(1);
    expect(answer()).toContain('404 Not Found');
  });

  it.each([
    ['reads it', (socket: Duplex) => socket.resume()],
    ['paused it', (socket: Duplex) => socket.pause()],
    ['waits until it is readable', (socket: Duplex) => socket.on('readable', () => {})],
    ['has ended it', (socket: Duplex) => socket.end()],
    ['has destroyed it', (socket: Duplex) => socket.destroy()],
  ])('is not refused when somebody %s', async (_, take) => {
    const { answer, socket } = shared(1_000);
    take(socket);
    await vi.advanceTimersByTimeAsync(2_000);
    expect(answer()).toBe('');
    socket.destroy();
  });

  it('is not refused when somebody has written to it', async () => {
    const server = fakeServer();
    UpgradeRouter.of(server).add('/a', route());
    server.on('upgrade', () => {});
    const socket = new Socket();
    const end = vi.spyOn(socket, 'end');
    let written = 3;
    Object.defineProperty(socket, 'bytesWritten', { get: () => written });
    server.emit('upgrade', { url: '/b', headers: {} }, socket, Buffer.alloc(0));
    written = 4;
    await vi.advanceTimersByTimeAsync(2_000);
    expect(end).not.toHaveBeenCalled();
    // One that nobody has written to is.
    server.emit('upgrade', { url: '/b', headers: {} }, socket, Buffer.alloc(0));
    await vi.advanceTimersByTimeAsync(1_000);
    expect(end).toHaveBeenCalledOnce();
    socket.destroy();
  });

  it('leaves no timer when its socket closes', async () => {
    const { socket } = shared(1_000);
    expect(vi.getTimerCount()).toBe(1);
    socket.destroy();
    await once(socket, 'close');
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe('an error of the server', () => {
  it('while it listens is of one connection: it is logged, and ends nothing', () => {
    const server = fakeServer();
    const own = route();
    UpgradeRouter.of(server).add('/a', own);
    server.emit('error', new Error('EMFILE'));
    expect(own.logger.warning).toHaveBeenCalledExactlyOnceWith('a connection could not be accepted', {
      reason: 'EMFILE',
    });
  });

  it('while it does not listen is thrown as if nobody listened, unless the owner does', () => {
    const server = fakeServer(false);
    const own = route();
    UpgradeRouter.of(server).add('/a', own);
    expect(() => server.emit('error', new Error('EADDRINUSE'))).toThrow('EADDRINUSE');
    const told = vi.fn();
    server.on('error', told);
    server.emit('error', new Error('EADDRINUSE'));
    expect(told).toHaveBeenCalledOnce();
    expect(own.logger.warning).not.toHaveBeenCalled();
  });
});
