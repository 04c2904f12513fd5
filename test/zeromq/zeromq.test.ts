/** What is ZeroMQ's alone: encryption, dead links, addresses, and letting the process go. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterEach, describe, expect, it } from 'vitest';
import { curveKeyPair, Dealer, Push } from 'zeromq';
import { Server } from '../../src/cluster/index.ts';
import { Client, type ConnectOptions } from '../../src/index.ts';
import { resolveZeromqAddress } from '../../transports/shared/zeromq-address.ts';
import { type ZeromqOptions, zeromq } from '../../transports/zeromq/index.ts';
import { bytes, textOf } from '../support/bytes.ts';
import { startProxy } from '../support/proxy.ts';
import { startRawServer } from '../support/raw-server.ts';
import { first, within } from '../support/wait.ts';

let cleanup: (() => PromiseLike<void>)[] = [];

afterEach(async () => {
  for (const close of cleanup.reverse()) await within(5_000, Promise.resolve(close()), 'closing');
  cleanup = [];
});

async function serve(options: ZeromqOptions = {}, host = '127.0.0.1'): Promise<Server> {
  const any = `tcp://${host}:*`;
  const server = await Server.start({
    transport: zeromq(options),
    name: 'server',
    dbAddress: any,
    pullAddress: any,
    pubAddress: any,
    loggingLevel: 'silent',
    functions: { hang: () => new Promise(() => {}) },
  });
  cleanup.push(() => server.close({ timeout: 50 }));
  return server;
}

async function connect(options: ZeromqOptions, more: Omit<ConnectOptions, 'transport'>): Promise<Client> {
  const client = await Client.connect({ transport: zeromq(options), loggingLevel: 'silent', ...more });
  cleanup.push(() => client.close());
  return client;
}

describe('CURVE', () => {
  it('with the right key works, with a pair of one’s own or a fresh one', async () => {
    const keys = curveKeyPair();
    const { dbAddress } = await serve({ curveServer: { secretKey: keys.secretKey } });
    for (const own of [{}, curveKeyPair()]) {
      const client = await connect({ curve: { serverKey: keys.publicKey, ...own } }, { dbAddress });
      expect(textOf(await client.eval('server.echo', bytes('secret')))).toBe('secret');
    }
  });

  it('with a wrong key is FORBIDDEN within two seconds, not a time-out', async () => {
    const { dbAddress } = await serve({ curveServer: { secretKey: curveKeyPair().secretKey } });
    const attempt = connect({ curve: { serverKey: curveKeyPair().publicKey } }, { dbAddress });
    await expect(within(2_000, attempt)).rejects.toMatchObject({
      code: 'FORBIDDEN',
      message: expect.stringContaining('serverKey'),
    });
  });

  it('on one side alone is FORBIDDEN within two seconds', async () => {
    const encrypted = await serve({ curveServer: { secretKey: curveKeyPair().secretKey } });
    await expect(within(2_000, connect({}, { dbAddress: encrypted.dbAddress }))).rejects.toMatchObject({
      code: 'FORBIDDEN',
    });
    const plain = await serve();
    const attempt = connect(
      { curve: { serverKey: curveKeyPair().publicKey } },
      { dbAddress: plain.dbAddress },
    );
    await expect(within(2_000, attempt)).rejects.toMatchObject({ code: 'FORBIDDEN' });
  });
});

describe('a link', () => {
  /** Milliseconds in which a client whose cache link broke looks whether calls still arrive. */
  const REDIAL = 1_000;

  /** A client whose three links each go through a proxy. */
  async function throughProxies(heartbeatInterval: number) {
    const server = await startRawServer(zeromq(), 'tcp://127.0.0.1:*', ({ function: path, payload }) =>
      path === 'raw.hang' ? [] : [payload],
    );
    cleanup.push(() => server.close());
    const proxies = await Promise.all(
      [server.dbAddress, server.pullAddress, server.pubAddress].map((address) => startProxy(address)),
    );
    cleanup.push(async () => {
      for (const proxy of proxies) await proxy[Symbol.asyncDispose]();
    });
    const [dbAddress = '', pushAddress = '', subAddress = ''] = proxies.map(({ address }) => address);
    const client = await connect({ heartbeatInterval }, { dbAddress, pushAddress, subAddress });
    return { client, proxies };
  }

  it('that freezes is noticed by requests within two heartbeats, by calls a second later, and works again', async () => {
    const heartbeatInterval = 300;
    const { client, proxies } = await throughProxies(heartbeatInterval);
    const call = client.eval('raw.hang', bytes(''));
    call.catch(() => {});
    await client.get('name');
    for (const proxy of proxies) proxy.freeze();
    const pending = client.get('name');
    pending.catch(() => {});
    await expect(within(2 * heartbeatInterval + 400, pending)).rejects.toMatchObject({
      code: 'DISCONNECTED',
    });
    await expect(within(REDIAL + 400, call)).rejects.toMatchObject({ code: 'DISCONNECTED' });
    for (const proxy of proxies) proxy.thaw();
    expect(textOf((await within(5_000, client.get('name'))) ?? bytes(''))).toBe('raw');
  });

  it('that is cut ends what is under way, and carries the next call', async () => {
    const { client, proxies } = await throughProxies(2_000);
    for (let i = 0; i < 5; i++) {
      const call = client.eval('raw.hang', bytes(''));
      call.catch(() => {});
      await client.get('name');
      for (const proxy of proxies) proxy.cut();
      await expect(within(2_000, call)).rejects.toMatchObject({ code: 'DISCONNECTED', sent: 'unknown' });
      // What was not sent before the cut is noticed waits for the link to be back.
      const next = within(
        8_000,
        retried(() => client.eval('raw.echo', bytes(`after ${i}`))),
      );
      expect(textOf(await next)).toBe(`after ${i}`);
    }
    expect(client.unclaimed).toBe(0);
  });
});

/** The call again for as long as it ends with the cut that was just made. */
async function retried<T>(call: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await call();
    } catch (error) {
      if ((error as { code?: string }).code !== 'DISCONNECTED') throw error;
    }
  }
}

describe('a server', () => {
  it('survives garbage on all its sockets', async () => {
    const server = await serve();
    const push = new Push({ linger: 0 });
    const dealer = new Dealer({ linger: 0 });
    push.connect(server.pullAddress);
    dealer.connect(server.dbAddress);
    const garbage = Array.from({ length: 2_000 }, (_, i) => {
      const frame = new Uint8Array(i % 50);
      return frame.map((_, at) => (i * 31 + at * 17) & 0xff);
    });
    for (let i = 0; i < garbage.length; i += 20) {
      const some = garbage.slice(i, i + 20);
      await push.send(some);
      await dealer.send(some);
      await dealer.send(['', ...some.slice(0, 1)]);
    }
    const client = await connect({}, { dbAddress: server.dbAddress });
    expect(textOf(await client.eval('server.echo', bytes('alive')))).toBe('alive');
    await client.set(bytes('v'), 'k');
    expect(textOf((await client.get('k')) ?? bytes(''))).toBe('v');
    push.close();
    dealer.close();
    expect(server.counters.dropped).toBeGreaterThan(0);
  });

  it('bound to every interface is reached at the host its cache was reached at', async () => {
    const server = await serve({}, '0.0.0.0');
    expect(server.pullAddress).toContain('0.0.0.0');
    const dbAddress = server.dbAddress.replace('0.0.0.0', '127.0.0.1');
    const client = await connect({}, { dbAddress });
    expect(textOf(await client.eval('server.echo', bytes('x')))).toBe('x');
  });

  it('that is no PALM server at all is a PROTOCOL error or a TIMEOUT, in time', async () => {
    const server = await serve();
    await expect(
      within(3_000, connect({}, { dbAddress: server.pullAddress, timeout: 2_000 })),
    ).rejects.toMatchObject({
      code: 'PROTOCOL',
    });
  });

  it('closes though a function never ends', async () => {
    const server = await serve();
    const client = await connect({}, { dbAddress: server.dbAddress });
    const call = client.eval('server.hang', bytes(''));
    call.catch(() => {});
    await client.get('name');
    await within(2_000, server.close({ timeout: 200 }));
    await expect(within(2_000, call)).rejects.toMatchObject({ code: 'DISCONNECTED' });
  });
});

describe('addresses', () => {
  it.each([
    ['tcp://0.0.0.0:5555', 'tcp://10.0.0.5:1', 'tcp://10.0.0.5:5555'],
    ['tcp://*:5555', 'tcp://host.example:1', 'tcp://host.example:5555'],
    ['tcp://[::]:5555', 'tcp://[2001:db8::1]:1', 'tcp://[2001:db8::1]:5555'],
    ['tcp://127.0.0.1:5555', 'tcp://10.0.0.5:1', 'tcp://10.0.0.5:5555'],
    ['tcp://localhost:5555', 'tcp://10.0.0.5:1', 'tcp://10.0.0.5:5555'],
    ['tcp://127.0.0.1:5555', 'tcp://localhost:1', 'tcp://127.0.0.1:5555'],
    ['tcp://0.0.0.0:5555', 'tcp://127.0.0.1:1', 'tcp://127.0.0.1:5555'],
    ['tcp://10.1.1.1:5555', 'tcp://10.0.0.5:1', 'tcp://10.1.1.1:5555'],
    ['ipc:///tmp/x', 'tcp://10.0.0.5:1', 'ipc:///tmp/x'],
    ['tcp://0.0.0.0:5555', 'ipc:///tmp/x', 'tcp://0.0.0.0:5555'],
  ])('%s advertised at %s is dialled at %s', (advertised, via, expected) => {
    expect(resolveZeromqAddress(advertised, via)).toBe(expected);
  });

  it('that can be bound but not dialled are refused before anything is sent', async () => {
    for (const dbAddress of ['tcp://*:5555', 'tcp://127.0.0.1:*', 'tcp://127.0.0.1:0']) {
      await expect(connect({}, { dbAddress })).rejects.toMatchObject({ code: 'INVALID_CALL' });
    }
  });

  it.each([
    [{ heartbeatInterval: -1 }, 'heartbeatInterval'],
    [{ reconnectInterval: 1.5 }, 'reconnectInterval'],
    [{ sendHighWaterMark: Number.NaN }, 'sendHighWaterMark'],
    [{ curve: { serverKey: 'short' } }, 'curve.serverKey'],
    [{ curve: { serverKey: 'x'.repeat(40), publicKey: 'y'.repeat(40) } }, 'curve.publicKey'],
    [{ curveServer: { secretKey: 'é'.repeat(40) } }, 'curveServer.secretKey'],
  ])('and options that are not acceptable are refused by name: %j', (options, name) => {
    const refusal = expect.objectContaining({ code: 'INVALID_CALL', message: expect.stringContaining(name) });
    expect(() => zeromq(options)).toThrowError(refusal);
  });
});

describe('the process', () => {
  const run = promisify(execFile);
  const dist = fileURLToPath(new URL('../../dist/node/', import.meta.url));

  async function script(code: string): Promise<string> {
    const source = `import { Client } from '${dist}index.js'; import { zeromq } from '${dist}zeromq.js';
      import { Server } from '${dist}cluster.js'; ${code}`;
    const { stdout } = await run(process.execPath, ['--input-type=module', '-e', source], { timeout: 8_000 });
    return stdout.trim();
  }

  it('ends by itself after close', async () => {
    const { dbAddress } = await serve();
    const code = `const client = await Client.connect({ transport: zeromq(), dbAddress: '${dbAddress}' });
      await client.eval('server.echo', new Uint8Array(3)); await client.close(); console.log('closed');`;
    expect(await script(code)).toBe('closed');
  });

  it('ends by itself after a connection that failed, with a message still waiting', async () => {
    const server = await serve();
    await server.close();
    const code = `const connection = await zeromq().open();
      connection.push('${server.pullAddress}').send([new Uint8Array(3)]).catch(() => {});
      await Client.connect({ transport: zeromq(), dbAddress: '${server.dbAddress}', timeout: 100 }).catch((error) => console.log(error.code));
      await connection.close();`;
    expect(await script(code)).toBe('TIMEOUT');
  });

  it('sends what was accepted before it ends', async () => {
    const { dbAddress } = await serve();
    const client = await connect({}, { dbAddress });
    const code = `const client = await Client.connect({ transport: zeromq(), dbAddress: '${dbAddress}' });
      await client.set(new Uint8Array([1]), 'last'); await client.close();
      const any = 'tcp://127.0.0.1:*';
      const server = await Server.start({ transport: zeromq(), name: 's', dbAddress: any, pullAddress: any, pubAddress: any, loggingLevel: 'silent' });
      await server.close(); console.log('ended');`;
    expect(await script(code)).toBe('ended');
    expect(await client.get('last')).toEqual(new Uint8Array([1]));
  });

  it('on Bun is told before the addon aborts it', async () => {
    Object.assign(globalThis, { Bun: {} });
    try {
      await expect(zeromq().open()).rejects.toMatchObject({
        code: 'INVALID_CALL',
        message: expect.stringContaining('Bun'),
      });
    } finally {
      Reflect.deleteProperty(globalThis, 'Bun');
    }
  });
});

it('tells of a lost link and the attempts to mend it in its status', async () => {
  const server = await serve();
  const client = await connect({}, { dbAddress: server.dbAddress });
  const gone = first(client.status(), ({ type }) => type === 'reconnecting');
  await server.close();
  expect(await within(3_000, gone)).toMatchObject({ type: 'reconnecting', attempt: 1 });
});
