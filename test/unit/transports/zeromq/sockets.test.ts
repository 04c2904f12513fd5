/** How sockets are set up, closed and waited for. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { resolveOptions, type ZeromqOptions } from '../../../../transports/zeromq/options.ts';
import {
  type Addon,
  checkIpcPath,
  closeSocket,
  loadAddon,
  socketOptions,
  takingControl,
  untilUsable,
} from '../../../../transports/zeromq/sockets.ts';

const addon: Addon = createRequire(import.meta.url)('zeromq');
const KEY = 'rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7';
const OTHER_KEY = 'D:)Q[IlAW!ahhC2ac:9*A}h:p?([4%wOTJ%JR%cs';
const ADDRESS = 'tcp://127.0.0.1:5';

const optionsOf = (options: ZeromqOptions, side: 'dial' | 'bind' = 'dial', address = ADDRESS) =>
  socketOptions(addon, resolveOptions(options), address, side);

const COMMON = {
  linger: 0,
  ipv6: false,
  // Without a domain, libzmq would take an HTTP request for a message.
  zapDomain: 'frond',
  heartbeatInterval: 2_000,
  heartbeatTimeout: 2_000,
  heartbeatTimeToLive: 4_000,
  tcpKeepalive: 1,
  reconnectInterval: 100,
  reconnectMaxInterval: 2_000,
  maxMessageSize: 67_108_864,
};

describe('the options of a socket', () => {
  it('are these, and one that dials holds nothing for a peer that is not there', () => {
    expect(optionsOf({}, 'bind')).toStrictEqual(COMMON);
    expect(optionsOf({})).toEqual({ ...COMMON, immediate: true, connectTimeout: 5_000 });
  });

  it('are those that the user gave', () => {
    const given = {
      heartbeatInterval: 300,
      reconnectInterval: 7,
      reconnectMaxInterval: 8,
      maxMessageSize: 9,
      sendHighWaterMark: 10,
      receiveHighWaterMark: 11,
    };
    expect(optionsOf(given, 'bind')).toEqual({
      ...COMMON,
      ...given,
      heartbeatTimeout: 300,
      heartbeatTimeToLive: 600,
    });
    expect(optionsOf({ reconnectInterval: 3_000 }).reconnectMaxInterval).toBe(3_000);
    // libzmq has no more.
    expect(optionsOf({ heartbeatInterval: 3_276_750 }).heartbeatTimeToLive).toBe(6_553_500);
    expect(optionsOf({ heartbeatInterval: 3_276_751 }).heartbeatTimeToLive).toBe(6_553_500);
  });

  it('are for IPv6 where the address is', () => {
    expect(optionsOf({}, 'dial', 'tcp://[::1]:5').ipv6).toBe(true);
  });

  it('have the keys of their own side alone', () => {
    const both = {
      curve: { serverKey: KEY, publicKey: OTHER_KEY, secretKey: KEY },
      curveServer: { secretKey: OTHER_KEY },
    };
    expect(optionsOf(both)).toMatchObject({
      curveServerKey: KEY,
      curvePublicKey: OTHER_KEY,
      curveSecretKey: KEY,
    });
    expect('curveServer' in optionsOf(both)).toBe(false);
    expect(optionsOf(both, 'bind')).toEqual({ ...COMMON, curveServer: true, curveSecretKey: OTHER_KEY });
  });

  it('have a pair of keys for each socket where the client has none of its own', () => {
    const [first, second] = [
      optionsOf({ curve: { serverKey: KEY } }),
      optionsOf({ curve: { serverKey: KEY } }),
    ];
    expect(first.curvePublicKey).toHaveLength(40);
    expect(first.curveSecretKey).toHaveLength(40);
    expect(first.curvePublicKey).not.toBe(second.curvePublicKey);
  });

  it('take at most 1,152 bytes of a peer that sends handshakes and subscriptions alone', () => {
    for (const [size, most] of [
      [-1, 1_152],
      [1_151, 1_151],
      [1_152, 1_152],
      [1_153, 1_152],
    ] as const)
      expect(takingControl(resolveOptions({ maxMessageSize: size }))).toEqual({ maxMessageSize: most });
  });
});

describe('a socket that is closed', () => {
  it.each([
    [-5, 0],
    [0, 0],
    [0.2, 1],
    [300, 300],
    [Number.POSITIVE_INFINITY, 0x7fffffff],
  ])('within %d ms lingers for %d', (timeout, linger) => {
    const socket = new addon.Push();
    closeSocket(socket, timeout);
    expect(socket.closed).toBe(true);
    const noted = { closed: false, linger: -1, close: vi.fn() };
    closeSocket(noted as never, timeout);
    expect([noted.linger, noted.close.mock.calls.length]).toEqual([linger, 1]);
  });

  it('is left as it is when it was closed before', () => {
    const socket = { closed: true, linger: -1, close: vi.fn() };
    closeSocket(socket as never, 1);
    expect([socket.linger, socket.close.mock.calls.length]).toEqual([-1, 0]);
  });
});

describe('a socket that is polled', () => {
  afterEach(() => {
    vi.useRealTimers();
  });

  it('is asked at longer and longer intervals, of 16 ms at most, until it can be used', async () => {
    vi.useFakeTimers();
    const asked: number[] = [];
    const start = performance.now();
    const socket = {
      closed: false,
      get readable() {
        asked.push(performance.now() - start);
        return asked.length === 8;
      },
      writable: true,
    };
    const usable = untilUsable(socket, 'readable');
    await vi.advanceTimersByTimeAsync(1_000);
    await usable;
    expect(asked).toEqual([0, 1, 3, 7, 15, 31, 47, 63]);
    await untilUsable(socket, 'writable');
    expect(vi.getTimerCount()).toBe(0);
  });

  it('is not asked once it is closed', async () => {
    await untilUsable({ closed: true, readable: false, writable: false }, 'writable');
  });
});

describe('the path of an address', () => {
  let folder = '';
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'frond-sockets-'));
  });
  afterEach(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  it('may be free, or a socket that is left, and nothing else', async () => {
    for (const name of ['own file', 'of\ntwo lines']) {
      const path = join(folder, name);
      writeFileSync(path, 'mine');
      await expect(checkIpcPath(`ipc://${path}`)).rejects.toThrow('there is a file that is not a socket');
      await checkIpcPath(`ipc://${path}.other`);
    }
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(join(folder, 'socket'), resolve));
    await checkIpcPath(`ipc://${join(folder, 'socket')}`);
    await new Promise((resolve) => server.close(resolve));
  });

  it('is none for names that are no paths, and for other addresses', async () => {
    for (const address of ['ipc://*', 'ipc://@', 'tcp://127.0.0.1:5', `see ipc://${tmpdir()}`])
      await checkIpcPath(address);
    await expect(checkIpcPath(`ipc://${tmpdir()}`)).rejects.toThrow('not a socket');
  });
});

describe('the native sockets', () => {
  afterEach(() => {
    vi.unstubAllGlobals();
  });

  it('are those of the package, loaded once', () => {
    expect(loadAddon()).toBe(addon);
  });

  it('are refused in Bun, which they would end', () => {
    vi.stubGlobal('Bun', {});
    expect(loadAddon).toThrowError(
      expect.objectContaining({ code: 'INVALID_CALL', message: expect.stringContaining('use Node') }),
    );
  });
});
