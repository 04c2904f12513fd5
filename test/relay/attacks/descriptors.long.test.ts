/** Processes with few descriptors, and clients that have everything opened that they may: those live, and serve others. */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { request } from 'node:http';
import { connect as connectTcp, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import type { Master, Worker } from '../../../src/cluster/index.ts';
import { SUBPROTOCOL, Type } from '../../../transports/relay-protocol/frames.ts';
import { zeromq } from '../../../transports/zeromq/index.ts';
import { textOf } from '../../support/bytes.ts';
import { testCluster } from '../../support/cluster.ts';
import { CLI, exitOf } from '../../support/command.ts';
import { knock, upgradeText } from '../../support/knock.ts';
import { TOKEN } from '../../support/relay.ts';
import { dial, RawPeer } from '../../support/relay-peer.ts';
import { startServer } from '../../support/tcp-server.ts';
import { until, within } from '../../support/wait.ts';

type Child = ChildProcessByStdio<Writable, Readable, Readable>;

const RELAY = fileURLToPath(new URL('relay-process.ts', import.meta.url));
/** Descriptors of a process that has few; Node itself takes 20. */
const FEW = 96;

let children: Child[] = [];
let sockets: Socket[] = [];

afterEach(async () => {
  for (const socket of sockets) socket.destroy();
  for (const child of children) {
    child.kill('SIGKILL');
    await exitOf(child);
  }
  children = [];
  sockets = [];
});

/** Starts Node with so many descriptors at most. */
async function start(args: readonly string[], fits: RegExp, most?: number) {
  const limit = most === undefined ? '' : `ulimit -n ${most}; `;
  const child = spawn('sh', ['-c', `${limit}exec "$0" "$@"`, process.execPath, ...args], {
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  children.push(child);
  let log = '';
  child.stderr.on('data', (chunk) => {
    log += chunk;
  });
  const line = await within(
    40_000,
    new Promise<string>((resolve, reject) => {
      const lines = createInterface({ input: child.stdout });
      lines.on('line', (own) => fits.test(own) && resolve(own));
      lines.on('close', () => reject(new Error(`it ended: ${log}`)));
    }),
    'it to be up',
  );
  return {
    line,
    isAlive: () => child.exitCode === null && child.signalCode === null,
    log: () => log,
    descriptors: () => readdirSync(`/proc/${child.pid}/fd`).length,
    end: () => {
      child.kill('SIGTERM');
      return exitOf(child);
    },
  };
}

/** Connections that send what they are given, and no more. */
function occupy(port: number, count: number, text = ''): Promise<unknown> {
  const opened = Array.from({ length: count }, () => {
    const socket = connectTcp({ port, host: '127.0.0.1' });
    sockets.push(socket);
    socket.on('error', () => {});
    socket.resume();
    if (text !== '') socket.write(text);
    return new Promise<void>((resolve) => {
      socket.once('connect', () => resolve());
      socket.once('close', () => resolve());
    });
  });
  return within(5_000, Promise.all(opened), 'connecting');
}

const open = testCluster(() => ({ transport: zeromq(), any: 'tcp://127.0.0.1:*' }));

describe.runIf(process.platform === 'linux')('descriptors', () => {
  it('of a relay do not grow with the channels of those who work', async () => {
    const cluster = open();
    const { dbAddress } = await cluster.start<Master>({ role: 'master', name: 'server' });
    const relay = await start(['--import', 'tsx', RELAY, dbAddress], /^\d+$/);
    const url = `ws://127.0.0.1:${relay.line}/`;
    const connections = 8;
    const channels = 32;
    const peers: RawPeer[] = [];
    const worker = async () => {
      const peer = cluster.own(await dial(url));
      await peer.greet(TOKEN);
      peers.push(peer);
    };
    const openAll = async (peer: RawPeer) => {
      peer.send(...Array.from({ length: channels }, (_, i) => [Type.open, i + 1, 3, 'server', ''] as const));
      for (let i = 1; i <= channels; i++)
        await peer.next((frame) => frame[0] === Type.ready && frame[1] === i, 10_000);
    };
    await worker();
    for (const peer of peers) await openAll(peer);
    const before = relay.descriptors();
    for (let i = 1; i < connections; i++) await worker();
    for (const peer of peers.slice(1)) await openAll(peer);
    expect(relay.descriptors() - before).toBe(connections - 1);
    for (const peer of peers) peer.socket.terminate();
  }, 30_000);

  it('are left to others, whatever connections one address holds to frond relay', async () => {
    const server = await startServer();
    try {
      const args = ['relay', '--server', `test=${server.dbAddress}`, '--allow', 'test.*', '--json'];
      const relay = await start([CLI, ...args, '--listen', '127.0.0.1:0'], /"url"/, FEW);
      const { url } = JSON.parse(relay.line) as { url: string };
      const port = Number(new URL(url).port);
      const elsewhere = async () => {
        const socket = new WebSocket(url, SUBPROTOCOL, { localAddress: '127.0.0.2' });
        sockets.push(await upgraded(socket));
        const peer = new RawPeer(socket);
        await peer.greet(null);
        await peer.openCalls('test');
        return peer;
      };
      const attacks = [
        '',
        'GET / HTTP/1.1\r\nHost: x\r\n',
        'GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n',
        upgradeText('/'),
        upgradeText('/nowhere'),
      ];
      const first = await elsewhere();
      for (const [round, text] of attacks.entries()) {
        await occupy(port, 100, text);
        const peer = await elsewhere();
        for (const own of [first, peer])
          expect(textOf((await own.call(`${round}`, 'test.echo')).payload)).toBe('x');
        peer.socket.terminate();
        expect(relay.isAlive()).toBe(true);
        expect(relay.descriptors()).toBeLessThan(FEW - 8);
      }
      expect(await health(port, '127.0.0.2')).toBe(200);
      // Five hundred connections came and went: what was said of it are a few lines.
      expect(relay.log().split('\n').length).toBeLessThan(60);
      for (const socket of sockets) socket.destroy();
      expect(await within(5_000, untilOpen(port), 'a handshake')).toBe(101);
      expect(await relay.end()).toBe(0);
    } finally {
      await server.close({ timeout: 0 });
    }
  }, 60_000);

  it('that are held with half a request are free again after a while', async () => {
    const server = await startServer();
    try {
      const args = ['relay', '--server', `test=${server.dbAddress}`, '--allow', 'test.*', '--json'];
      const relay = await start([CLI, ...args, '--listen', '127.0.0.1:0'], /"url"/, FEW);
      const port = Number(new URL((JSON.parse(relay.line) as { url: string }).url).port);
      await occupy(port, 20);
      await occupy(port, 20, 'GET / HTTP/1.1\r\nHost: x\r\n');
      const areClosed = () => sockets.every(({ destroyed }) => destroyed);
      await within(20_000, until(areClosed), 'the end of all');
      expect(await relay.end()).toBe(0);
    } finally {
      await server.close({ timeout: 0 });
    }
  }, 40_000);

  it('are all used up, in the HTTP server of an owner who bounds nothing: it serves again later', async () => {
    const cluster = open();
    const { dbAddress } = await cluster.start<Master>({ role: 'master', name: 'server' });
    await cluster.start<Worker>({ role: 'worker', dbAddress });
    const relay = await start(['--import', 'tsx', RELAY, dbAddress], /^\d+$/, FEW);
    const port = Number(relay.line);
    const peer = cluster.own(await dial(`ws://127.0.0.1:${port}/`));
    await peer.greet(TOKEN);
    await peer.openCalls();
    // As many channels as a client may have, eight times. None for work: the calls below could be given to one that never does any.
    for (let i = 0; i < 8; i++) {
      const greedy = cluster.own(await dial(`ws://127.0.0.1:${port}/`));
      await greedy.greet(TOKEN);
      const channels = Array.from({ length: 32 }, (_, own) => {
        const kind = (own % 2) + 1;
        const name = own % 4 === 0 ? 'server/results' : 'server';
        return [Type.open, own + 1, kind, name, kind === 2 ? `${greedy.id}/` : ''] as const;
      });
      greedy.send(...channels);
    }
    for (const text of ['', upgradeText('/')]) {
      await occupy(port, 200, text);
      expect(textOf((await peer.call(`during${text.length}`, 'server.echo')).payload)).toBe('x');
      for (const socket of sockets) socket.destroy();
      sockets = [];
      expect(await within(5_000, untilOpen(port), 'a handshake')).toBe(101);
    }
    expect(relay.isAlive()).toBe(true);
    peer.socket.terminate();
  }, 40_000);
});

/** Resolves with the TCP socket of a WebSocket that opens. */
function upgraded(socket: WebSocket): Promise<Socket> {
  const opened = new Promise<Socket>((resolve, reject) => {
    socket.once('upgrade', (response) => resolve(response.socket));
    socket.once('error', reject);
  });
  return within(5_000, opened, 'the WebSocket');
}

async function untilOpen(port: number): Promise<number> {
  for (;;) {
    const status = await knock(port).catch(() => 0);
    if (status === 101) return status;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

function health(port: number, localAddress: string): Promise<number> {
  const answered = new Promise<number>((resolve, reject) => {
    request({ host: '127.0.0.1', port, path: '/healthz', localAddress, agent: false }, (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    })
      .on('error', reject)
      .end();
  });
  return within(5_000, answered, '/healthz');
}
