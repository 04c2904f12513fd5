/** Which upgrades become WebSockets: the origin, the address that counts, the places, and what is logged and counted of each. */
import { EventEmitter } from 'node:events';
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { describe, expect, it, vi } from 'vitest';
import { checkOrigin } from '../../../../../transports/relay/http/admission.ts';
import { Metrics } from '../../../../../transports/relay/http/metrics.ts';
import {
  GOING_DOWN,
  type OpenedUpgrade,
  UpgradeHandler,
  type UpgradeHandlerSettings,
} from '../../../../../transports/relay/http/upgrade-handler.ts';

type Options = UpgradeHandlerSettings['options'];

function handler(options: Options = {}, limits = {}, upgrade?: () => void) {
  const logger = { debug: vi.fn(), info: vi.fn(), warning: vi.fn(), error: vi.fn() };
  const metrics = new Metrics({ connections: () => 0, sessions: () => 0, passedOn: () => 0, held: () => 0 });
  const opened: unknown[] = [];
  const entries: OpenedUpgrade['enterFor'][] = [];
  const state = { isDraining: false };
  const own = new UpgradeHandler({
    options,
    limits: { maxConnections: 10, maxConnectionsPerAddress: 10, ...limits },
    webSocketServer: {
      handleUpgrade: (
        _request: unknown,
        _socket: unknown,
        _head: unknown,
        open: (socket: unknown) => void,
      ) => {
        upgrade?.();
        open('a WebSocket');
      },
    } as never,
    metrics,
    logger,
    isDraining: () => state.isDraining,
    closed: () => (state.isDraining ? GOING_DOWN : undefined),
    open: ({ webSocket, info, enterFor }) => {
      opened.push([webSocket, info]);
      entries.push(enterFor);
    },
  });
  const request = (headers: object = {}, remoteAddress: string | undefined = '192.0.2.1') =>
    ({ method: 'GET', headers, socket: { remoteAddress } }) as unknown as IncomingMessage;
  const admit = (headers?: object, address?: string) => own.admit(request(headers, address));
  const addressOf = (headers?: object, address?: string) => admit(headers, address).info.address;
  return { own, logger, metrics, opened, entries, state, request, admit, addressOf };
}

/** A socket that knows only what it was ended with. */
function fakeSocket() {
  const written: string[] = [];
  const socket = Object.assign(new EventEmitter(), {
    end: (text: string) => written.push(String(text)),
    destroy: () => socket.emit('close'),
  });
  return { socket: socket as unknown as Duplex, written };
}

describe('a connection of another relay, for a client of it', () => {
  const RELAY = '192.0.2.1';
  const CLIENT = '203.0.113.7';
  const clientAt = (address: string, origin?: string) => ({
    headers: { origin, host: 'relay.example' },
    info: { address, origin },
    socketAddress: address,
  });

  /** One that is open, where there is one place for each address. */
  function passed() {
    const { own, request, entries } = handler({}, { maxConnectionsPerAddress: 1 });
    const { socket } = fakeSocket();
    own.handle(request(), socket, Buffer.alloc(0));
    const [enterFor = () => undefined] = entries;
    /** Whether there is a place, which is given back. */
    const hasPlace = (address: string) => {
      const admitted = own.admit(request({}, address));
      if (admitted.refusal !== undefined) return false;
      admitted.leave();
      return true;
    };
    return { own, request, socket, enterFor, hasPlace };
  }

  it('counts for the address of the client, until it ends', () => {
    const { socket, enterFor, hasPlace } = passed();
    expect([hasPlace(RELAY), hasPlace(CLIENT)]).toEqual([false, true]);
    expect(enterFor(clientAt(CLIENT))).toBeUndefined();
    expect([hasPlace(RELAY), hasPlace(CLIENT)]).toEqual([true, false]);
    socket.destroy();
    expect([hasPlace(RELAY), hasPlace(CLIENT)]).toEqual([true, true]);
  });

  it('has no place where the client has none, and gives back its own', () => {
    const { own, request, socket, enterFor, hasPlace } = passed();
    own.admit(request({}, CLIENT));
    expect(enterFor(clientAt(CLIENT))).toMatchObject({ code: 4429 });
    expect([hasPlace(RELAY), hasPlace(CLIENT)]).toEqual([true, false]);
    own.admit(request({}, RELAY));
    socket.destroy();
    expect(hasPlace(RELAY), 'its place is another’s by now').toBe(false);
  });

  it('is refused for a page that may not connect', () => {
    const { enterFor } = passed();
    expect(enterFor(clientAt(CLIENT, 'https://evil.example'))).toMatchObject({ status: 403 });
  });

  it('holds no place when it has ended meanwhile', () => {
    const { socket, enterFor, hasPlace } = passed();
    socket.destroy();
    Object.assign(socket, { destroyed: true });
    expect(enterFor(clientAt(CLIENT))).toBeUndefined();
    expect(hasPlace(CLIENT)).toBe(true);
  });
});

describe('the origin of an upgrade', () => {
  const check = (
    { origin, socketAddress = '192.0.2.1', ...headers }: Record<string, string | undefined>,
    origins?: readonly string[],
  ) => checkOrigin({ headers, info: { address: '', origin }, socketAddress }, origins);
  const REFUSED = { status: 403, code: 4403, reason: 'this origin may not connect' };

  it('may be missing for scripts, and not for browsers', () => {
    expect(check({})).toBeUndefined();
    expect(check({ 'user-agent': 'curl/8 Mozilla/5.0' })).toBeUndefined();
    const refused = { status: 403, code: 4403, reason: 'a browser without an origin' };
    for (const headers of [{ 'sec-fetch-site': '' }, { 'user-agent': 'Mozilla/5.0' }])
      for (const origins of [undefined, ['https://own.example']])
        expect(check(headers, origins)).toEqual(refused);
  });

  it('must be one of those that are listed, and no other, not even the own host', () => {
    const origins = ['https://own.example'];
    expect(check({ origin: 'https://own.example' }, origins)).toBeUndefined();
    for (const origin of ['https://own.example:8443', 'https://own.example/', 'http://own.example'])
      expect(check({ origin, host: 'own.example' }, origins)).toEqual(REFUSED);
    expect(check({ origin: 'https://own.example', host: 'own.example' }, [])).toEqual(REFUSED);
  });

  it.each([
    ['https://own.example', 'own.example', true],
    ['http://own.example:8080', 'OWN.example:8080', true],
    ['http://own.example', 'own.example:8080', false],
    ['ws://own.example', 'own.example', false],
    ['null', 'null', false],
    ['', '', false],
    ['https://own.example', undefined, false],
  ])('is %j where none is listed, and the host is %j: %s', (origin, host, isSame) => {
    expect(check({ origin, host })).toEqual(isSame ? undefined : REFUSED);
  });

  it('must be of this machine where it was reached over loopback', () => {
    const at = (host: string, socketAddress: string) =>
      check({ origin: `http://${host}:1`, host: `${host}:1`, socketAddress }) === undefined;
    for (const loopback of ['127.0.0.1', '127.9.9.9', '::1', '::ffff:127.0.0.1']) {
      for (const host of ['localhost', 'a.localhost', '127.0.0.1', '[::1]', '192.0.2.1'])
        expect([host, at(host, loopback)]).toEqual([host, true]);
      for (const host of ['own.example', 'xlocalhost', 'localhost.example'])
        expect([host, at(host, loopback)]).toEqual([host, false]);
    }
    for (const other of ['192.0.2.1', '1.127.0.0', 'x::1', '::12', '12.7.0.0'])
      expect(at('own.example', other)).toBe(true);
  });
});

describe('the address that counts', () => {
  it('is that of the socket, if there is one', () => {
    const { addressOf, logger } = handler();
    expect(addressOf()).toBe('192.0.2.1');
    const { own } = handler();
    const unknown = { headers: {}, socket: {} } as unknown as IncomingMessage;
    expect(own.admit(unknown).info.address).toBe('');
    expect(logger.warning).not.toHaveBeenCalled();
  });

  it('is what trusted proxies say', () => {
    const { addressOf, logger } = handler({ trustProxy: true });
    expect(addressOf({ 'x-forwarded-for': '1.1.1.1' })).toBe('1.1.1.1');
    expect(logger.warning).not.toHaveBeenCalled();
  });

  it('is not what others say, which is logged once', () => {
    for (const options of [{}, { trustProxy: false }, { trustProxy: 0 }]) {
      const { addressOf, logger } = handler(options, { maxConnectionsPerAddress: 7 });
      expect(addressOf()).toBe('192.0.2.1');
      expect(logger.warning).not.toHaveBeenCalled();
      for (let i = 0; i < 3; i++) expect(addressOf({ 'x-forwarded-for': '1.1.1.1' })).toBe('192.0.2.1');
      expect(logger.warning.mock.calls).toEqual([
        [
          'a request has X-Forwarded-For, which is not trusted, so all clients behind the proxy count as one address: set trustProxy if there is a proxy',
          { proxy: '192.0.2.1', maxConnectionsPerAddress: 7 },
        ],
      ]);
    }
  });

  it('is what addressOf says, up to 128 characters, whatever it is', () => {
    const asked: unknown[] = [];
    const say = (given: unknown) =>
      handler({
        addressOf: (...args) => {
          asked.push(args);
          return given as string;
        },
      }).addressOf({ a: 'b', 'x-forwarded-for': '1.1.1.1' });
    expect(say('somebody')).toBe('somebody');
    expect(asked).toEqual([[{ a: 'b', 'x-forwarded-for': '1.1.1.1' }, '192.0.2.1']]);
    expect(say(5)).toBe('5');
    expect(say(undefined)).toBe('192.0.2.1');
    for (const length of [127, 128]) expect(say('x'.repeat(length))).toHaveLength(length);
    expect(say('x'.repeat(129))).toHaveLength(128);
  });

  it('is not guessed when addressOf fails: the upgrade is refused', () => {
    const { admit, logger } = handler({
      addressOf: () => {
        throw new Error('boom');
      },
    });
    expect(admit({ origin: 'https://a.example' })).toEqual({
      info: { address: '192.0.2.1', origin: 'https://a.example' },
      refusal: { status: 500, reason: 'the relay cannot determine the address' },
    });
    expect(logger.error).toHaveBeenCalledExactlyOnceWith('addressOf failed', {
      address: '192.0.2.1',
      reason: 'boom',
    });
  });
});

describe('an upgrade', () => {
  const places = { maxConnections: 1 };

  it('becomes a WebSocket, is counted, and gives its place back when its socket closes', async () => {
    const { own, opened, request, metrics, admit } = handler({}, places);
    const { socket } = fakeSocket();
    own.handle(request({ host: 'a', origin: 'http://a' }), socket, Buffer.alloc(0));
    expect(opened).toEqual([['a WebSocket', { address: '192.0.2.1', origin: 'http://a' }]]);
    expect(metrics.text()).toContain('handshakes_total{status="101"} 1');
    expect(admit().refusal).toEqual({ status: 503, code: 4429, reason: 'too many connections' });
    socket.emit('close');
    expect(admit().refusal).toBeUndefined();
  });

  it('that is refused is answered, counted and logged, and takes no place', async () => {
    const { own, opened, request, metrics, logger, admit } = handler({}, places);
    const { socket, written } = fakeSocket();
    own.handle(request({ origin: 'https://evil.example', host: 'a' }), socket, Buffer.alloc(0));
    socket.emit('close');
    expect([opened, written]).toEqual([[], [expect.stringContaining('HTTP/1.1 403 Forbidden')]]);
    expect(metrics.text()).toContain('handshakes_total{status="403"} 1');
    expect(logger.warning).toHaveBeenCalledExactlyOnceWith('handshake refused', {
      address: '192.0.2.1',
      origin: 'https://evil.example',
      status: 403,
      code: 4403,
      reason: 'this origin may not connect',
    });
    expect(admit().refusal).toBeUndefined();
  });

  it('that another listener took is logged, and gives its place back', () => {
    const { own, opened, request, logger, admit } = handler({}, places, () => {
      throw new Error('called twice');
    });
    const { socket } = fakeSocket();
    own.handle(request(), socket, Buffer.alloc(0));
    expect(opened).toEqual([]);
    expect(logger.error).toHaveBeenCalledExactlyOnceWith(
      'another listener of the HTTP server took an upgrade to the path of the relay',
      { reason: 'called twice' },
    );
    socket.emit('close');
    expect(admit().refusal).toBeUndefined();
  });

  it('is refused while the relay goes down, whatever its origin', () => {
    const { admit, state } = handler();
    state.isDraining = true;
    for (const origin of [undefined, 'https://evil.example'])
      expect(admit({ origin }).refusal).toEqual({
        status: 503,
        code: 1001,
        reason: 'the relay is going down',
      });
  });

  it('is of an origin that may connect now', () => {
    const { own, admit } = handler({ origins: ['https://a.example'] });
    expect(admit({ origin: 'https://a.example' }).refusal).toBeUndefined();
    own.origins = ['https://b.example'];
    expect(admit({ origin: 'https://a.example' }).refusal?.status).toBe(403);
    expect(admit({ origin: 'https://b.example' }).refusal).toBeUndefined();
  });

  it('is one of few from its address', () => {
    const { admit } = handler({}, { maxConnectionsPerAddress: 1 });
    const first = admit();
    expect(admit().refusal).toEqual({
      status: 429,
      code: 4429,
      reason: 'too many connections from this address',
    });
    expect(admit({}, '192.0.2.2').refusal).toBeUndefined();
    if (first.refusal === undefined) first.leave();
    expect(admit().refusal).toBeUndefined();
  });
});
