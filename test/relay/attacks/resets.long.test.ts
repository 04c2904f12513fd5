/** Connections that end with a reset at any stage: the process lives, serves, and holds none of them. */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { createServer } from 'node:http';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { Client } from '../../../src/index.ts';
import { memory } from '../../../transports/memory/index.ts';
import { createRelay } from '../../../transports/relay/index.ts';
import { Type } from '../../../transports/relay-protocol/frames.ts';
import { websocket } from '../../../transports/websocket/node.ts';
import { bytes, textOf } from '../../support/bytes.ts';
import { CLI, exitOf } from '../../support/command.ts';
import { knock, openTcp, readText, upgradeText } from '../../support/knock.ts';
import { EVERYTHING, TOKEN } from '../../support/relay.ts';
import { messageOf } from '../../support/relay-peer.ts';
import { startServer } from '../../support/tcp-server.ts';
import { until, within } from '../../support/wait.ts';

type Child = ChildProcessByStdio<Writable, Readable, Readable>;

/** A process that is attacked. */
interface Victim {
  readonly port: number;
  /** Paths of its relays, and others where somebody or nobody takes upgrades. */
  readonly paths: readonly string[];
  isAlive(): boolean;
  /** Fails when an honest client gets no answer. */
  serves(): Promise<void>;
  /** Ends it as it is meant to end, and gives its exit code. */
  end(): Promise<number | null>;
}

/** Of a client of others, who is answered by HTTP. */
const FOREIGN = { 'Sec-WebSocket-Protocol': 'chat' };

let children: Child[] = [];
let closing: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const child of children) {
    child.kill('SIGKILL');
    await exitOf(child);
  }
  for (const close of closing) await close();
  children = [];
  closing = [];
});

function spawned(args: readonly string[]): { readonly child: Child; errors(): string } {
  const child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'pipe'] });
  let errors = '';
  child.stderr.on('data', (chunk) => {
    errors += chunk;
  });
  children.push(child);
  return { child, errors: () => errors };
}

async function lineOf({ child, errors }: ReturnType<typeof spawned>, fits: RegExp): Promise<string> {
  const lines = createInterface({ input: child.stdout });
  const found = new Promise<string>((resolve, reject) => {
    lines.on('line', (line) => {
      if (fits.test(line)) resolve(line);
    });
    lines.on('close', () => reject(new Error(`it ended: ${errors()}`)));
  });
  return within(40_000, found, `a line like ${fits}`);
}

async function callEcho(url: string, token: string | undefined, server: string): Promise<void> {
  const transport = websocket(url, { maxDelay: 20, ...(token !== undefined && { token }) });
  const client = await Client.connect({
    transport,
    serverName: server,
    timeout: 5_000,
    loggingLevel: 'silent',
  });
  try {
    expect(textOf(await client.eval(`${server}.echo`, bytes('x')))).toBe('x');
  } finally {
    await client.close();
  }
}

const script = fileURLToPath(new URL('upgrade-process.ts', import.meta.url));

const library = (kind: string, paths: readonly string[]) => async (): Promise<Victim> => {
  const running = spawned(['--import', 'tsx', script, kind]);
  const port = Number(await lineOf(running, /^\d+$/));
  return {
    port,
    paths,
    isAlive: () => running.child.exitCode === null,
    serves: () => callEcho(`ws://127.0.0.1:${port}/`, TOKEN, 'server'),
    end: () => {
      running.child.stdin.end();
      return exitOf(running.child);
    },
  };
};

const victims: readonly (readonly [string, () => Promise<Victim>])[] = [
  ['one relay', library('one', ['/', '/nowhere'])],
  ['two relays on one server', library('two', ['/', '/other', '/nowhere'])],
  ['a relay and a WebSocket server of the owner', library('foreign', ['/', '/echo', '/nowhere'])],
  [
    'frond relay',
    async () => {
      const server = await startServer();
      closing.push(() => server.close({ timeout: 0 }));
      const { dbAddress } = server;
      const args = ['relay', '--server', `test=${dbAddress}`, '--allow', 'test.*', '--json'];
      const running = spawned([CLI, ...args, '--listen', '127.0.0.1:0']);
      const { url } = JSON.parse(await lineOf(running, /"url"/));
      return {
        port: Number(new URL(url).port),
        paths: ['/', '/nowhere'],
        isAlive: () => running.child.exitCode === null,
        serves: () => callEcho(url, undefined, 'test'),
        end: () => {
          running.child.kill('SIGTERM');
          return exitOf(running.child);
        },
      };
    },
  ],
  [
    'frond demo',
    async () => {
      const running = spawned([CLI, 'demo', '--json']);
      const { playground } = JSON.parse(await lineOf(running, /"playground"/));
      const token = new URLSearchParams(new URL(playground.url).hash.slice(1)).get('token') ?? '';
      return {
        port: Number(new URL(playground.relay).port),
        paths: ['/relay', '/', '/nowhere'],
        isAlive: () => running.child.exitCode === null,
        serves: () => callEcho(playground.relay, token, 'demo'),
        end: () => {
          running.child.kill('SIGTERM');
          return exitOf(running.child);
        },
      };
    },
  ],
];

/** A frame of a client's, masked with zeros. @param length - what its head says. */
function frame(payload: Uint8Array, length = payload.length, first = 0x82): Buffer {
  return Buffer.concat([Buffer.from([first, 0xfe, length >> 8, length & 0xff, 0, 0, 0, 0]), payload]);
}

const hello = (token: string) => messageOf([[Type.hello, token, null, 0]], 0, 0);

/** What is sent before the reset, by path. */
const stages: Readonly<Record<string, (path: string) => readonly (string | Uint8Array)[]>> = {
  'before anything': () => [],
  'in the head of a request': (path) => [upgradeText(path).slice(0, 60)],
  'with an upgrade': (path) => [upgradeText(path)],
  'with an upgrade of a kind that there is not': (path) => [upgradeText(path, { Upgrade: 'h2c' })],
  'with an upgrade that no WebSocket begins with': (path) => [
    upgradeText(path, { 'Sec-WebSocket-Key': 'no key' }),
  ],
  'with an upgrade of a page of elsewhere': (path) => [upgradeText(path, { Origin: 'https://evil.example' })],
  'with an upgrade that has a body': (path) => [
    upgradeText(path, { 'Content-Length': '100000' }),
    'x'.repeat(70_000),
  ],
  'in a frame': (path) => [upgradeText(path), frame(new Uint8Array(10), 1_000)],
  'after a greeting': (path) => [upgradeText(path), frame(hello('wrong'))],
  'in the middle of a fragmented message': (path) => [
    upgradeText(path),
    frame(hello(TOKEN)),
    frame(new Uint8Array(10), 10, 0x02),
  ],
  'in the body of a request': (path) => [
    `POST ${path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\nx`,
  ],
  'with many requests, whose answers are not read': (path) => [
    `GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`.repeat(200),
    upgradeText(path),
  ],
  'with CONNECT': () => ['CONNECT localhost:1 HTTP/1.1\r\nHost: localhost\r\n\r\n'],
};

/** Sends all of it, and resets at once, after a turn of the other side, or after it had time to answer. */
async function reset(port: number, sent: readonly (string | Uint8Array)[], delay: number): Promise<void> {
  const socket = await openTcp(port);
  for (const part of sent) socket.write(part);
  if (delay > 0) await new Promise((resolve) => setTimeout(resolve, delay));
  socket.resetAndDestroy();
}

/** A server with a relay at /a, and one of another copy of the package at /b, as when one is imported and one required. */
async function twoCopies() {
  const http = createServer((_request, response) => response.end());
  vi.resetModules();
  const other = await import('../../../transports/relay/index.ts');
  expect(other.createRelay).not.toBe(createRelay);
  const common = {
    server: http,
    transport: memory(),
    servers: {},
    anonymous: EVERYTHING,
    limits: { greetingTimeout: 500 },
    loggingLevel: 'silent',
  } as const;
  const relays = [
    await createRelay({ ...common, path: '/a' }),
    await other.createRelay({ ...common, path: '/b' }),
  ];
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  const { port } = http.address() as { port: number };
  const close = async () => {
    for (const relay of relays) await relay.close({ timeout: 0 });
    await within(2_000, new Promise((resolve) => http.close(resolve)), 'closing the HTTP server');
  };
  return { http, port, close };
}

describe.each(victims)('%s', (_, start) => {
  it('lives through resets at every stage, serves, and ends as it is meant to', async () => {
    const { port, paths, isAlive, serves, end } = await start();
    await serves();
    for (const [stage, sent] of Object.entries(stages)) {
      for (const path of paths) {
        const delays = [0, 0, 1, 5, 20, 80];
        await Promise.all(delays.map((delay) => reset(port, sent(path), delay)));
      }
      expect([stage, isAlive()]).toEqual([stage, true]);
    }
    await within(6_000, serves(), 'an answer after the resets');
    expect(await end()).toBe(0);
  }, 60_000);
});

describe('an upgrade that nobody takes', () => {
  it.each(['one', 'two', 'foreign'])('is answered and closed, with %s', async (kind) => {
    const { port, end } = await library(kind, [])();
    expect(await knock(port, {}, '/nowhere')).toBe(4406);
    const socket = await openTcp(port);
    // Behind another answer on the same connection.
    socket.write(`GET /page HTTP/1.1\r\nHost: localhost\r\n\r\n${upgradeText('/nowhere', FOREIGN)}`);
    const text = await readText(socket, () => false);
    expect(text).toMatch(/a page/);
    expect(text).toMatch(/HTTP\/1\.1 404 Not Found\r\nConnection: close/);
    expect(await end()).toBe(0);
  });

  it("leaves the owner's WebSocket server alone, however long it takes", async () => {
    const { port } = await library('foreign', [])();
    const socket = new WebSocket(`ws://127.0.0.1:${port}/echo`);
    const echoed = new Promise((resolve) => socket.once('message', (data) => resolve(String(data))));
    socket.once('open', () => setTimeout(() => socket.send('x'), 700));
    expect(await within(4_000, echoed)).toBe('x');
    socket.terminate();
  });

  it('is answered at once where two copies of the package have a relay each', async () => {
    const { port, http, close } = await twoCopies();
    expect(await knock(port, {}, '/a')).toBe(101);
    expect(await knock(port, {}, '/b')).toBe(101);
    // Each alone would wait for the other, as for any listener of the owner's.
    expect(await knock(port, {}, '/c')).toBe(4406);
    expect(http.listenerCount('upgrade')).toBe(1);
    await close();
  });

  it('is left to a listener of the owner, and answered when that does not take it, with two copies', async () => {
    const { port, http, close } = await twoCopies();
    const echo = new WebSocketServer({ noServer: true });
    http.on('upgrade', (request, socket, head) => {
      if (request.url === '/echo') echo.handleUpgrade(request, socket, head, (own) => own.terminate());
    });
    expect(await knock(port, {}, '/a')).toBe(101);
    expect(await knock(port, {}, '/echo')).toBe(101);
    expect(await knock(port, {}, '/c')).toBe(4406);
    // What is still undecided does not hold the server for longer than it may take.
    const socket = await openTcp(port);
    const arrived = new Promise((resolve) => http.once('upgrade', resolve));
    socket.write(upgradeText('/c', FOREIGN));
    const ended = readText(socket, () => false);
    await within(2_000, arrived, 'the upgrade');
    await close();
    expect(await ended).toMatch(/^HTTP\/1\.1 404 /);
  });

  it('with relays that come and go: the server is as it was when the last is closed', async () => {
    const transport = memory();
    const http = createServer((_request, response) => response.end());
    const open = (path: string) =>
      createRelay({
        server: http,
        path,
        transport,
        servers: {},
        anonymous: EVERYTHING,
        loggingLevel: 'silent',
      });
    const [first, second] = [await open('/'), await open('/b')];
    await expect(open('/b')).rejects.toMatchObject({
      code: 'INVALID_CALL',
      message: expect.stringMatching(/a relay at "\/b" already/),
    });
    await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
    const { port } = http.address() as { port: number };
    expect(await knock(port, {}, '/b')).toBe(101);
    await first.close({ timeout: 0 });
    expect(await knock(port, {}, '/')).toBe(4406);
    expect(await knock(port, {}, '/b')).toBe(101);
    await second.close({ timeout: 0 });
    expect(http.listenerCount('upgrade')).toBe(0);
    const third = await open('/');
    expect(await knock(port, {}, '/')).toBe(101);
    await third.close({ timeout: 0 });
    http.closeAllConnections();
    await within(2_000, new Promise((resolve) => http.close(resolve)), 'closing');
  });
});

describe('requests that are made to be hard to read', () => {
  const hard: readonly (readonly [string, string, RegExp])[] = [
    ['a long path', upgradeText(`/${'x'.repeat(20_000)}`), /^HTTP\/1\.1 431 /],
    ['a long header', upgradeText('/', { 'X-Long': 'x'.repeat(20_000) }), /^HTTP\/1\.1 431 /],
    [
      'two lengths',
      upgradeText('/', { 'Content-Length': '1' }).replace('\r\n\r\n', '\r\nContent-Length: 2\r\n\r\n'),
      /^HTTP\/1\.1 400 /,
    ],
    [
      'a length and chunks',
      upgradeText('/', { 'Content-Length': '5', 'Transfer-Encoding': 'chunked' }),
      /^HTTP\/1\.1 400 /,
    ],
    ['a space before the colon', upgradeText('/').replace('Host:', 'Host :'), /^HTTP\/1\.1 400 /],
    ['a line feed alone in a header', upgradeText('/', { 'X-A': 'b\nUpgrade: x' }), /^HTTP\/1\.1 400 /],
    ['an address for a path', upgradeText('http://localhost/', FOREIGN), /^HTTP\/1\.1 404 /],
    ['what is no HTTP', '\u0016\u0003\u0001 GET', /^HTTP\/1\.1 400 /],
  ];

  it('are refused, and nothing else comes of them', async () => {
    const { port, serves, end } = await library('one', [])();
    for (const [what, text, answer] of hard) {
      const socket = await openTcp(port);
      socket.write(text);
      expect([what, await readText(socket, () => false)]).toEqual([what, expect.stringMatching(answer)]);
    }
    await serves();
    expect(await end()).toBe(0);
  }, 20_000);

  it('addresses that a hook gives which is not to be trusted: none is kept that is long, and it may throw', async () => {
    const given: unknown[] = ['x'.repeat(1_000_000), 7, null, undefined, ['a', 'b'], {}];
    const logged: string[] = [];
    const log = (message: string, fields?: object) => logged.push(`${message} ${JSON.stringify(fields)}`);
    const http = createServer();
    let next = 0;
    const relay = await createRelay({
      server: http,
      transport: memory(),
      servers: {},
      anonymous: EVERYTHING,
      logger: { debug: log, info: log, warning: log, error: log },
      addressOf: () => {
        if (next >= given.length) throw new Error('none');
        return given[next++] as string;
      },
    });
    await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
    const { port } = http.address() as { port: number };
    for (const _ of given) expect(await knock(port)).toBe(101);
    expect(await knock(port)).toBe(500);
    await within(
      2_000,
      until(() => relay.connections === 0),
      'the end of them',
    );
    expect(Math.max(...logged.map(({ length }) => length))).toBeLessThan(500);
    await relay.close({ timeout: 0 });
    http.closeAllConnections();
    await within(2_000, new Promise((resolve) => http.close(resolve)), 'closing');
  });
});
