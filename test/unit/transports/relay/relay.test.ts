/** A relay as a whole: what it opens, what its options do, how it changes, and how it closes. */
import { once } from 'node:events';
import {
  createServer,
  type Server as HttpServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
} from 'node:http';
import { type AddressInfo, connect as connectTcp } from 'node:net';
import type { Duplex } from 'node:stream';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { z } from 'zod';
import { type Deferred, deferred } from '../../../../src/async/deferred.ts';
import { Server } from '../../../../src/cluster/index.ts';
import { fn, json, functions as typed } from '../../../../src/functions/index.ts';
import type { Logger } from '../../../../src/logging.ts';
import type { BindingTransport, CloseOptions, Connection, Transport } from '../../../../src/transport.ts';
import { memory } from '../../../../transports/memory/index.ts';
import type { RelayOptions } from '../../../../transports/relay/options.ts';
import { PeerKey } from '../../../../transports/relay/peers/peer-key.ts';
import { createRelay, createRelayOn, type Relay } from '../../../../transports/relay/relay.ts';
import { Upstream } from '../../../../transports/relay/upstream/upstream.ts';
import { ADOPTS, readRelayMessage, SUBPROTOCOL, Type } from '../../../../transports/relay-protocol/frames.ts';
import { MESSAGE_ROOM } from '../../../../transports/relay-protocol/reliable-log.ts';
import { bytes, textOf } from '../../../support/bytes.ts';
import { held, leftovers } from '../../../support/leftovers.ts';
import { EVERYTHING } from '../../../support/relay.ts';
import { dial, envelope, type PeerOptions, type RawPeer } from '../../../support/relay-peer.ts';
import { eventually, until, within } from '../../../support/wait.ts';

let ends: (() => unknown)[] = [];
afterEach(async () => {
  vi.restoreAllMocks();
  for (const end of ends.reverse()) await within(5_000, Promise.resolve(end()), 'closing');
  ends = [];
});

/** A transport that notes what is asked of its connections. */
function noted(real: Transport, change: (connection: Connection, index: number) => void = () => {}) {
  const opened: { identified: number; readonly closed: (CloseOptions | undefined)[] }[] = [];
  const transport: Transport = {
    name: real.name,
    checkAddress: (address) => real.checkAddress(address),
    open: async () => {
      const connection = await real.open();
      const notes = { identified: 0, closed: [] as (CloseOptions | undefined)[] };
      opened.push(notes);
      const { identify, close } = connection;
      connection.identify = () => {
        notes.identified++;
        return identify.call(connection);
      };
      connection.close = (options) => {
        notes.closed.push(options);
        return close.call(connection, options);
      };
      change(connection, opened.length - 1);
      return connection;
    },
  };
  return { transport, opened };
}

function noting() {
  const lines: string[] = [];
  const at = (level: string) => (message: string, fields?: object) => {
    lines.push(`${level}: ${message} ${JSON.stringify(fields ?? {})}`);
  };
  const logger: Logger = { debug: at('debug'), info: at('info'), warning: at('warning'), error: at('error') };
  return { lines, logger };
}

async function listening(server: HttpServer): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  ends.push(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  return (server.address() as AddressInfo).port;
}

interface Ground {
  readonly relay: Relay;
  readonly port: number;
  readonly server: Server;
  readonly real: BindingTransport;
  /** Of the server. */
  readonly dbAddress: string;
  readonly http: HttpServer;
  readonly lines: readonly string[];
  readonly opened: ReturnType<typeof noted>['opened'];
  /** Payloads that the server was called with. */
  readonly seen: readonly string[];
  /** By payload, what a call to `waits` waits for. */
  readonly gates: Map<string, Deferred<void>>;
  ask(path: string, init?: RequestInit): Promise<{ readonly status: number; readonly text: string }>;
  dial(options?: PeerOptions, path?: string): Promise<RawPeer>;
  peer(token?: string | null): Promise<RawPeer>;
  figure(name: string): Promise<number>;
}

const TOKEN = 'a token of everybody';
const isEverybody = (token: string | undefined) => (token === TOKEN ? EVERYTHING : undefined);

/** A relay to a server, and an HTTP server whose owner answers what the relay does not. */
async function open(
  options: Partial<RelayOptions> = {},
  onPeer?: (socket: Duplex) => void,
  change?: (connection: Connection) => void,
): Promise<Ground> {
  const real = memory();
  const seen: string[] = [];
  const gates = new Map<string, Deferred<void>>();
  const server = await Server.start({
    transport: real,
    name: 'server',
    loggingLevel: 'silent',
    concurrency: Number.POSITIVE_INFINITY,
    functions: {
      ...typed({
        half: fn({ input: z.number(), output: json<number>() }, (n) => n / 2),
      }),
      upper: (payload) => {
        seen.push(textOf(payload));
        return bytes(textOf(payload).toUpperCase());
      },
      waits: async (payload) => {
        const gate = deferred<void>();
        gates.set(textOf(payload), gate);
        await gate.promise;
        return payload;
      },
    },
  });
  ends.push(() => server.close({ timeout: 0 }));
  const { transport, opened } = noted(real, change);
  const { lines, logger } = noting();
  const http = createServer((request, response) => {
    if (!relay.respond(request, response)) response.writeHead(404).end('of the owner');
  });
  const whole = {
    server: http,
    transport,
    servers: { server: { dbAddress: server.dbAddress } },
    authenticate: isEverybody,
    logger,
    ...options,
  };
  const relay = await (onPeer === undefined
    ? createRelay(whole)
    : createRelayOn(async () => ({ WebSocket, WebSocketServer }), whole, onPeer));
  ends.push(() => relay.close({ timeout: 0 }));
  const port = await listening(http);
  const dialIt = async (how?: PeerOptions, path = options.path ?? '/') => {
    const peer = await dial(`ws://127.0.0.1:${port}${path}`, how);
    ends.push(() => peer.close());
    return peer;
  };
  const ask: Ground['ask'] = (path, init) => askAt(port, path, init);
  return {
    relay,
    port,
    server,
    real,
    dbAddress: server.dbAddress,
    http,
    lines,
    opened,
    seen,
    gates,
    ask,
    dial: dialIt,
    peer: async (token = TOKEN) => {
      const peer = await dialIt();
      await peer.greet(token);
      return peer;
    },
    figure: (name) => figureAt(port, name),
  };
}

async function askAt(port: number, path: string, init: RequestInit = {}) {
  const response = await fetch(`http://127.0.0.1:${port}${path}`, {
    ...init,
    headers: { connection: 'close', ...init.headers },
  });
  return { status: response.status, text: await response.text() };
}

async function figureAt(port: number, name: string): Promise<number> {
  const { text } = await askAt(port, '/metrics');
  return Number(new RegExp(`^frond_relay_${name} (.*)$`, 'm').exec(text)?.[1]);
}

const KEY = 'a key that two relays share and nobody else';

/** The connection is as one over which servers' answers are stored. */
function storing(connection: Connection): void {
  connection.store = async () => {};
}

/** The relay `a`, and `b` beside it, which has no servers of its own and passes on what comes back to it. */
async function beside({
  ofA = {},
  ofB = {},
  onPeer,
  stores = false,
}: {
  readonly ofA?: Partial<RelayOptions>;
  readonly ofB?: Partial<RelayOptions>;
  readonly onPeer?: (socket: Duplex) => void;
  /** Whether the servers' answers are stored, so that each relay can go on with the sessions of the other; `b` has the server then, too. */
  readonly stores?: boolean;
} = {}) {
  const http = createServer((request, response) => {
    b.respond(request, response);
  });
  const portOfB = await listening(http);
  const urls = { b: `ws://127.0.0.1:${portOfB}/` };
  const ground = await open(
    { peers: { id: 'a', key: KEY, urls }, metrics: () => true, loggingLevel: 'error', ...ofA },
    onPeer,
    stores ? storing : undefined,
  );
  const b = await createRelay({
    server: http,
    transport: stores ? noted(ground.real, storing).transport : ground.real,
    servers: stores ? { server: { dbAddress: ground.dbAddress } } : {},
    authenticate: isEverybody,
    metrics: () => true,
    loggingLevel: 'silent',
    peers: { id: 'b', key: KEY, urls: { a: `ws://127.0.0.1:${ground.port}/` } },
    ...ofB,
  });
  ends.push(() => b.close({ timeout: 0 }));
  const dialB = async (how?: PeerOptions) => {
    const peer = await dial(urls.b, how);
    ends.push(() => peer.close());
    return peer;
  };
  return {
    ...ground,
    b,
    portOfB,
    dialB,
    figureOfB: (name: string) => figureAt(portOfB, name),
    /** The client comes to `b` with a session. @returns it, and whether the session goes on. */
    comeToB: async (session: string, how?: PeerOptions) => {
      const peer = await dialB(how);
      const [, , , goesOn] = await peer.greet(TOKEN, session);
      return { peer, goesOn };
    },
    /** A client of `a` that was cut, has nothing under way, and confirmed all that it got. */
    cut: async () => {
      const peer = await ground.peer();
      await cutOff(peer, ground.relay);
      return peer;
    },
  };
}

/** Ends a connection without a word of whether the client comes back, once the relay has read all that it sent. */
async function cutOff(peer: RawPeer, relay: Relay): Promise<void> {
  const before = relay.connections;
  peer.socket.close(4_000);
  await within(
    5_000,
    until(() => relay.connections < before),
    'the end of the connection',
  );
}

const now = performance.now.bind(performance);

/** Sets the clock of the process so many milliseconds ahead. */
function later(time: number): void {
  vi.spyOn(performance, 'now').mockImplementation(() => now() + time);
}

const pause = (time: number) => new Promise((resolve) => setTimeout(resolve, time));

/** Calls a function that waits, and resolves once it runs there. The peer has open channels. */
async function callWaiting(peer: RawPeer, gates: Ground['gates'], payload: string): Promise<void> {
  const frame = envelope({
    client: `${peer.id}/${payload}`,
    function: 'server.waits',
    payload: bytes(payload),
  });
  peer.send([Type.send, 1, 1, [frame]]);
  await within(
    5_000,
    until(() => gates.has(payload)),
    'the call',
  );
}

describe('a relay that starts', () => {
  it('opens two connections, one of them for work, and identifies both', async () => {
    const { opened } = await open();
    expect(opened).toEqual([
      { identified: 1, closed: [] },
      { identified: 1, closed: [] },
    ]);
  });

  it('says at which path it relays, at info, and no more than that', async () => {
    const { lines } = await open();
    expect(lines).toEqual(['info: relaying {"path":"/"}']);
    expect((await open({ path: '/relay' })).lines).toEqual(['info: relaying {"path":"/relay"}']);
    expect((await open({ loggingLevel: 'warning' })).lines).toEqual([]);
  });

  it('says it on the console, under its name, where it has no logger', async () => {
    const told = vi.spyOn(console, 'error').mockImplementation(() => {});
    const info = vi.spyOn(console, 'info').mockImplementation(() => {});
    const log = vi.spyOn(console, 'log').mockImplementation(() => {});
    const { relay } = await open({ logger: undefined });
    await relay.close({ timeout: 0 });
    const all = [told, info, log].flatMap((one) => one.mock.calls.flat()).join(' ');
    expect(all).toContain('frond relay');
    expect(all).toContain('relaying');
  });

  it('on a connection that cannot be identified fails, and closes both', async () => {
    for (const broken of [0, 1]) {
      const failure = new Error('refused');
      const { transport, opened } = noted(memory(), (connection, index) => {
        if (index === broken) connection.identify = () => Promise.reject(failure);
      });
      const http = createServer();
      await expect(createRelay({ server: http, transport, servers: {} })).rejects.toBe(failure);
      expect(opened.map(({ closed }) => closed)).toEqual([[{ timeout: 0 }], [{ timeout: 0 }]]);
      expect(http.listenerCount('upgrade')).toBe(0);
    }
  });

  it('whose second connection cannot be opened fails, and closes the first', async () => {
    const failure = new Error('no more connections');
    const { transport, opened } = noted(memory());
    let count = 0;
    const once = { ...transport, open: () => (++count > 1 ? Promise.reject(failure) : transport.open()) };
    await expect(createRelay({ server: createServer(), transport: once, servers: {} })).rejects.toBe(failure);
    expect(opened.map(({ closed }) => closed)).toEqual([[{ timeout: 0 }]]);
  });

  it.each([
    ['a limit that is none', { limits: { window: 0 } }, 'limits.window'],
    ['anonymous with a server that is not there', { anonymous: { servers: ['other'] } }, '"other"'],
    ['a server without an address', { servers: { one: { dbAddress: 'nowhere' } } }, 'nowhere'],
    ['a level that is none', { loggingLevel: 'loud' }, 'loud'],
  ])('refuses %s, and leaves nothing open', async (_what, options, text) => {
    const { transport, opened } = noted(memory());
    const http = createServer();
    const stop = vi.fn();
    const authenticate = Object.assign(() => undefined, { onChange: () => stop });
    const whole = { server: http, transport, servers: {}, authenticate, ...options };
    const starting = createRelay(whole as Parameters<typeof createRelay>[0]);
    await expect(starting).rejects.toMatchObject({
      code: 'INVALID_CALL',
      message: expect.stringContaining(text),
    });
    for (const { closed } of opened) expect(closed).toEqual([{ timeout: 0 }]);
    expect([http.listenerCount('upgrade'), http.listenerCount('error')]).toEqual([0, 0]);
  });

  it('at a path that is taken is refused, and hears of no changes of tokens any more', async () => {
    const http = createServer();
    const stop = vi.fn();
    const authenticate = Object.assign(() => undefined, { onChange: () => stop });
    const options = { server: http, servers: {}, authenticate, loggingLevel: 'silent' } as const;
    const first = await createRelay({ ...options, transport: memory() });
    ends.push(() => first.close({ timeout: 0 }));
    const { transport, opened } = noted(memory());
    await expect(createRelay({ ...options, transport })).rejects.toMatchObject({ code: 'INVALID_CALL' });
    expect(stop).toHaveBeenCalledTimes(1);
    expect(opened.map(({ closed }) => closed)).toEqual([[{ timeout: 0 }], [{ timeout: 0 }]]);
    // The first one is still there.
    expect(http.listenerCount('upgrade')).toBe(1);
  });
});

describe('the package ws', () => {
  /** A relay, and the WebSocket servers that it made. */
  async function withServers(options: Partial<RelayOptions> = {}) {
    const made: WebSocketServer[] = [];
    class Noted extends WebSocketServer {
      constructor(how: ConstructorParameters<typeof WebSocketServer>[0]) {
        super(how);
        made.push(this);
      }
    }
    const relay = await createRelayOn(
      async () => ({ WebSocket, WebSocketServer: Noted as typeof WebSocketServer }),
      {
        server: createServer(),
        transport: memory(),
        servers: {},
        loggingLevel: 'silent',
        ...options,
      },
    );
    ends.push(() => relay.close({ timeout: 0 }));
    return { relay, made };
  }

  it('that is older than the bound of fragments is refused before anything is opened', async () => {
    const { transport, opened } = noted(memory());
    class Old {
      readonly options = {};
    }
    const starting = createRelayOn(async () => ({ WebSocket, WebSocketServer: Old as never }), {
      server: createServer(),
      transport,
      servers: {},
    });
    await expect(starting).rejects.toMatchObject({
      code: 'INVALID_CALL',
      message: expect.stringContaining('ws@8'),
    });
    expect(opened).toEqual([]);
  });

  it('takes messages of the largest frame and what is around it, uncompressed, and lists no sockets', async () => {
    const { made } = await withServers({ limits: { maxFrame: 100_000 } });
    const own = made.at(-1);
    const { maxPayload = 0, maxFragments, perMessageDeflate, clientTracking } = own?.options ?? {};
    expect(maxPayload).toBe(100_000 + MESSAGE_ROOM);
    expect(maxFragments).toBe(Math.ceil(maxPayload / 1_024));
    expect([perMessageDeflate, clientTracking]).toEqual([false, false]);
  });

  it('is closed with the relay', async () => {
    const { relay, made } = await withServers();
    const closed = vi.fn();
    made.at(-1)?.on('close', closed);
    await relay.close({ timeout: 0 });
    await new Promise(setImmediate);
    expect(closed).toHaveBeenCalledTimes(1);
  });
});

describe('a WebSocket', () => {
  it.each([
    ['the own one among others', ['other', SUBPROTOCOL], SUBPROTOCOL],
    ['the first of others, to be told why it is closed', ['other', 'more'], 'other'],
    ['none when none is offered', [], ''],
  ])('speaks %s', async (_what, offered, spoken) => {
    const { port } = await open();
    const socket = new WebSocket(`ws://127.0.0.1:${port}/`, offered, { perMessageDeflate: true });
    ends.push(() => socket.terminate());
    const closed = once(socket, 'close');
    await within(5_000, once(socket, 'open'));
    expect(socket.protocol).toBe(spoken);
    expect(socket.extensions).toBe('');
    if (spoken !== SUBPROTOCOL) expect((await within(5_000, closed))[0]).toBe(4406);
  });

  it('is counted while it is open, and its session too', async () => {
    const { relay, figure, peer } = await open({ metrics: () => true });
    expect(relay.connections).toBe(0);
    const one = await peer();
    await peer();
    expect([relay.connections, await figure('connections'), await figure('sessions')]).toEqual([2, 2, 2]);
    one.socket.close(1000);
    await one.end();
    await eventually(async () => (await figure('connections')) === 1 && (await figure('sessions')) === 1);
    expect(relay.connections).toBe(1);
  });

  it('counts with what the relay keeps for it', async () => {
    const { figure, peer } = await open({ metrics: () => true });
    expect(await figure('held_bytes')).toBe(0);
    await peer();
    expect(await figure('held_bytes')).toBe(TOKEN.length);
  });

  it('gets a ping in each heartbeat', async () => {
    const { peer } = await open({ limits: { heartbeat: 50 } });
    const one = await peer();
    const pings = countPings(one);
    await within(
      5_000,
      until(() => pings.count >= 3),
    );
  });

  it('may be one of so many, and one of so many from an address', async () => {
    const all = await open({ limits: { maxConnections: 1 } });
    await all.peer();
    expect(await (await all.dial()).end()).toMatchObject({ code: 4429, reason: 'too many connections' });
    const each = await open({ limits: { maxConnectionsPerAddress: 1 } });
    await each.peer();
    expect(await (await each.dial()).end()).toMatchObject({
      code: 4429,
      reason: 'too many connections from this address',
    });
  });

  it('that is lost leaves its session, for its time and one for each of so many', async () => {
    const { peer, figure, dial } = await open({
      metrics: () => true,
      limits: { resumeWindow: 2_000, maxConnectionsPerAddress: 2 },
    });
    const lost = async () => {
      const one = await peer();
      one.socket.terminate();
      return one;
    };
    const [first, , last] = [await lost(), await lost(), await lost()];
    await eventually(async () => (await figure('sessions')) === 2 && (await figure('connections')) === 0);
    const back = await dial();
    expect((await back.greet(TOKEN, first.session))[3]).toBe(false);
    back.socket.close(1000);
    await back.end();
    const again = await dial();
    expect((await again.greet(TOKEN, last.session))[3]).toBe(true);
    again.socket.terminate();
    await eventually(async () => (await figure('sessions')) === 0);
  });

  it('that sends no greeting is closed after its time', async () => {
    const { dial } = await open({ limits: { greetingTimeout: 50 } });
    expect(await (await dial()).end()).toEqual({ code: 4408, reason: 'no greeting came' });
  });

  it('is closed when all together keep more than they may', async () => {
    const { dial } = await open({ limits: { maxHeldTotal: 30_000 } });
    const peer = await dial();
    // A greeting that does not end.
    const { _socket: raw } = peer.socket as unknown as { _socket: { write(bytes: Uint8Array): void } };
    raw.write(new Uint8Array([0x82, 0xff, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, ...new Uint8Array(40_000)]));
    expect((await peer.end()).code).toBe(4413);
  });
});

function countPings(peer: RawPeer) {
  const pings = { count: 0 };
  peer.socket.on('message', (data: Buffer) => {
    const { frames } = readRelayMessage(new Uint8Array(data));
    pings.count += frames.filter(([type]) => type === Type.ping).length;
  });
  return pings;
}

describe('requests over HTTP', () => {
  it('to /healthz are answered at the root and below the path of the WebSocket, others left to the owner', async () => {
    for (const [path, below] of [
      [undefined, ''],
      ['/relay', '/relay'],
    ] as const) {
      const { ask, relay } = await open({ path });
      const healthy = { status: 200, text: 'ok\n' };
      expect([await ask('/healthz'), await ask(`${below}/healthz`)]).toEqual([healthy, healthy]);
      expect(await ask('/readyz')).toEqual({ status: 200, text: 'ready\n' });
      for (const other of ['/', '/other', '/metrics', '/call/server.upper', '/openapi.json'])
        expect(await ask(other)).toEqual({ status: 404, text: 'of the owner' });
      expect(relay.respond({ url: '/other', headers: {} } as never, {} as never)).toBe(false);
    }
  });

  it('to /metrics are answered where they may be', async () => {
    const { ask } = await open({ metrics: ({ url }) => url === '/metrics?mine' });
    expect((await ask('/metrics?mine')).text).toContain('frond_relay_connections 0');
    expect((await ask('/metrics')).status).toBe(404);
  });

  it('that call functions are answered where that is wanted, and with the grants of their token', async () => {
    const { ask, seen } = await open({ http: true });
    const post = (token: string) =>
      ask('/call/server.upper', {
        method: 'POST',
        body: 'x',
        headers: { authorization: `Bearer ${token}` },
      });
    expect(await post(TOKEN)).toEqual({ status: 200, text: 'X' });
    expect((await post('another')).status).toBe(401);
    expect(seen).toEqual(['x']);
    const described = await ask('/openapi.json', { headers: { authorization: `Bearer ${TOKEN}` } });
    expect(Object.keys(JSON.parse(described.text).paths)).toContain('/call/server.upper');
  });

  it.each([true, false, undefined])(
    'with input that its schema does not allow are refused by the relay where that is wanted: %s',
    async (checkInput) => {
      const { ask } = await open({ http: true, checkInput });
      const { status, text } = await ask('/call/server.half', {
        method: 'POST',
        body: '"x"',
        headers: { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' },
      });
      expect([status, JSON.parse(text).error.code]).toEqual([400, 'INVALID_CALL']);
      // The server says it in other words than the schema.
      expect(text.includes('it must be number')).toBe(checkInput === true);
    },
  );
});

describe('what is refused', () => {
  it('is counted: calls, requests, servers and results', async () => {
    const { dial, figure } = await open({
      metrics: () => true,
      authenticate: () => ({ name: 'weak', servers: ['server'], work: true }),
    });
    const peer = await dial();
    await peer.greet('weak');
    await peer.openCalls();
    expect(await peer.call('1', 'server.upper')).toMatchObject({ error: expect.stringContaining('weak') });
    const frame = envelope({ client: peer.id, function: 'server.get', payload: bytes('k') });
    expect(await peer.ask(1, 'server', frame)).toBe('FORBIDDEN');
    expect(await peer.ask(2, 'other', frame)).toBe('FORBIDDEN');
    for (const what of ['call', 'request', 'server'])
      expect([what, await figure(`refusals_total\\{what="${what}"\\}`)]).toEqual([what, 1]);
  });

  it('of anonymous clients and of those with a token is as their grants say', async () => {
    const { peer } = await open({ anonymous: { servers: ['server'], functions: ['server.upper'] } });
    for (const [token, isGranted] of [
      [TOKEN, true],
      [null, false],
    ] as const) {
      const one = await peer(token);
      await one.openCalls();
      expect(textOf((await one.call('1', 'server.upper')).payload)).toBe('X');
      expect((await one.call('2', 'server.half')).error.includes('may not call')).toBe(!isGranted);
    }
  });
});

describe('a server that comes back under another name', () => {
  it('gets no calls to the one before, also of those that passed', async () => {
    const { peer, server, real, dbAddress, lines } = await open();
    const one = await peer();
    await one.openCalls();
    expect(textOf((await one.call('1', 'server.upper')).payload)).toBe('X');
    await server.close({ timeout: 0 });
    const other = await Server.start({ transport: real, name: 'other', dbAddress, loggingLevel: 'silent' });
    ends.push(() => other.close({ timeout: 0 }));
    await within(
      5_000,
      until(() => lines.some((line) => line.startsWith('info: server found') && line.includes('"other"'))),
    );
    const another = await peer();
    await another.openCalls();
    expect((await another.call('1', 'server.upper')).error).toBe('the first function must be one of other');
  });
});

describe('a change of tokens', () => {
  it('is heard of as long as the relay is open, and ends those whose token is gone', async () => {
    let tell = () => {};
    let isKnown = true;
    const stop = vi.fn();
    const onChange = (listener: () => void) => {
      tell = listener;
      return stop;
    };
    const authenticate = Object.assign(() => (isKnown ? EVERYTHING : undefined), { onChange });
    const { relay, peer } = await open({ authenticate });
    const one = await peer();
    tell();
    await relay.reauthenticate();
    expect(relay.connections).toBe(1);
    isKnown = false;
    tell();
    expect(await one.end()).toMatchObject({ code: 4401 });
    expect(stop).not.toHaveBeenCalled();
    await relay.close({ timeout: 0 });
    expect(stop).toHaveBeenCalledTimes(1);
  });

  it('that cannot be stopped is told in the log, and the relay closes', async () => {
    const onChange = () => () => {
      throw new Error('no way back');
    };
    const { relay, lines } = await open({ authenticate: Object.assign(() => undefined, { onChange }) });
    await relay.close({ timeout: 0 });
    expect(lines.slice(1)).toEqual([
      'error: the function that ends onChange failed {"reason":"no way back"}',
      'info: relay closed {}',
    ]);
  });

  it('is asked for by hand, and a hook that takes too long changes nothing', async () => {
    let answer: (() => unknown) | undefined = () => EVERYTHING;
    const { relay, peer, lines } = await open({
      authenticate: () => (answer === undefined ? new Promise(() => {}) : (answer() as never)),
      limits: { greetingTimeout: 60 },
    });
    const one = await peer();
    answer = undefined;
    await within(5_000, relay.reauthenticate());
    expect(lines.at(-1)).toContain('no answer within 60 ms');
    answer = () => undefined;
    await relay.reauthenticate();
    expect((await one.end()).code).toBe(4401);
  });
});

describe('a relay that is reconfigured', () => {
  const page = 'https://dash.example';

  it('has other origins, and those of its own host when they are left out', async () => {
    const { relay, dial, port } = await open({ origins: [page] });
    const comesIn = async (origin: string) => {
      const peer = await dial({ origin });
      try {
        await peer.greet(TOKEN);
        return true;
      } catch {
        return false;
      } finally {
        peer.socket.close(1000);
      }
    };
    const own = `http://127.0.0.1:${port}`;
    expect([await comesIn(page), await comesIn(own)]).toEqual([true, false]);
    relay.reconfigure({ origins: ['https://other.example'] });
    expect([await comesIn(page), await comesIn('https://other.example')]).toEqual([false, true]);
    relay.reconfigure({});
    expect([await comesIn('https://other.example'), await comesIn(own)]).toEqual([false, true]);
  });

  it('has other grants for clients without a token, also for those that are connected', async () => {
    const { relay, peer } = await open();
    relay.reconfigure({ anonymous: { servers: ['server'], functions: ['server.upper'] } });
    const one = await peer(null);
    await one.openCalls();
    expect(textOf((await one.call('1', 'server.upper')).payload)).toBe('X');
    relay.reconfigure({ anonymous: { servers: ['server'] } });
    await relay.reauthenticate();
    expect((await one.call('2', 'server.upper')).error).toContain('may not call');
    relay.reconfigure({});
    expect((await one.end()).code).toBe(4401);
  });

  it('has the servers that were added beside its own', async () => {
    const { relay, ask } = await open({ metrics: () => true });
    relay.reconfigure({
      servers: { more: { dbAddress: 'memory://more' } },
      anonymous: { servers: ['more'] },
    });
    expect((await ask('/readyz')).text).toContain('more: does not answer');
  });

  it.each([
    [
      'grants that are malformed',
      { anonymous: { servers: 'server' } },
      /^the option anonymous is not acceptable: /,
    ],
    ['grants for a server that is not there', { anonymous: { servers: ['nobody'] } }, /"nobody"/],
    ['a name that is none', { servers: { 'a.b': { dbAddress: 'memory://1' } } }, /"a\.b"/],
  ])('keeps all as it was when it is given %s', async (_what, changes, message) => {
    const { relay, dial, ask } = await open({ origins: [page], metrics: () => true });
    const servers = { later: { dbAddress: 'memory://later' } };
    const whole = { servers, anonymous: { servers: ['*'] }, origins: ['https://other.example'], ...changes };
    expect(() => relay.reconfigure(whole as never)).toThrow(
      expect.objectContaining({ code: 'INVALID_CALL', message: expect.stringMatching(message) }),
    );
    expect((await ask('/readyz')).text).toBe('ready\nserver: answers\n');
    const peer = await dial({ origin: page });
    peer.sendLone([Type.hello, null, null, 0]);
    expect(await peer.end()).toMatchObject({ code: 4401 });
  });
});

describe('a relay that closes', () => {
  /** A call that runs until its gate opens. */
  async function busy(options: Partial<RelayOptions> = {}) {
    const ground = await open(options);
    const peer = await ground.peer();
    await peer.openCalls();
    await callWaiting(peer, ground.gates, '1');
    return { ...ground, busyPeer: peer };
  }

  it('ends clients without anything under way at once, and tells them', async () => {
    const { relay, peer, dial, lines } = await open();
    const [greeted, knocks] = [await peer(), await dial()];
    const before = performance.now();
    const closing = relay.close({ timeout: 10_000 });
    expect(relay.close()).toBe(closing);
    for (const one of [greeted, knocks])
      expect(await one.end()).toEqual({ code: 1001, reason: 'the relay is going down' });
    await within(5_000, closing);
    expect(performance.now() - before).toBeLessThan(5_000);
    expect(relay.connections).toBe(0);
    expect(lines.at(-1)).toBe('info: relay closed {}');
  });

  it('is closed by `await using`', async () => {
    const { relay, lines } = await open();
    await relay[Symbol.asyncDispose]();
    expect(lines).toEqual(['info: relaying {"path":"/"}', 'info: relay closed {}']);
  });

  it('waits for the answer of a call, and for the client to have it', async () => {
    const { relay, gates, busyPeer } = await busy();
    const pings = countPings(busyPeer);
    busyPeer.isMute = true;
    const closing = relay.close({ timeout: 10_000 });
    await new Promise((resolve) => setTimeout(resolve, 60));
    expect([relay.connections, pings.count]).toEqual([1, 0]);
    gates.get('1')?.resolve();
    expect(textOf((await busyPeer.answer(`${busyPeer.id}/1`)).payload)).toBe('1');
    // It has not said that it has it.
    await new Promise((resolve) => setTimeout(resolve, 60));
    expect(relay.connections).toBe(1);
    // Nor does it say so with this.
    busyPeer.sendLone([Type.pong]);
    await within(
      5_000,
      until(() => pings.count === 2),
    );
    expect(relay.connections).toBe(1);
    busyPeer.send([Type.pong]);
    expect((await busyPeer.end()).code).toBe(1001);
    await within(5_000, closing);
  });

  it('waits for what a client may have sent meanwhile, of which nothing is known yet', async () => {
    const { relay, peer } = await open({ limits: { heartbeat: 60_000 } });
    const quiet = await peer();
    quiet.isMute = true;
    const pings = countPings(quiet);
    const closing = relay.close({ timeout: 10_000 });
    await within(
      5_000,
      until(() => pings.count === 1),
    );
    await pause(60);
    expect(relay.connections).toBe(1);
    quiet.sendLone([Type.pong]);
    expect((await quiet.end()).code).toBe(1001);
    await within(5_000, closing);
  });

  it('closes those that have not greeted at once, whoever else is waited for', async () => {
    const { relay, dial, busyPeer } = await busy();
    const knocks = await dial();
    const closing = relay.close({ timeout: 10_000 });
    expect((await knocks.end(2_000)).code).toBe(1001);
    await within(
      5_000,
      until(() => relay.connections === 1),
    );
    await cutOff(busyPeer, relay);
    await within(5_000, closing);
  });

  it('asks a client once for what it has, and again after the next answer', async () => {
    const { relay, gates, busyPeer } = await busy({ limits: { heartbeat: 60_000 } });
    const pings = countPings(busyPeer);
    busyPeer.isMute = true;
    const closing = relay.close({ timeout: 10_000 });
    for (const call of ['1', '2']) {
      if (call === '2') await callWaiting(busyPeer, gates, '2');
      const before = pings.count;
      await new Promise((resolve) => setTimeout(resolve, 60));
      expect(pings.count).toBe(before);
      gates.get(call)?.resolve();
      await within(
        5_000,
        until(() => pings.count > before),
      );
      await new Promise((resolve) => setTimeout(resolve, 100));
      expect(pings.count).toBe(before + 1);
    }
    busyPeer.send([Type.pong]);
    await within(5_000, closing);
  });

  it('waits no longer than it may', async () => {
    for (const [timeout, least] of [
      [0, 0],
      [1_300, 1_290],
      [undefined, 990],
    ] as const) {
      const { relay, busyPeer } = await busy();
      const before = performance.now();
      await within(5_000, relay.close(timeout === undefined ? {} : { timeout }));
      expect(performance.now() - before).toBeGreaterThanOrEqual(least);
      expect(await busyPeer.end()).toEqual({ code: 1001, reason: 'the relay is going down' });
    }
  });

  it('cuts a client that does not answer the closing handshake', async () => {
    const { relay, peer } = await open();
    const deaf = await peer();
    deaf.socket.pause();
    const before = performance.now();
    await within(5_000, relay.close({ timeout: 0 }));
    expect(performance.now() - before).toBeGreaterThanOrEqual(240);
    expect(performance.now() - before).toBeLessThan(950);
    deaf.socket.resume();
    await deaf.end();
    await until(() => relay.connections === 0);
  });

  it('takes nobody meanwhile, says so, and leaves the HTTP server to its owner afterwards', async () => {
    const { relay, gates, ask, dial, figure, http, port, busyPeer } = await busy({
      http: true,
      metrics: () => true,
    });
    const closing = relay.close({ timeout: 10_000 });
    expect(await ask('/readyz')).toEqual({ status: 503, text: 'draining\n' });
    expect(await (await dial()).end()).toEqual({ code: 1001, reason: 'the relay is going down' });
    // It was refused before there was a WebSocket.
    expect(await figure('handshakes_total\\{status="503"\\}')).toBe(1);
    expect((await ask('/healthz')).status).toBe(200);
    const headers = { authorization: `Bearer ${TOKEN}` };
    expect((await ask('/call/server.upper', { method: 'POST', body: 'x', headers })).status).toBe(503);
    gates.get('1')?.resolve();
    await busyPeer.answer(`${busyPeer.id}/1`);
    busyPeer.send([Type.pong]);
    await within(5_000, closing);
    expect([http.listenerCount('upgrade'), http.listenerCount('error'), http.listening]).toEqual([
      0,
      0,
      true,
    ]);
    const socket = connectTcp(port, '127.0.0.1');
    ends.push(() => socket.destroy());
    await once(socket, 'connect');
  });

  it('waits for calls over HTTP, and refuses those that take longer', async () => {
    for (const isAnswered of [true, false]) {
      const { relay, gates, ask } = await open({ http: true });
      const asking = ask('/call/server.waits', {
        method: 'POST',
        body: 'x',
        headers: { authorization: `Bearer ${TOKEN}` },
      });
      await within(
        5_000,
        until(() => gates.has('x')),
      );
      const closing = relay.close({ timeout: isAnswered ? 10_000 : 50 });
      if (isAnswered) {
        await new Promise((resolve) => setTimeout(resolve, 50));
        gates.get('x')?.resolve();
      }
      const { status, text } = await within(5_000, asking);
      expect([status, text.includes('going down')]).toEqual(isAnswered ? [200, false] : [503, true]);
      await within(5_000, closing);
    }
  });

  it('forgets its sessions, closes its connections without waiting, and leaves nothing', async () => {
    const before = held();
    const { relay, peer, opened, figure, http } = await open({ metrics: () => true });
    const [away, here] = [await peer(), await peer()];
    away.socket.terminate();
    await eventually(async () => (await figure('connections')) === 1);
    expect(await figure('sessions')).toBe(2);
    await relay.close({ timeout: 0 });
    await here.end();
    expect(await figure('sessions')).toBe(0);
    expect(opened.map(({ closed }) => closed)).toEqual([[{ timeout: 0 }], [{ timeout: 0 }]]);
    http.closeAllConnections();
    await new Promise((resolve) => http.close(resolve));
    expect(await leftovers(before)).toEqual({});
  });
});

describe('a relay beside another', () => {
  it('passes a client on to the one that has its session, and counts it as passed on', async () => {
    const own = await beside();
    const first = await own.cut();
    const { peer, goesOn } = await own.comeToB(first.session);
    expect([goesOn, peer.id]).toEqual([true, first.id]);
    expect([await own.figureOfB('passed_on'), await own.figureOfB('sessions')]).toEqual([1, 0]);
    expect([await own.figure('passed_on'), await own.figure('sessions')]).toEqual([0, 1]);
    await cutOff(peer, own.b);
    await eventually(async () => (await own.figureOfB('passed_on')) === 0);
  });

  it('dials no other place that an answer names, and with the bounds of its own WebSockets', async () => {
    const elsewhere = createServer();
    const asked = vi.fn();
    elsewhere.on('upgrade', asked).on('request', asked);
    const port = await listening(elsewhere);
    const owner = createServer();
    const headers: IncomingHttpHeaders[] = [];
    owner.on('upgrade', (request: IncomingMessage, socket: Duplex) => {
      headers.push(request.headers);
      socket.end(`HTTP/1.1 302 Found\r\nLocation: ws://127.0.0.1:${port}/\r\nContent-Length: 0\r\n\r\n`);
    });
    const made: object[] = [];
    class Noted extends WebSocket {
      constructor(...how: ConstructorParameters<typeof WebSocket>) {
        super(...how);
        made.push(how[2] ?? {});
      }
    }
    const http = createServer();
    const relay = await createRelayOn(
      async () => ({ WebSocket: Noted as typeof WebSocket, WebSocketServer }),
      {
        server: http,
        transport: memory(),
        servers: {},
        authenticate: isEverybody,
        loggingLevel: 'silent',
        limits: { maxFrame: 100_000 },
        peers: { id: 'a', key: KEY, urls: { c: `ws://127.0.0.1:${await listening(owner)}/` } },
      },
    );
    ends.push(() => relay.close({ timeout: 0 }));
    const peer = await dial(`ws://127.0.0.1:${await listening(http)}/`);
    ends.push(() => peer.close());
    const [, , , goesOn] = await peer.greet(TOKEN, new PeerKey(KEY).nameSession('c'));
    expect(goesOn).toBe(false);
    expect(headers).toEqual([expect.not.objectContaining({ 'sec-websocket-extensions': expect.anything() })]);
    expect(asked).not.toHaveBeenCalled();
    const maxPayload = 100_000 + MESSAGE_ROOM;
    expect(made).toEqual([
      expect.objectContaining({ maxPayload, maxFragments: Math.ceil(maxPayload / 1_024) }),
    ]);
  });

  it('judges a page by the host and the address that it has come to the other by', async () => {
    const { port, portOfB, cut, comeToB, ...own } = await beside({
      ofB: { origins: [PAGE, 'http://127.0.0.1', REBOUND] },
    });
    const { session } = await cut();
    const come = async (origin: string, host: string) => {
      const { peer, goesOn } = await comeToB(session, { origin, headers: { host } });
      await cutOff(peer, own.b);
      return goesOn;
    };
    expect(await come('http://127.0.0.1', '127.0.0.1')).toBe(true);
    expect(await come(PAGE, '127.0.0.1')).toBe(false);
    // Any name may lead to this machine.
    expect(await come(REBOUND, 'rebound.example')).toBe(false);
  });

  it('counts a client for its own address, and tells whose connection came from the other', async () => {
    const sockets: Duplex[] = [];
    const own = await beside({
      ofA: { limits: { maxConnectionsPerAddress: 2 } },
      ofB: { trustProxy: true },
      onPeer: (socket) => sockets.push(socket),
    });
    const [first, second, third] = [await own.cut(), await own.cut(), await own.peer()];
    const from = (address: string) => ({ headers: { 'x-forwarded-for': address } });
    expect((await own.comeToB(first.session, from('203.0.113.7'))).goesOn).toBe(true);
    expect(sockets).toHaveLength(1);
    expect(sockets[0]?.destroyed).toBe(false);
    // The place of the first connection is free again.
    expect((await own.comeToB(second.session, from('203.0.113.7'))).goesOn).toBe(true);
    expect(sockets).toHaveLength(2);
    const refused = await own.dialB(from('203.0.113.7'));
    refused.sendLone([Type.hello, TOKEN, third.session, 0]);
    expect((await refused.end()).code).toBe(4429);
    expect(sockets).toHaveLength(2);
  });
});

const PAGE = 'https://dash.example';
const REBOUND = 'http://rebound.example';

describe('a relay beside another that closes', () => {
  it('takes clients back that were cut, and nobody new', async () => {
    const { relay, cut, dial, figure } = await beside();
    const back = await cut();
    const closing = relay.close({ timeout: 10_000 });
    const stranger = await dial();
    stranger.sendLone([Type.hello, TOKEN, null, 0]);
    expect(await stranger.end()).toEqual({ code: 1001, reason: 'the relay is going down' });
    expect(stranger.frames).toEqual([]);
    expect(await figure('handshakes_total\\{status="503"\\}')).toBeNaN();
    await pause(60);
    expect(await figure('sessions')).toBe(1);
    const again = await dial();
    expect((await again.greet(TOKEN, back.session, back.received))[3]).toBe(true);
    expect((await again.end()).code).toBe(1001);
    await within(1_500, closing, 'closing');
  });

  it('waits for a client that was cut as long as that may take, and no longer', async () => {
    const { relay, cut, figure } = await beside();
    await cut();
    later(1_000);
    const closing = relay.close({ timeout: 10_000 });
    await pause(60);
    expect(await figure('sessions')).toBe(1);
    later(2_100);
    await within(1_000, closing, 'closing');
  });

  it('waits longer for one that has something under way, or an answer to come', async () => {
    const { relay, peer, dial, gates, figure, cut } = await beside();
    const busy = await peer();
    await busy.openCalls();
    await callWaiting(busy, gates, '1');
    // What it got is confirmed.
    await pause(20);
    busy.send([Type.pong]);
    await cutOff(busy, relay);
    await cut();
    later(5_000);
    const closing = relay.close({ timeout: 10_000 });
    await pause(60);
    expect(await figure('sessions')).toBe(2);
    gates.get('1')?.resolve();
    await pause(60);
    expect(await figure('sessions')).toBe(2);
    const again = await dial();
    [again.sent, again.received] = [busy.sent, busy.received];
    expect((await again.greet(TOKEN, busy.session, busy.received))[3]).toBe(true);
    expect(textOf((await again.answer(`${busy.id}/1`)).payload)).toBe('1');
    again.send([Type.pong]);
    expect((await again.end()).code).toBe(1001);
    await within(1_500, closing, 'closing');
  });

  it('leaves those alone whose sessions are the other one’s, until it has closed its own', async () => {
    const own = await beside();
    const { peer: passedOn } = await own.comeToB((await own.cut()).session);
    const ofB = await own.dialB();
    await ofB.greet(TOKEN);
    const pings = countPings(ofB);
    ofB.isMute = true;
    const closing = own.b.close({ timeout: 10_000 });
    await within(
      5_000,
      until(() => pings.count === 1),
    );
    await pause(60);
    expect(own.b.connections).toBe(2);
    ofB.sendLone([Type.pong]);
    expect(await ofB.end()).toEqual({ code: 1001, reason: 'the relay is going down' });
    expect(await passedOn.end()).toEqual({ code: 1012, reason: 'the relay is going down' });
    await within(5_000, closing);
    expect(await own.figure('sessions')).toBe(1);
  });

  it('tells its own clients that their sessions are over, and those that come too late to go elsewhere', async () => {
    const { relay, peer, dial, figure } = await beside();
    const [here, deaf] = [await peer(), await peer()];
    deaf.socket.pause();
    const closing = relay.close({ timeout: 0 });
    expect((await here.end()).code).toBe(1001);
    expect(await (await dial()).end()).toEqual({ code: 1012, reason: 'the relay is going down' });
    expect(await figure('handshakes_total\\{status="503"\\}')).toBe(1);
    await within(5_000, closing);
  });
});

describe('relays that go on with each other’s sessions', () => {
  /** The features that the relay announces, and how many parts the name of the session has. */
  const announced = async (peer: RawPeer) => {
    const first = once(peer.socket, 'message');
    await peer.greet(TOKEN);
    const [message] = (await first) as [Buffer];
    const { confirmed } = readRelayMessage(new Uint8Array(message));
    return [(confirmed & ADOPTS) !== 0, peer.session.split('.').length];
  };

  it('are those that are beside others, where answers are stored', async () => {
    expect(await announced(await (await beside({ stores: true })).dial())).toEqual([true, 5]);
    expect(await announced(await (await beside()).dial())).toEqual([false, 3]);
    expect(await announced(await (await open({}, undefined, storing)).dial())).toEqual([false, 1]);
  });

  it('have one that closes leave its clients and their calls to another', async () => {
    const own = await beside({ stores: true });
    const cancel = vi.spyOn(Upstream.prototype, 'cancel');
    const busy = await own.peer();
    await busy.openCalls();
    await callWaiting(busy, own.gates, '1');
    await within(5_000, own.relay.close({ timeout: 0 }));
    expect(await busy.end()).toEqual({ code: 1012, reason: 'the relay is going down' });
    const { peer, goesOn } = await own.comeToB(busy.session);
    // As the relay has it, the session is another one; as the client has it, it goes on.
    expect([goesOn, peer.id, peer.session === busy.session]).toEqual([false, busy.id, false]);
    expect([await own.figureOfB('sessions_total\\{outcome="adopted"\\}'), cancel.mock.calls]).toEqual([
      1,
      [],
    ]);
    // Its answers are published under the topics that they had: it may subscribe to those of its id.
    await peer.openCalls();
  });

  it('have one that closes send its clients elsewhere, each as soon as it has nothing under way', async () => {
    const own = await beside({ stores: true });
    const [idle, busy] = [await own.peer(), await own.peer()];
    await busy.openCalls();
    await callWaiting(busy, own.gates, '1');
    const cancel = vi.spyOn(Upstream.prototype, 'cancel');
    const closing = own.relay.close({ timeout: 10_000 });
    expect(await idle.end()).toEqual({ code: 1012, reason: 'the relay is going down' });
    // The other relay asks for the session, and is told that it is forgotten.
    const { peer, goesOn } = await own.comeToB(idle.session);
    expect([goesOn, peer.id, await own.figure('sessions')]).toEqual([false, idle.id, 1]);
    expect(await own.figureOfB('passed_sessions_total\\{outcome="unknown"\\}')).toBe(1);
    own.gates.get('1')?.resolve();
    await busy.answer(`${busy.id}/1`);
    busy.send([Type.pong]);
    expect((await busy.end()).code).toBe(1012);
    await within(5_000, closing);
    expect(cancel).not.toHaveBeenCalled();
  });

  it('have one that closes send a client on that comes to it only now', async () => {
    const own = await beside({ stores: true });
    const known = await own.peer();
    await known.openCalls();
    await callWaiting(known, own.gates, '1');
    const ofB = await own.dialB();
    await ofB.greet(TOKEN);
    await within(5_000, own.b.close({ timeout: 0 }));
    const closing = own.relay.close({ timeout: 10_000 });
    const late = await own.dial();
    late.sendLone([Type.hello, TOKEN, ofB.session, 0]);
    expect(await late.end()).toEqual({ code: 1012, reason: 'the relay is going down' });
    const stranger = await own.dial();
    stranger.sendLone([Type.hello, TOKEN, null, 0]);
    expect((await stranger.end()).code).toBe(1001);
    own.gates.get('1')?.resolve();
    await known.answer(`${known.id}/1`);
    known.send([Type.pong]);
    await within(5_000, closing);
  });
});
