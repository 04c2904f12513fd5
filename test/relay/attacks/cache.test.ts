/** What each scope allows with keys and refuses, and the keys that are nobody's to write. */
import { expect, it } from 'vitest';
import type { CacheScope } from '../../../transports/relay/options.ts';
import { ALL, type Besieged, testRelays } from '../../support/besieged-relay.ts';
import { bytes, textOf } from '../../support/bytes.ts';
import { envelope, type RawPeer } from '../../support/relay-peer.ts';

const besieged = testRelays();

const scopes: readonly CacheScope[] = ['none', 'read', 'session', 'all'];

const withScopes = () => {
  const { cache: _, ...others } = ALL;
  const of = (cache: CacheScope, name: string) => [name, { ...others, cache }] as const;
  const named = scopes.map((scope) => of(scope, scope));
  const persons = ['alice', 'alice2', 'bob'].map((name) => of('session', name));
  return besieged({ identities: Object.fromEntries([...named, ...persons, ['unsaid', others]]) });
};

let next = 0;

async function cache(peer: RawPeer, operation: string, key: string, value = 'v'): Promise<string> {
  const fields = operation === 'set' ? { cache: key, payload: bytes(value) } : { payload: bytes(key) };
  const frame = envelope({ client: peer.id, function: `server.${operation}`, ...fields });
  const end = await peer.ask(++next, 'server', frame);
  return typeof end === 'string' ? end : textOf(end);
}

async function fill({ connect }: Besieged): Promise<void> {
  const client = await connect('attacker-token');
  for (const key of ['k', 'alice/k', 'alice2/k', 'session/k', 'bob/k'])
    await client.set(bytes(`of ${key}`), key);
}

it.each([
  ['none', 'k', ['FORBIDDEN', 'FORBIDDEN', 'FORBIDDEN']],
  ['unsaid', 'k', ['FORBIDDEN', 'FORBIDDEN', 'FORBIDDEN']],
  ['read', 'k', ['of k', 'FORBIDDEN', 'FORBIDDEN']],
  ['session', 'k', ['FORBIDDEN', 'FORBIDDEN', 'FORBIDDEN']],
  ['session', 'session/k', ['of session/k', 'session/k', 'session/k']],
  ['all', 'k', ['of k', 'k', 'k']],
])('the scope %s: get, set and delete of %s give %j', async (scope, key, expected) => {
  const relay = await withScopes();
  await fill(relay);
  await relay.meanwhile(async () => {
    const peer = await relay.peer(scope);
    const ends = [];
    for (const operation of ['get', 'set', 'delete']) ends.push(await cache(peer, operation, key));
    expect(ends).toEqual(expected);
    const owner = await relay.connect('attacker-token');
    expect(await owner.get(key)).toEqual(expected[2] === key ? undefined : bytes(`of ${key}`));
  });
});

it.each([
  'alice2/k',
  'bob/k',
  'k',
  '',
  'alice',
  'alicex/k',
  ' alice/k',
  '/alice/k',
  'ALICE/k',
  '__proto__',
  'alice\u0000/k',
])("keeps alice, who has keys of her own, from the key '%s'", async (key) => {
  const relay = await withScopes();
  await fill(relay);
  await relay.meanwhile(async () => {
    const peer = await relay.peer('alice');
    for (const operation of ['get', 'set', 'delete']) {
      expect([operation, await cache(peer, operation, key)]).toEqual([operation, 'FORBIDDEN']);
    }
  });
});

it('gives each its own keys where a real client uses them, whatever they are called', async () => {
  const relay = await withScopes();
  await relay.meanwhile(async () => {
    const [alice, other] = [await relay.connect('alice'), await relay.connect('alice2')];
    for (const key of ['k', '../alice2/k', '2/k', '__proto__', 'name', 'pull_address']) {
      await alice.set(bytes('hers'), key).catch(({ code }) => expect(code).toBe('INVALID_CALL'));
      expect(await other.get(key === 'name' || key === 'pull_address' ? 'x' : key)).toBeUndefined();
    }
    expect(await alice.get('k')).toEqual(bytes('hers'));
    expect(await other.delete('k')).toBe(false);
    expect(await alice.delete('k')).toBe(true);
  });
  expect(({} as { hers?: unknown }).hers).toBeUndefined();
});

const configuration = [
  'name',
  'db_address',
  'pull_address',
  'pub_address',
  'sub_address',
  'sub_address_0',
  'sub_address_17',
];
const others = [
  'worker_pull_address',
  'worker_push_address',
  'my_own_address',
  '_address',
  'frond_status',
  'frond_',
  'frond_any',
];

it('lets nobody write or delete what is the configuration of the server', async () => {
  const relay = await withScopes();
  const before = relay.server.pullAddress;
  await relay.meanwhile(async () => {
    for (const scope of ['all', 'session', 'read', 'none']) {
      const peer = await relay.peer(scope);
      for (const key of [...configuration, ...others]) {
        expect([key, await cache(peer, 'set', key, 'memory://evil')]).toEqual([key, 'FORBIDDEN']);
        expect([key, await cache(peer, 'delete', key)]).toEqual([key, 'FORBIDDEN']);
      }
    }
  });
  const client = await relay.connect('attacker-token');
  expect(client.serverName).toBe('server');
  expect(relay.server.pullAddress).toBe(before);
});

it.each([
  'server.work',
  'server.',
  'server',
  '',
  'server.get.x',
  'server.GET',
  'server.get ',
  '.',
  '..',
  '__proto__',
  'a.constructor',
])("refuses the operation '%s'", async (path) => {
  const relay = await withScopes();
  await relay.meanwhile(async () => {
    const peer = await relay.peer('all');
    const end = await peer.ask(
      1,
      'server',
      envelope({ client: peer.id, function: path, payload: bytes('k') }),
    );
    expect(end).toBe('FORBIDDEN');
  });
});

it('fails what is no request, and goes on', async () => {
  const relay = await withScopes();
  await relay.meanwhile(async () => {
    const peer = await relay.peer('all');
    const noText = new Uint8Array([0xff, 0xfe]);
    const own = { client: peer.id, function: 'server.get' };
    const frames = [bytes('garbage'), new Uint8Array(0), envelope({ ...own, payload: noText })];
    for (const [index, frame] of frames.entries()) {
      const end = await peer.ask(1_000 + index, 'server', frame);
      expect(['PROTOCOL', 'FORBIDDEN']).toContain(end);
    }
    expect(await cache(peer, 'get', 'name')).toBe('server');
  });
});

it("refuses a call under another's session", async () => {
  const relay = await withScopes();
  await relay.meanwhile(async () => {
    const session = 4;
    for (const [name, pipeline, status] of [
      ['alice', 'alice/', 0],
      ['alice', 'alice/mine', 0],
      ['alice', 'alice', 4],
      ['alice', 'alice2/', 4],
      ['alice', 'bob/', 4],
      ['alice', '', 4],
      ['read', 'read/', 4],
      ['none', 'none/', 4],
      ['all', 'bob/', 0],
    ] as const) {
      const peer = await relay.peer(name);
      await peer.openCalls();
      const answer = await peer.call('1', 'server.upper', { pipeline, features: session });
      expect([name, pipeline, answer.status]).toEqual([name, pipeline, status]);
    }
  });
});
