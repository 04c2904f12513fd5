/** Bound ends on real sockets: where they listen, how many peers they take, from where, and what is left when they close. */
import { lstat, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import type { Bound } from '../../../../transports/zmtp/bound.ts';
import { ZmtpPull } from '../../../../transports/zmtp/bound-pull.ts';
import type { ZmtpOptions } from '../../../../transports/zmtp/options.ts';
import { until, within } from '../../../support/wait.ts';
import { dialAs, dialRaw } from '../../../support/zmtp.ts';
import { endContext } from '../../../support/zmtp-peer.ts';

const ANY = 'tcp://127.0.0.1:*';

const open: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of open.splice(0).reverse()) await close();
});

function end(options: ZmtpOptions = {}) {
  const context = endContext(options);
  const released: unknown[] = [];
  const pull = new ZmtpPull({ ...context, host: { ...context.host, release: (own) => released.push(own) } });
  open.push(() => pull.close());
  const refusals = () => context.reported.filter(({ type }) => type === 'refused');
  return { pull, released, refusals };
}

async function folder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'frond-bound-'));
  open.push(() => rm(path, { recursive: true, force: true }));
  return path;
}

const portOf = (bound: Bound) => Number(bound.address.split(':').at(-1));

async function dialled(bound: Bound) {
  const peer = await dialRaw(bound.address);
  open.push(() => peer[Symbol.asyncDispose]());
  return peer;
}

const soon = (isSo: () => boolean, what: string) => within(3_000, until(isSo), what);

describe('an address', () => {
  it('has the port that the system chose, and a path that it chose', async () => {
    const { pull } = end();
    expect(pull.address).toBe('');
    expect(await pull.bind(ANY)).toBe(pull);
    expect(pull.address).toMatch(/^tcp:\/\/127\.0\.0\.1:\d+$/);
    const local = end();
    await local.pull.bind('ipc://*');
    expect(local.pull.address).toMatch(/^ipc:\/\/.+socket$/);
    await local.pull.close();
  });

  it('that is taken is refused, with the reason', async () => {
    const { pull } = end();
    await pull.bind(ANY);
    await expect(end().pull.bind(pull.address)).rejects.toMatchObject({
      code: 'INVALID_CALL',
      message: expect.stringMatching(/^cannot bind tcp:.*EADDRINUSE/),
      cause: expect.objectContaining({ code: 'EADDRINUSE' }),
    });
  });
});

describe('the path of a Unix socket', () => {
  it('is not taken from a server that listens there, nor from a file', async () => {
    const path = join(await folder(), 'socket');
    const { pull } = end();
    await pull.bind(`ipc://${path}`);
    await expect(end().pull.bind(`ipc://${path}`)).rejects.toThrow('a server listens there');
    // The server that listens lives on.
    const client = await within(3_000, connected(path), 'a connection');
    client.destroy();
    const file = join(await folder(), 'file');
    await writeFile(file, 'mine');
    await expect(end().pull.bind(`ipc://${file}`)).rejects.toThrow('there is a file that is not a socket');
    expect((await lstat(file)).isFile()).toBe(true);
  });

  it('is taken from a server that was killed, which left its socket', async () => {
    const path = join(await folder(), 'socket');
    // As a server that was killed, whose socket nobody removed.
    const moved = join(await folder(), 'other');
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(moved, resolve));
    await rename(moved, path);
    await new Promise((resolve) => server.close(resolve));
    expect((await lstat(path)).isSocket()).toBe(true);
    const { pull } = end();
    await pull.bind(`ipc://${path}`);
    const client = await within(3_000, connected(path), 'a connection');
    client.destroy();
  });

  it.runIf(process.platform === 'linux')('may be a name that is no file', async () => {
    const { pull } = end();
    const address = `ipc://@frond-${process.pid}-${Math.random()}`;
    await pull.bind(address);
    expect(pull.address).toBe(address);
  });
});

function connected(path: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ path }, () => resolve(socket));
    socket.on('error', reject);
  });
}

describe('peers', () => {
  it('are as many as maxPeers; a further one is hung up on, which is told, and has a place once one is gone', async () => {
    const { pull, refusals } = end({ maxPeers: 2 });
    await pull.bind(ANY);
    const [one] = [await dialAs('PUSH', pull.address), await dialAs('PUSH', pull.address)];
    const third = await dialled(pull);
    await third.hungUp();
    expect(refusals()).toEqual([
      {
        type: 'refused',
        address: pull.address,
        reason: 'there are 2 peers already: raise maxPeers',
        count: 1,
      },
    ]);
    one.socket.destroy();
    await soon(() => one.isClosed, 'the end');
    const next = await eventuallyUp(pull);
    expect(next.isClosed).toBe(false);
  });

  it('of one address are as many as maxPeersPerAddress, and those that are gone count no more', async () => {
    const { pull, refusals } = end({ maxPeersPerAddress: 2 });
    await pull.bind(ANY);
    const [one] = [await dialAs('PUSH', pull.address), await dialAs('PUSH', pull.address)];
    const third = await dialled(pull);
    await third.hungUp();
    expect(refusals()).toMatchObject([
      {
        reason: 'there are 2 peers from 127.0.0.1 already: raise maxPeersPerAddress if many share it',
        count: 1,
      },
    ]);
    one.socket.destroy();
    const next = await eventuallyUp(pull);
    expect(next.isClosed).toBe(false);
    // It took the place that was free, and no other one.
    await (await dialled(pull)).hungUp();
  });

  it('of a Unix socket have no address: only maxPeers counts them', async () => {
    const { pull, refusals } = end({ maxPeersPerAddress: 0 });
    await pull.bind(`ipc://${join(await folder(), 'socket')}`);
    const client = await within(3_000, connected(pull.address.slice('ipc://'.length)), 'a connection');
    open.push(() => client.destroy());
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect([client.destroyed, client.readableEnded, refusals()]).toEqual([false, false, []]);
  });
});

/** A peer whose handshake is done, however often it has to dial until the end knows that another one has gone. */
async function eventuallyUp(bound: Bound) {
  for (let attempt = 0; ; attempt++) {
    const peer = await dialAs('PUSH', bound.address);
    open.push(() => peer[Symbol.asyncDispose]());
    if (!peer.isClosed || attempt === 100) return peer;
  }
}

describe('a bound end that closes', () => {
  it('hangs up on all peers, those in a handshake among them, listens no more, and is released once', async () => {
    const { pull, released } = end();
    await pull.bind(ANY);
    const port = portOf(pull);
    const [up, fresh] = [await dialAs('PUSH', pull.address), await dialled(pull)];
    await within(3_000, pull.close(), 'closing');
    await Promise.all([up.hungUp(), fresh.hungUp()]);
    expect(released).toEqual([pull]);
    await pull.close();
    expect(released).toHaveLength(1);
    await expect(
      new Promise((_, reject) => connect(port, '127.0.0.1').on('error', reject)),
    ).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  });

  it('says nothing of peers that it hung up on itself', async () => {
    const { pull, refusals } = end();
    await pull.bind(ANY);
    const peer = await dialled(pull);
    const closing = pull.close();
    await peer.write(Buffer.from('GET / HTTP/1.1\r\n\r\n'));
    await within(3_000, closing, 'closing');
    expect(refusals()).toEqual([]);
  });
});
