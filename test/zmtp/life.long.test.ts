/** Links that break, freeze and are held up; addresses; and letting the process go. */
import { execFile, fork } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server as NetServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterEach, describe, expect, it } from 'vitest';
import { Pull } from 'zeromq';
import type { Bytes } from '../../src/protocol/bytes.ts';
import type { PalmError } from '../../src/protocol/errors.ts';
import type { BindingConnection, ConnectionStatus } from '../../src/transport.ts';
import { type ZmtpOptions, zmtp } from '../../transports/zmtp/index.ts';
import { bytes, textOf } from '../support/bytes.ts';
import { type Proxy as Link, startProxy } from '../support/proxy.ts';
import { collect, first, until, within } from '../support/wait.ts';

const any = 'tcp://127.0.0.1:*';
let opened: BindingConnection[] = [];
let proxies: Link[] = [];

afterEach(async () => {
  for (const connection of opened) await within(3_000, connection.close({ timeout: 0 }), 'closing');
  for (const proxy of proxies) await proxy[Symbol.asyncDispose]();
  opened = [];
  proxies = [];
});

async function open(options: ZmtpOptions = {}): Promise<BindingConnection> {
  const connection = await zmtp(options).open();
  opened.push(connection);
  return connection;
}

async function through(address: string): Promise<Link> {
  const proxy = await startProxy(address);
  proxies.push(proxy);
  return proxy;
}

const broken = (channel: { onBreak(listener: (error: PalmError) => void): () => void }) =>
  new Promise<PalmError>((resolve) => channel.onBreak(resolve));

describe('a link that is cut', () => {
  it('rejects the sends that wait, which never arrive after that', async () => {
    const server = await open();
    const client = await open();
    const pull = await server.bindPull(any);
    const proxy = await through(pull.address);
    const pusher = client.push(proxy.address);
    await within(5_000, pusher.ready());
    const rejected = new Set<string>();
    const errors: PalmError[] = [];
    const padding = 'x'.repeat(10_000);
    let settled = 0;
    let taken = 0;
    const total = 2_000;
    for (let i = 0; i < total; i++) {
      pusher.send([bytes(`${i} ${padding}`)]).then(
        () => {
          settled++;
          taken++;
        },
        (error) => {
          settled++;
          rejected.add(String(i));
          errors.push(error);
        },
      );
    }
    await until(() => taken > 0);
    const isBroken = broken(pusher);
    proxy.cut();
    await within(5_000, isBroken);
    await within(
      5_000,
      until(() => settled === total),
    );
    expect(rejected.size).toBeGreaterThan(100);
    for (const { code } of errors) expect(code).toBe('DISCONNECTED');
    const untouched = new Set(errors.map(({ sent }) => sent));
    expect(untouched.has(false)).toBe(true);
    const before = new Set<string>();
    await within(5_000, pusher.ready());
    await pusher.send([bytes('after')]);
    for (let isOver = false; !isOver; ) {
      for (const frame of await collect(pull, 1)) {
        const [number = ''] = textOf(frame).split(' ');
        if (number === 'after') isOver = true;
        else before.add(number);
      }
    }
    // What was rejected as not sent did not arrive, neither before nor after.
    const unsent = [...rejected].filter((_, i) => errors[i]?.sent === false);
    expect(unsent.filter((number) => before.has(number))).toEqual([]);
  });

  it('fails requests that were sent, and keeps those that were not', async () => {
    const server = await open();
    const client = await open();
    const reply = await server.bindReply(any, (request) =>
      textOf(request) === 'hang' ? new Promise<Bytes>(() => {}) : request,
    );
    const proxy = await through(reply.address);
    const hung = client.request(proxy.address, bytes('hang')).reply;
    hung.catch(() => {});
    await client.request(proxy.address, bytes('here')).reply;
    const gone = first(client.status(), ({ type }) => type === 'disconnected');
    proxy.cut();
    await expect(within(5_000, hung)).rejects.toMatchObject({ code: 'DISCONNECTED', sent: 'unknown' });
    await gone;
    expect(textOf(await within(5_000, client.request(proxy.address, bytes('next')).reply))).toBe('next');
  });

  it('is told to who answers, at once', async () => {
    const server = await open();
    const client = await open();
    const gone: string[] = [];
    const asked: string[] = [];
    const reply = await server.bindReply(any, (request, from) => {
      asked.push(textOf(request));
      const end = from.onGone(() => gone.push(textOf(request)));
      if (textOf(request) === 'uninterested') end();
      return new Promise<Bytes>(() => {});
    });
    const proxy = await through(reply.address);
    for (const text of ['interested', 'uninterested']) {
      client.request(proxy.address, bytes(text)).reply.catch(() => {});
    }
    await until(() => asked.length === 2);
    proxy.cut();
    await within(
      2_000,
      until(() => gone.length === 1),
    );
    expect(gone).toEqual(['interested']);
  });
});

describe('a link that freezes', () => {
  it('is noticed within two heartbeats and a half, when peers may not compute', async () => {
    const quick = { heartbeatInterval: 300, busyTimeout: 0 };
    const server = await open(quick);
    const client = await open(quick);
    const reply = await server.bindReply(any, (request) =>
      textOf(request) === 'hang' ? new Promise<Bytes>(() => {}) : request,
    );
    const proxy = await through(reply.address);
    await client.request(proxy.address, bytes('here')).reply;
    const hung = client.request(proxy.address, bytes('hang')).reply;
    proxy.freeze();
    await expect(within(2.5 * 300 + 700, hung)).rejects.toMatchObject({
      code: 'DISCONNECTED',
      message: expect.stringContaining('no sign of life'),
    });
    proxy.thaw();
    expect(textOf(await within(5_000, client.request(proxy.address, bytes('again')).reply))).toBe('again');
  });

  it('stays for as long as the peer said that it may compute', async () => {
    const server = await open({ heartbeatInterval: 50, busyTimeout: 1_500 });
    const client = await open({ heartbeatInterval: 50, busyTimeout: 1_500 });
    const reply = await server.bindReply(any, (request) => request);
    const proxy = await through(reply.address);
    await client.request(proxy.address, bytes('here')).reply;
    const breaks: ConnectionStatus[] = [];
    const watching = (async () => {
      for await (const status of client.status()) if (status.type === 'disconnected') breaks.push(status);
    })();
    proxy.freeze();
    const late = client.request(proxy.address, bytes('late')).reply;
    await new Promise((resolve) => setTimeout(resolve, 700));
    proxy.thaw();
    expect(textOf(await within(5_000, late))).toBe('late');
    expect(breaks).toEqual([]);
    await client.close();
    await watching;
  });

  it('that computes by itself does not take its peers for dead', async () => {
    const child = fork(fileURLToPath(new URL('echo-process.ts', import.meta.url)), {
      execArgv: ['--import', 'tsx'],
    });
    try {
      const address = await new Promise<string>((resolve) =>
        child.once('message', (text) => resolve(String(text))),
      );
      const client = await open({ heartbeatInterval: 100, busyTimeout: 5_000 });
      await within(5_000, client.request(address, bytes('here')).reply);
      const breaks: ConnectionStatus[] = [];
      const watching = (async () => {
        for await (const status of client.status()) if (status.type === 'disconnected') breaks.push(status);
      })();
      // The child computes for a second, and so does this process.
      const busy = client.request(address, bytes('compute')).reply;
      await new Promise((resolve) => setTimeout(resolve, 200));
      const end = performance.now() + 1_000;
      while (performance.now() < end);
      expect(textOf(await within(5_000, busy))).toBe('compute');
      expect(breaks).toEqual([]);
      await client.close();
      await watching;
    } finally {
      child.kill('SIGKILL');
    }
  });
});

describe('a peer that is slow and not dead', () => {
  it('keeps its link, however long it takes nothing, and loses nothing', async () => {
    const interval = { heartbeatInterval: 100, busyTimeout: 0 };
    const server = await open(interval);
    const client = await open(interval);
    const pull = await server.bindPull(any);
    const pusher = client.push(pull.address);
    await within(5_000, pusher.ready());
    const breaks: ConnectionStatus[] = [];
    for (const connection of [server, client]) {
      void (async () => {
        for await (const status of connection.status())
          if (status.type === 'disconnected') breaks.push(status);
      })();
    }
    let sent = 0;
    let isOver = false;
    const frame = new Uint8Array(10_000);
    const sending = (async () => {
      while (!isOver) {
        await pusher.send([frame]);
        sent++;
      }
    })();
    for (let before = -1; before !== sent; ) {
      before = sent;
      await new Promise((resolve) => setTimeout(resolve, 800));
    }
    isOver = true;
    let read = 0;
    while (read < sent) read += (await collect(pull, 1)).length;
    await within(5_000, sending);
    expect(breaks).toEqual([]);
  });

  it('of libzmq’s, too', async () => {
    const server = await open({ heartbeatInterval: 100 });
    const push = await server.bindPush(any);
    const pull = new Pull({ receiveHighWaterMark: 1, linger: 0 });
    pull.connect(push.address);
    await within(
      5_000,
      until(() => push.peers === 1),
    );
    let left = 0;
    push.onPeers(() => left++);
    let sent = 0;
    let isOver = false;
    const sending = (async () => {
      for (; !isOver; sent++) await push.send([new Uint8Array(10_000)]);
    })();
    for (let before = -1; before !== sent; ) {
      before = sent;
      await new Promise((resolve) => setTimeout(resolve, 600));
    }
    expect(left).toBe(0);
    isOver = true;
    for (let read = 0; read < sent; ) read += (await pull.receive()).length;
    await within(5_000, sending);
    pull.close();
  });

  it('a killed puller’s frames that wait go to another', async () => {
    const server = await open();
    const push = await server.bindPush(any);
    const mortal = await open();
    const proxy = await through(push.address);
    const killed = mortal.pull(proxy.address);
    await within(5_000, killed.ready());
    let sent = 0;
    const frame = new Uint8Array(10_000);
    const sending = (async () => {
      for (; sent < 12_000; sent++) await push.send([frame]);
    })();
    for (let before = -1; before !== sent; ) {
      before = sent;
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
    const waiting = 12_000 - sent;
    expect(waiting).toBeGreaterThan(0);
    await mortal.close({ timeout: 0 });
    const next = (await open()).pull(push.address);
    await within(10_000, collect(next, waiting));
    await within(5_000, sending);
  });
});

describe('addresses', () => {
  it('of a name are all tried, in turn', async () => {
    const server = await open();
    const { address } = await server.bindPull(any);
    const port = address.split(':').at(-1);
    // It may be ::1 first, where nobody listens.
    const pusher = (await open()).push(`tcp://localhost:${port}`);
    await within(5_000, pusher.ready());
  });

  it.each(['tcp://*:*', 'tcp://0.0.0.0:*', 'tcp://[::]:*', 'tcp://localhost:0'])(
    '%s can be bound',
    async (wild) => {
      const server = await open();
      const { address } = await server.bindPull(wild);
      expect(address).toMatch(/^tcp:\/\/(0\.0\.0\.0|127\.0\.0\.1|\[::1?\]):[1-9]\d*$/);
      const near = zmtp().resolveAddress?.(address, 'tcp://127.0.0.1:1') ?? '';
      const pusher = (await open()).push(near.replace('0.0.0.0', '127.0.0.1').replace('[::]', '[::1]'));
      await within(5_000, pusher.ready());
    },
  );

  it('of Unix sockets take no file away, nor a server’s that listens, and take what a killed one left', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'frond-zmtp-'));
    const file = join(folder, 'file');
    const path = `ipc://${join(folder, 'socket')}`;
    await writeFile(file, 'precious');
    const connection = await open();
    await expect(connection.bindPull(`ipc://${file}`)).rejects.toMatchObject({
      code: 'INVALID_CALL',
      message: expect.stringContaining('a file that is not a socket'),
    });
    expect(await readFile(file, 'utf8')).toBe('precious');
    const first = await connection.bindPull(path);
    await expect(connection.bindPull(path)).rejects.toMatchObject({
      code: 'INVALID_CALL',
      message: expect.stringContaining('a server listens there'),
    });
    await first.close();
    const run = promisify(execFile);
    await run(process.execPath, [
      '-e',
      `require('net').createServer().listen('${join(folder, 'socket')}', () => process.kill(process.pid, 'SIGKILL'))`,
    ]).catch(() => {});
    expect((await connection.bindPull(path)).address).toBe(path);
    await connection.close();
    await rm(folder, { recursive: true });
  });

  it('that can be bound but not dialled are refused before anything is sent', async () => {
    const connection = await open();
    const long = `ipc:///tmp/${'x'.repeat(200)}`;
    for (const address of ['tcp://*:5555', any, 'tcp://127.0.0.1:0', 'ipc://*', 'inproc://x', long]) {
      expect(() => connection.push(address)).toThrowError(expect.objectContaining({ code: 'INVALID_CALL' }));
    }
  });

  it.each([
    [{ heartbeatInterval: -1 }, 'heartbeatInterval'],
    [{ reconnectInterval: 1.5 }, 'reconnectInterval'],
    [{ sendHighWaterBytes: Number.NaN }, 'sendHighWaterBytes'],
    [{ maxMessageSize: -2 }, 'maxMessageSize'],
    [{ hearbeatInterval: 1 }, 'hearbeatInterval'],
    [{ curve: { serverKey: 'x' } }, 'curve'],
    [{ curveServer: { secretKey: 'x' } }, 'curveServer'],
  ])('and options that are not acceptable are refused by name: %j', (options, name) => {
    const refusal = expect.objectContaining({ code: 'INVALID_CALL', message: expect.stringContaining(name) });
    expect(() => zmtp(options as ZmtpOptions)).toThrowError(refusal);
  });
});

describe('dialling', () => {
  it('backs off, and goes on until there is a server', async () => {
    const server = await open();
    const { address, close } = await server.bindPull(any).then((own) => ({
      address: own.address,
      close: () => own.close(),
    }));
    await close();
    const client = await open({ reconnectInterval: 10, reconnectMaxInterval: 80 });
    const delays: number[] = [];
    const watching = (async () => {
      for await (const status of client.status())
        if (status.type === 'reconnecting') delays.push(status.delay);
    })();
    const pusher = client.push(address);
    await within(
      5_000,
      until(() => delays.length === 7),
    );
    for (const [i, delay] of delays.entries()) {
      const most = Math.min(80, 10 * 2 ** i);
      expect(delay).toBeGreaterThanOrEqual(Math.floor(most / 2));
      expect(delay).toBeLessThanOrEqual(most);
    }
    await server.bindPull(address);
    await within(5_000, pusher.ready());
    await client.close();
    await watching;
  });

  it('goes on behind a server that accepts and says nothing', async () => {
    const silent: NetServer = createServer((socket) => socket.on('error', () => {}).resume());
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    const { port } = silent.address() as { port: number };
    const client = await open({ handshakeTimeout: 100, reconnectInterval: 10 });
    const pusher = client.push(`tcp://127.0.0.1:${port}`);
    const tried = first(client.status(), (status) => status.type === 'reconnecting' && status.attempt === 3);
    await within(5_000, tried);
    expect(pusher.isReady).toBe(false);
    await client.close();
    await new Promise((resolve) => silent.close(resolve));
  });
});

it('leaves nothing that keeps the process', async () => {
  const dist = fileURLToPath(new URL('../../dist/node/', import.meta.url));
  const source = `import { zmtp } from '${dist}zmtp.js';
    const server = await zmtp().open();
    const client = await zmtp().open();
    const pull = await server.bindPull('tcp://127.0.0.1:*');
    const push = await server.bindPush('tcp://127.0.0.1:*');
    await client.push(pull.address).send([new Uint8Array(3)]);
    await client.pull(push.address).ready();
    client.push('tcp://127.0.0.1:1').send([new Uint8Array(3)]).catch(({ code }) => console.log(code));
    await client.close();
    await server.close();
    console.log('closed');`;
  const run = promisify(execFile);
  const { stdout } = await run(process.execPath, ['--input-type=module', '-e', source], { timeout: 10_000 });
  expect(stdout.trim().split('\n').sort()).toEqual(['CLOSED', 'closed']);
});
