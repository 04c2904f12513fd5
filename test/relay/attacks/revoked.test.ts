/** What is taken back ends on connections that are open, and not at their next greeting. */
import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { deferred } from '../../../src/async/deferred.ts';
import { Server } from '../../../src/cluster/index.ts';
import { memory } from '../../../transports/memory/index.ts';
import { openTokenFile } from '../../../transports/relay/auth/token-file.ts';
import type { RelayIdentity } from '../../../transports/relay/options.ts';
import { Type } from '../../../transports/relay-protocol/frames.ts';
import { type Besieged, type BesiegedOptions, testRelays } from '../../support/besieged-relay.ts';
import { bytes, textOf } from '../../support/bytes.ts';
import { EVERYTHING } from '../../support/relay.ts';
import { envelope } from '../../support/relay-peer.ts';
import { until, within } from '../../support/wait.ts';

/** Milliseconds within which what was taken back is gone, and some for a machine that is busy. */
const SOON = 5_000;

const besieged = testRelays();
let folder: string;
let files = 0;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'frond-'));
});

afterEach(() => rm(folder, { recursive: true }));

const sha256 = (token: string) => createHash('sha256').update(token).digest('hex');
const { name: _, ...all } = EVERYTHING;
const entry = (name: string, others: object = {}) => ({
  name,
  sha256: sha256(`${name}-token`),
  ...all,
  ...others,
});

/** A relay whose tokens are those of a file. */
async function withFile(options: BesiegedOptions = {}) {
  const path = join(folder, `tokens-${++files}.json`);
  const write = async (...entries: object[]) => {
    const next = `${path}.next`;
    await writeFile(next, JSON.stringify({ tokens: [entry('honest'), ...entries] }));
    await rename(next, path);
  };
  await write(entry('alice'), entry('bob'));
  const lines: string[] = [];
  const log = (message: string) => lines.push(message);
  const logger = { debug: log, info: log, warning: log, error: log };
  const { authenticate } = await openTokenFile(path, { logger });
  const relay = await besieged({ authenticate, ...options });
  return { relay, path, write, lines };
}

const told = (peer: { frames: readonly { 0: number }[] }, type: number) =>
  peer.frames.filter((frame) => frame[0] === type);

describe('a token that is taken from the file', () => {
  it('closes the connection, and the next call fails; others go on', async () => {
    const { relay, write } = await withFile();
    const alice = await relay.peer('alice-token');
    const bob = await relay.peer('bob-token');
    const client = await relay.connect('alice-token');
    expect(textOf(await client.eval('server.upper', bytes('a')))).toBe('A');
    await relay.meanwhile(async () => {
      await write(entry('bob'));
      expect((await alice.end(SOON)).code).toBe(4401);
      await expect(within(SOON, client.eval('server.upper', bytes('a')))).rejects.toMatchObject({
        code: expect.stringMatching(/^(FORBIDDEN|LOST)$/),
      });
    });
    await bob.openCalls();
    expect(textOf((await bob.call('1', 'server.upper')).payload)).toBe('X');
  });

  it('ends the session of a client that is away', async () => {
    const { relay, write } = await withFile();
    const alice = await relay.peer('alice-token');
    alice.socket.terminate();
    await relay.meanwhile(async () => {
      await within(SOON, untilFigure(relay, 'connections', 1), 'the end of the connection');
      expect(await relay.figure('sessions')).toBe(2);
      await write(entry('bob'));
      await within(SOON, untilFigure(relay, 'sessions', 1), 'the end of the session');
    });
  });

  it('that is another name now ends what the first one began', async () => {
    const { relay, write } = await withFile();
    const peer = await relay.peer('alice-token');
    await write({ ...entry('alice'), name: 'carol' });
    expect((await peer.end(SOON)).code).toBe(4401);
    await (await relay.dial()).greet('alice-token');
  });

  it('is gone too when the file is reached by a link that is changed', async () => {
    const versions = join(folder, 'versions.json');
    await writeFile(versions, JSON.stringify({ tokens: [entry('honest'), entry('alice')] }));
    const path = join(folder, 'link.json');
    await symlink(versions, path);
    const { authenticate } = await openTokenFile(path);
    const relay = await besieged({ authenticate });
    const alice = await relay.peer('alice-token');
    await writeFile(`${versions}.2`, JSON.stringify({ tokens: [entry('honest')] }));
    await symlink(`${versions}.2`, `${path}.next`);
    await rename(`${path}.next`, path);
    expect((await alice.end(SOON)).code).toBe(4401);
  });
});

describe('a file that cannot be used', () => {
  it('changes nothing: one that is cut off, one that is gone, one with a key that is unknown', async () => {
    const { relay, path, write, lines } = await withFile();
    const alice = await relay.peer('alice-token');
    const content = await readFile(path, 'utf8');
    const faults = () => lines.filter((line) => /cannot be used/.test(line)).length;
    const bad = [
      () => writeFile(path, content.slice(0, 50)),
      () => rm(path),
      () => writeFile(path, content.replace('"servers"', '"severs"')),
    ];
    for (const [index, spoil] of bad.entries()) {
      await spoil();
      await within(
        SOON,
        until(() => faults() > index),
        'the fault to be told',
      );
    }
    await alice.openCalls();
    expect(textOf((await alice.call('1', 'server.upper')).payload)).toBe('X');
    // Two writes of the same length within one tick of the file system's clock.
    await writeFile(path, content);
    await writeFile(path, content.replace(sha256('alice-token'), sha256('other-token')));
    expect((await alice.end(SOON)).code).toBe(4401);
    const { length } = lines;
    await write(entry('alice'));
    await within(
      SOON,
      until(() => lines.length > length),
      'the file to be read',
    );
    await relay.peer('alice-token');
  });
});

describe('grants that are taken back', () => {
  it('refuse the next call, and channels and requests that are open', async () => {
    const transport = memory();
    const addresses = { dbAddress: 'memory://*', pullAddress: 'memory://*', pubAddress: 'memory://*' };
    const more = await Server.start({
      transport,
      name: 'more',
      functions: {},
      loggingLevel: 'silent',
      ...addresses,
    });
    const { relay, write } = await withFile({ transport, servers: { more: { dbAddress: more.dbAddress } } });
    relay.own(more);
    const alice = await relay.peer('alice-token');
    await alice.openCalls();
    alice.send([Type.open, 3, 1, 'more', ''], [Type.open, 4, 2, 'more', `${alice.id}/`]);
    for (const channel of [3, 4])
      await alice.next((frame) => frame[0] === Type.ready && frame[1] === channel);
    expect((await alice.call('1', 'server.upper')).status).toBe(0);
    await write(entry('alice', { servers: ['server'], functions: ['server.big'], work: false }));
    for (const channel of [3, 4]) {
      const refused = await alice.next((frame) => frame[0] === Type.refused && frame[1] === channel, SOON);
      expect(refused[2]).toBe('FORBIDDEN');
    }
    expect((await alice.call('2', 'server.upper')).status).toBe(4);
    expect((await alice.call('3', 'server.big', { payload: bytes('3') })).status).toBe(0);
  });

  it('end a request that waits for its reply', async () => {
    let identity: RelayIdentity = { ...EVERYTHING, name: 'alice' };
    const transport = memory();
    const connection = await transport.open();
    const never = await connection.bindReply('memory://never', () => new Promise(() => {}));
    const relay = await besieged({
      transport,
      servers: { never: { dbAddress: never.address } },
      authenticate: (token) => (token === 'alice' ? identity : { ...EVERYTHING, name: 'honest' }),
    });
    relay.own(connection);
    const alice = await relay.peer('alice');
    const get = envelope({ client: alice.id, function: '_.get', payload: bytes('k') });
    alice.send([Type.request, 1, 'never', get], [Type.request, 2, 'server', get]);
    await alice.next((frame) => frame[0] === Type.reply && frame[1] === 2);
    identity = { ...identity, cache: 'none' };
    await relay.relay.reauthenticate();
    expect((await alice.next((frame) => frame[0] === Type.failed && frame[1] === 1, SOON))[2]).toBe(
      'FORBIDDEN',
    );
    expect(told(alice, Type.failed)).toHaveLength(1);
  });

  it('answer calls that wait in the relay for their turn, which never reach the server', async () => {
    let identity: RelayIdentity = { ...EVERYTHING, name: 'alice' };
    let begun = 0;
    const transport = memory();
    const addresses = { dbAddress: 'memory://*', pullAddress: 'memory://*', pubAddress: 'memory://*' };
    const server = await Server.start({
      transport,
      name: 'other',
      functions: {
        stuck: () => {
          begun++;
          return new Promise(() => {});
        },
      },
      concurrency: 1_000,
      loggingLevel: 'silent',
      ...addresses,
    });
    const relay = await besieged({
      transport,
      servers: { other: { dbAddress: server.dbAddress } },
      authenticate: (token) => (token === 'alice' ? identity : { ...EVERYTHING, name: 'honest' }),
    });
    relay.own({ close: () => server.close({ timeout: 0 }) });
    const alice = await relay.peer('alice');
    await alice.openCalls('other');
    const count = 100;
    const calls = Array.from({ length: count }, (_, i) =>
      envelope({ client: `${alice.id}/${i}`, function: 'other.stuck' }),
    );
    alice.send([Type.send, 1, 1, calls]);
    await within(
      SOON,
      until(() => begun > 0),
      'the first calls',
    );
    identity = { ...identity, functions: ['other.else'] };
    await relay.relay.reauthenticate();
    for (let i = begun; i < count; i++) expect((await alice.answer(`${alice.id}/${i}`)).status).toBe(4);
    expect(begun).toBeLessThan(count / 2);
  });
});

it('a token that expires closes the connection within a second, whatever the heartbeat', async () => {
  let expires = 0;
  const relay = await besieged({
    authenticate: (token) => {
      if (token !== 'brief-token') return { ...EVERYTHING, name: 'honest' };
      // From the greeting on, however long the machine took until then.
      expires = Date.now() + 300;
      return { ...EVERYTHING, name: 'brief', expires };
    },
    limits: { heartbeat: 60_000 },
  });
  const peer = await relay.peer('brief-token');
  expect((await peer.end(SOON)).code).toBe(4401);
  expect(Date.now()).toBeGreaterThanOrEqual(expires);
});

describe('a hook of its own', () => {
  const withHook = async (hook: () => RelayIdentity | undefined | Promise<RelayIdentity | undefined>) => {
    const relay = await besieged({
      authenticate: (token) => (token === 'alice' ? hook() : { ...EVERYTHING, name: 'honest' }),
    });
    return relay;
  };
  const identity = { ...EVERYTHING, name: 'alice' };

  it('is asked again when it says so, or reauthenticate is called', async () => {
    let known: RelayIdentity | undefined = identity;
    let tell = () => {};
    let isHeard = false;
    const authenticate = Object.assign(
      (token: string | undefined) => (token === 'alice' ? known : { ...EVERYTHING, name: 'honest' }),
      {
        onChange: (listener: () => void) => {
          isHeard = true;
          tell = listener;
          return () => {
            isHeard = false;
          };
        },
      },
    );
    const relay = await besieged({ authenticate });
    const [first, second] = [await relay.peer('alice'), await relay.peer('alice')];
    tell();
    await relay.relay.reauthenticate();
    known = { ...identity, expires: Date.now() + 100 };
    tell();
    expect((await first.end(SOON)).code).toBe(4401);
    expect((await second.end(SOON)).code).toBe(4401);
    known = identity;
    const third = await relay.peer('alice');
    known = undefined;
    await relay.relay.reauthenticate();
    expect((await third.end(SOON)).code).toBe(4401);
    await relay.relay.close({ timeout: 0 });
    expect(isHeard).toBe(false);
  });

  it('that fails when it is asked again changes nothing, and is logged without the token', async () => {
    let isBroken = false;
    const relay = await withHook(() => {
      if (isBroken) throw new Error('no database for alice');
      return identity;
    });
    const peer = await relay.peer('alice');
    isBroken = true;
    await relay.relay.reauthenticate();
    await peer.openCalls();
    expect((await peer.call('1', 'server.upper')).status).toBe(0);
    const [line] = relay.log.filter((own) => own.includes('could not be authenticated again'));
    expect(line).toContain('no database for (the token)');
  });

  it('is asked for a few at a time', async () => {
    let isAgain = false;
    let asked = 0;
    let most = 0;
    let under = 0;
    const relay = await besieged({
      limits: { maxConnectionsPerAddress: 1_000 },
      authenticate: async (token) => {
        if (!isAgain || token !== 'alice') return { ...EVERYTHING, name: token ?? '' };
        asked++;
        most = Math.max(most, ++under);
        await new Promise(setImmediate);
        under--;
        return identity;
      },
    });
    const count = 200;
    for (let peers = 0; peers < count; peers += 20) {
      await Promise.all(Array.from({ length: 20 }, () => relay.peer('alice')));
    }
    isAgain = true;
    // However often it is called meanwhile, those who wait share one round.
    await within(SOON, Promise.all(Array.from({ length: 50 }, () => relay.relay.reauthenticate())));
    expect(most).toBeLessThanOrEqual(64);
    expect(asked).toBeLessThanOrEqual(2 * count);
    expect(asked).toBeGreaterThanOrEqual(count);
  });

  it('lets nobody in by what it knew before a change', async () => {
    const answers = [deferred<RelayIdentity | undefined>(), deferred<RelayIdentity | undefined>()];
    let asked = 0;
    const relay = await withHook(() => answers[asked++]?.promise);
    const peer = await relay.dial();
    peer.sendLone([Type.hello, 'alice', null, 0]);
    await within(
      SOON,
      until(() => asked === 1),
    );
    const again = relay.relay.reauthenticate();
    answers[0]?.resolve(identity);
    await within(
      SOON,
      until(() => asked === 2),
    );
    answers[1]?.resolve(undefined);
    expect((await peer.end(SOON)).code).toBe(4401);
    await within(SOON, again);
  });
});

async function untilFigure(relay: Besieged, name: string, value: number): Promise<void> {
  while ((await relay.figure(name)) !== value) await new Promise((resolve) => setTimeout(resolve, 10));
}
