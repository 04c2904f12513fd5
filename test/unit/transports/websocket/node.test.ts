/** The websocket transport of Node, on the package ws: what it takes of it, which refusals are certain, and how sockets end. */
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type ClientOptions, WebSocket, WebSocketServer } from 'ws';
import { RECEIVED_BYTES } from '../../../../src/flow-control.ts';
import type { ConnectionStatus } from '../../../../src/transport.ts';
import { loneMessage, SUBPROTOCOL, Type } from '../../../../transports/relay-protocol/frames.ts';
import { websocket, websocketOn } from '../../../../transports/websocket/node.ts';
import { fakePlatform } from '../../../relay/life/fake-socket.ts';
import { until, within } from '../../../support/wait.ts';

const ends: (() => unknown)[] = [];

beforeEach(() => {
  vi.stubGlobal('WebSocket', undefined);
});
afterEach(async () => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
  for (const end of ends.splice(0).reverse()) await end();
});

/** The package ws, with the sockets that are made. */
function ws() {
  const made: { readonly socket: WebSocket; readonly options: ClientOptions }[] = [];
  class Observed extends WebSocket {
    constructor(url: string, protocols: string, options: ClientOptions) {
      super(url, protocols, options);
      made.push({ socket: this, options });
    }
  }
  const load = vi.fn(async () => ({ WebSocket: Observed as unknown as typeof WebSocket }));
  return { made, load };
}

async function listen(server: Server = createServer()) {
  const sockets = new Set<Socket>();
  server.on('connection', (socket) => sockets.add(socket));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  ends.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return { server, url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}/` };
}

const welcome = () =>
  loneMessage([Type.welcome, 'session', 'relay/1', false, 0, 1_000_000, 1_000_000, 20_000, 60_000, '']);

/** A relay that greets each client. */
async function relay() {
  const { server, url } = await listen();
  const sockets: WebSocket[] = [];
  const behaviour = { refuses: undefined as string | undefined };
  const webSocketServer = new WebSocketServer({ noServer: true, handleProtocols: () => SUBPROTOCOL });
  server.on('upgrade', (request, socket: Socket, head) => {
    if (behaviour.refuses !== undefined) {
      socket.end(`HTTP/1.1 ${behaviour.refuses}\r\nContent-Length: 0\r\n\r\n`);
      return;
    }
    webSocketServer.handleUpgrade(request, socket, head, (own) => {
      sockets.push(own);
      own.on('error', () => {});
      own.send(welcome());
    });
  });
  return { url, sockets, behaviour };
}

/** Opens a connection over ws, and notes what it reports. */
async function open(url: string) {
  const { made, load } = ws();
  const connection = await websocketOn(load, url, { maxDelay: 1 }).open();
  ends.push(() => connection.close({ timeout: 0 }));
  const reported: ConnectionStatus[] = [];
  const statuses = connection.status();
  void (async () => {
    for await (const status of statuses) reported.push(status);
  })();
  const disconnected = () =>
    within(
      3_000,
      vi.waitUntil(() => reported.find(({ type }) => type === 'disconnected'), 3_000),
      'a failed attempt',
    );
  return { connection, made, load, disconnected };
}

describe('the package ws', () => {
  it('is not loaded where the platform, or the caller, has a WebSocket', async () => {
    const { load } = ws();
    const own = fakePlatform();
    for (const isGlobal of [true, false]) {
      if (isGlobal) vi.stubGlobal('WebSocket', own.WebSocket);
      else vi.stubGlobal('WebSocket', undefined);
      const options = isGlobal ? {} : { WebSocket: own.WebSocket };
      const connection = await websocketOn(load, 'ws://relay.example/', options).open();
      await vi.waitFor(() => expect(own.made).toHaveLength(1), 10_000);
      own.made.length = 0;
      await connection.close({ timeout: 0 });
    }
    expect(load).not.toHaveBeenCalled();
  });

  it('is loaded when a connection opens, and options are checked before', async () => {
    const { load } = ws();
    const transport = websocketOn(load, 'ws://relay.example/');
    expect(transport.name).toBe('websocket');
    expect(() => transport.checkAddress('tcp://a')).toThrow(
      expect.objectContaining({ code: 'INVALID_CALL' }),
    );
    for (const wrong of [
      () => websocketOn(load, 'ftp://relay.example/'),
      () => websocketOn(load, 'ws://relay.example/', { maxDelay: -1 }),
    ])
      expect(wrong).toThrow(expect.objectContaining({ code: 'INVALID_CALL' }));
    expect(load).not.toHaveBeenCalled();
  });

  it('that cannot be loaded fails the opening', async () => {
    const failing = websocketOn(() => Promise.reject(new Error('it is not there')), 'ws://relay.example/');
    await expect(failing.open()).rejects.toThrow('it is not there');
  });

  it('is told the limit of messages, and to compress none', async () => {
    const { url } = await relay();
    const { connection, made } = await open(url);
    await within(3_000, connection.identify());
    expect(made[0]?.options).toEqual({ perMessageDeflate: false, maxPayload: RECEIVED_BYTES });
    expect(made[0]?.socket.protocol).toBe(SUBPROTOCOL);
  });

  it('is what users of Node get', async () => {
    const { url } = await relay();
    const connection = await websocket(url).open();
    ends.push(() => connection.close({ timeout: 0 }));
    await within(3_000, connection.identify());
    expect(connection.id).toBe('relay/1');
  });
});

describe('an upgrade that is refused', () => {
  it.each([
    ['400 Bad Request', 'PROTOCOL'],
    ['401 Unauthorized', 'FORBIDDEN'],
    ['403 Forbidden', 'FORBIDDEN'],
    ['404 Not Found', 'PROTOCOL'],
    ['426 Upgrade Required', 'PROTOCOL'],
  ])('with %s ends the connection with %s', async (status, code) => {
    const { url, behaviour } = await relay();
    behaviour.refuses = status;
    const { connection, made } = await open(url);
    await expect(within(3_000, connection.identify())).rejects.toMatchObject({
      code,
      message: expect.stringContaining(`HTTP ${status}`),
    });
    expect(made).toHaveLength(1);
  });

  it('with another status is tried again', async () => {
    const { url, behaviour } = await relay();
    behaviour.refuses = '503 Service Unavailable';
    const { connection, disconnected } = await open(url);
    expect(await disconnected()).toMatchObject({ reason: expect.stringContaining('HTTP 503 Service') });
    behaviour.refuses = undefined;
    await within(3_000, connection.identify());
  });

  it('once there was a connection is tried again, whatever it says', async () => {
    const { url, behaviour, sockets } = await relay();
    const { connection, disconnected, made } = await open(url);
    await within(3_000, connection.identify());
    behaviour.refuses = '404 Not Found';
    sockets[0]?.terminate();
    await disconnected();
    await within(
      3_000,
      until(() => made.length >= 3),
      'two attempts',
    );
    behaviour.refuses = undefined;
    await within(
      3_000,
      until(() => sockets.length === 2),
      'another connection',
    );
  });
});

describe('an error', () => {
  /** One that never is open: its server says nothing. */
  async function failing(code: string | undefined) {
    const { url } = await listen();
    const own = await open(url);
    await vi.waitFor(() => expect(own.made).toHaveLength(1), 10_000);
    own.made[0]?.socket.emit('error', Object.assign(new Error('it failed'), { code }));
    return own;
  }

  it.each([
    ['EPROTO', 'PROTOCOL'],
    ['ERR_SSL_WRONG_VERSION_NUMBER', 'PROTOCOL'],
    ['HPE_INVALID_CONSTANT', 'PROTOCOL'],
    ['DEPTH_ZERO_SELF_SIGNED_CERT', 'FORBIDDEN'],
    ['ERR_TLS_CERT_ALTNAME_INVALID', 'FORBIDDEN'],
    ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'FORBIDDEN'],
    ['UNABLE_TO_GET_ISSUER_CERT_LOCALLY', 'FORBIDDEN'],
  ])('with %s, which the next attempt would have too, ends the connection with %s', async (code, error) => {
    const { connection } = await failing(code);
    await expect(within(3_000, connection.identify())).rejects.toMatchObject({
      code: error,
      message: expect.stringContaining(`it failed (${code})`),
    });
  });

  it.each(['ECONNREFUSED', 'ECONNRESET', 'XEPROTO', undefined])('with %s is tried again', async (code) => {
    const { disconnected, made } = await failing(code);
    expect(await disconnected()).toMatchObject({ reason: 'it failed' });
    await within(
      3_000,
      until(() => made.length === 2),
      'another attempt',
    );
  });

  it('once there was a connection is tried again, whatever it says', async () => {
    const { url, sockets } = await relay();
    const { connection, made } = await open(url);
    await within(3_000, connection.identify());
    made[0]?.socket.emit('error', Object.assign(new Error('it failed'), { code: 'EPROTO' }));
    await within(
      3_000,
      until(() => sockets.length === 2),
      'another connection',
    );
  });
});

describe('a socket that is closed', () => {
  const FAKED = { toFake: ['setTimeout', 'clearTimeout'] } as const;

  it('is cut when the relay does not answer within a second', async () => {
    const { url, sockets } = await relay();
    const { connection, made } = await open(url);
    await within(3_000, connection.identify());
    sockets[0]?.pause();
    const [own] = made;
    if (own === undefined) throw new Error('no socket was made');
    const terminate = vi.spyOn(own.socket, 'terminate');
    vi.useFakeTimers({ toFake: [...FAKED.toFake] });
    await connection.close({ timeout: 0 });
    vi.advanceTimersByTime(999);
    expect(terminate).not.toHaveBeenCalled();
    const closed = once(own.socket, 'close');
    vi.advanceTimersByTime(1);
    expect(terminate).toHaveBeenCalledOnce();
    await closed;
  });

  it('leaves no timer when the relay answers, and tells it that the client is done', async () => {
    const { url, sockets } = await relay();
    const { connection, made } = await open(url);
    await within(3_000, connection.identify());
    const [own] = made;
    if (own === undefined || sockets[0] === undefined) throw new Error('no socket was made');
    const terminate = vi.spyOn(own.socket, 'terminate');
    vi.useFakeTimers({ toFake: [...FAKED.toFake] });
    const [told, closed] = [once(sockets[0], 'close'), once(own.socket, 'close')];
    await connection.close({ timeout: 0 });
    expect((await told)[0]).toBe(1000);
    await closed;
    expect([vi.getTimerCount(), terminate.mock.calls]).toEqual([0, []]);
  });
});
