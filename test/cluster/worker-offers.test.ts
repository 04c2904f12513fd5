/** What a Master says of its workers' functions. On every transport that binds, and through a relay. */
import { object, string } from 'valibot';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { type Hub, type Master, type OfferedFunctions, Worker } from '../../src/cluster/index.ts';
import type { FunctionDescription } from '../../src/functions/contract/description.ts';
import { fn, functions, json, remote, text } from '../../src/functions/index.ts';
import type { Client } from '../../src/index.ts';
import { EnvelopeCodec } from '../../src/protocol/envelope.ts';
import {
  encodeWorkRequest,
  LARGEST_OFFERS,
  offersMessage,
  readWorkReply,
} from '../../src/protocol/work-request.ts';
import type { RelayIdentity } from '../../transports/relay/options.ts';
import { bytes } from '../support/bytes.ts';
import { grounds, testCluster } from '../support/cluster.ts';
import { connect, EVERYTHING, startRelay, toRelay } from '../support/relay.ts';
import { eventually, within } from '../support/wait.ts';

const codec = new EnvelopeCodec();
const HEARTBEAT = 200;
const SIZE = z.object({ w: z.number(), h: z.number() });
const area = functions({
  area: fn({ input: SIZE, output: z.number(), description: 'Its area.' }, ({ w, h }) => w * h),
});

async function said(client: Client): Promise<readonly FunctionDescription[]> {
  return (await client.with(json<unknown, FunctionDescription[]>()).get('frond_functions')) ?? [];
}

/** Names of the functions in its status, which are those of `frond_functions`. */
const inStatus = async (client: Client) =>
  (await client.with(json<unknown, { functions: string[] }>()).get('frond_status'))?.functions;

const names = async (client: Client) => (await said(client)).map(({ name }) => name);
const find = async (client: Client, name: string) => (await said(client)).find((one) => one.name === name);

describe.each(grounds)('on %s a Master', (_, make) => {
  const cluster = testCluster(make);

  async function open(role: 'master' | 'hub' = 'master') {
    const { start, connect: dial, transport, own } = cluster();
    const master =
      role === 'master'
        ? await start<Master>({ role, name: 'm', heartbeat: HEARTBEAT })
        : await start<Hub>({ role, name: 'm', previous: 'before', previousDbAddress: await before() });
    const { dbAddress } = master;
    const client = role === 'master' ? await dial({ dbAddress }) : undefined;
    const work = (offered: OfferedFunctions, given: object = {}) =>
      start<Worker>({ role: 'worker', dbAddress, functions: offered, ...given });
    /** Addresses that have work pushed to a worker. */
    const pushed = { pushAddress: master.workerPushAddress, pullAddress: master.workerPullAddress };
    async function before() {
      return (await start<Master>({ role: 'master', name: 'before', pipelined: true })).dbAddress;
    }
    const link = async () => own(await transport.open());
    return { master, client: client as Client, work, pushed, link, dbAddress, start };
  }

  it('says what its workers say, as long as one of them is there', async () => {
    const { client, work } = await open();
    expect(await said(client)).toEqual([]);
    const [first, second] = [await work({ ...area, plain: (payload) => payload }), await work(area)];
    await eventually(async () => (await said(client)).length === 3);
    expect(await inStatus(client)).toEqual(['echo', 'area', 'plain']);
    expect(await find(client, 'plain')).toEqual({ name: 'plain' });
    expect(await find(client, 'area')).toMatchObject({
      description: 'Its area.',
      kind: 'one',
      input: { codec: 'JSON', schema: { type: 'object', required: ['w', 'h'] } },
    });
    await first.close();
    await eventually(async () => (await names(client)).join() === 'echo,area');
    expect(await inStatus(client)).toEqual(['echo', 'area']);
    await second.close();
    await eventually(async () => (await said(client)).length === 0);
    expect(await inStatus(client)).toEqual([]);
  });

  it('says what workers say that are pushed to, as long as they are there', async () => {
    const { client, work, pushed } = await open();
    const first = await work({ ...area, plain: (payload) => payload }, pushed);
    await eventually(async () => (await said(client)).length === 3);
    expect(await find(client, 'area')).toMatchObject({ description: 'Its area.', input: { codec: 'JSON' } });
    const second = await work(area, pushed);
    const asking = await work({ other: (payload) => payload });
    await eventually(async () => (await said(client)).length === 4);
    await first.close();
    await eventually(async () => (await said(client)).length === 3);
    await second.close();
    await eventually(async () => (await names(client)).join() === 'echo,other');
    await asking.close();
    await eventually(async () => (await said(client)).length === 0);
  });

  it('does not hear a peer that says it is pushed to, and pulls nothing', async () => {
    const { client, work, pushed, link, dbAddress } = await open();
    const say = async (connection: Awaited<ReturnType<typeof link>>, name: string) => {
      const offer = { worker: 'id', name: 'w', offers: bytes(JSON.stringify([{ name }])), isPushed: true };
      return readWorkReply(
        codec,
        await within(5_000, connection.request(dbAddress, codec.encode(offersMessage(offer))).reply),
      );
    };
    const stranger = await link();
    await say(stranger, 'made_up');
    expect(await said(client)).toEqual([]);
    const late = await link();
    await say(late, 'late');
    const worker = await work(area, pushed);
    // A worker pulls, and the stranger spoke first: nothing tells whose puller it is.
    await eventually(async () => (await names(client)).includes('made_up'));
    expect(await names(client)).not.toContain('late');
    await Promise.all([stranger, late].map((one) => one.close({ timeout: 0 })));
    await eventually(async () => (await said(client)).length === 2);
    await say(await link(), 'made_up');
    expect(await said(client)).toHaveLength(2);
    await worker.close();
    await eventually(async () => (await said(client)).length === 0);
  });

  it('tells a typed client the codecs', async () => {
    const { client, work } = await open();
    const lines = functions({ upper: fn({ input: text(), output: text() }, (line) => line.toUpperCase()) });
    await work(lines);
    await eventually(async () => (await said(client)).length === 2);
    expect(await remote<typeof lines>(client, 'm').upper('straight')).toBe('STRAIGHT');
  });

  it('says of two versions what they have in common', async () => {
    const { client, work } = await open();
    const first = await work(area);
    const offered = (contract: Parameters<typeof fn>[0]) => functions({ area: fn(contract, () => 1) });
    const errors = { A: json<number>(), B: json<number>() };
    const second = await work(
      offered({ input: SIZE.extend({ unit: z.string() }), output: z.number(), errors, description: 'New.' }),
    );
    await eventually(async () => (await find(client, 'area'))?.versions === 2);
    expect(await find(client, 'area')).toEqual({
      name: 'area',
      versions: 2,
      description: 'New.',
      kind: 'one',
      input: { codec: 'JSON' },
      output: { codec: 'JSON', schema: { type: 'number' } },
    });
    await first.close();
    await eventually(async () => (await find(client, 'area'))?.versions === undefined);
    expect(await find(client, 'area')).toMatchObject({ errors: { A: { codec: 'JSON' } } });
    const third = await work(offered({ input: text(), output: z.number() }));
    await eventually(async () => (await find(client, 'area'))?.versions === 2);
    expect(await find(client, 'area')).not.toHaveProperty('input');
    await work({ area: (payload) => payload });
    await eventually(async () => (await find(client, 'area'))?.versions === 3);
    expect(await find(client, 'area')).toEqual({ name: 'area', versions: 3 });
    await Promise.all([second.close(), third.close()]);
    await eventually(async () => (await find(client, 'area'))?.versions === undefined);
  });

  it('forgets what a worker said that died, and has it again when that is back', async () => {
    const { client, link, dbAddress } = await open();
    const ask = async (connection: Awaited<ReturnType<typeof link>>, frame: Uint8Array<ArrayBuffer>) =>
      readWorkReply(codec, await within(5_000, connection.request(dbAddress, frame).reply));
    const say = (list: unknown) =>
      codec.encode(offersMessage({ worker: 'id', name: 'w', offers: bytes(JSON.stringify(list)) }));
    const own = await link();
    await ask(own, say([{ name: 'f' }]));
    expect(await names(client)).toEqual(['f']);
    // A stranger who uses its id is not heard while its link is there, and is when that has ended.
    const stranger = await link();
    const lie = ask(stranger, say([{ name: 'g' }]));
    expect(await names(client)).toEqual(['f']);
    await own.close({ timeout: 0 });
    await lie;
    expect(await names(client)).toEqual(['g']);
    await stranger.close({ timeout: 0 });
    await eventually(async () => (await said(client)).length === 0);
    const request = { worker: 'id', name: 'w', want: 1, leaves: false, isAway: false, items: [] };
    await ask(await link(), encodeWorkRequest(codec, { ...request, sequence: 1 }).slice());
    expect(await names(client)).toEqual(['g']);
  });

  it.each([
    ['no JSON', 'x'],
    ['no list', '{}'],
    ['a name that no call can have', '[{"name":"a.b"}]'],
    ['a name that is not a string', '[{"name":7}]'],
    ['a description that is not a string', '[{"name":"f","description":{}}]'],
    ['another kind', '[{"name":"f","kind":"few"}]'],
    ['a codec that is not a name', '[{"name":"f","input":{"codec":1}}]'],
    ['a schema that is not an object', '[{"name":"f","input":{"codec":"JSON","schema":[]}}]'],
    ['a deep schema', `[{"name":"f","input":{"codec":"JSON","schema":${nested(100)}}}]`],
    ['errors that are a list', '[{"name":"f","errors":[]}]'],
    ['many functions', JSON.stringify(Array.from({ length: 1_025 }, (_, i) => ({ name: `f${i}` })))],
    ['neither a worker that asks nor one that is pushed to', '[]', 2],
    ['many bytes', JSON.stringify([{ name: 'f', more: 'x'.repeat(LARGEST_OFFERS) }])],
  ])('refuses %s, and remembers nothing', async (_what, list, stage = 0) => {
    const { client, link, dbAddress } = await open();
    const offer = offersMessage({ worker: 'id', name: 'w', offers: bytes(list) });
    const frame = codec.encode({ ...offer, stage });
    const connection = await link();
    const reply = codec.decode(await within(5_000, connection.request(dbAddress, frame).reply));
    expect(reply.status).not.toBe(0);
    expect(reply.error).not.toBe('');
    expect(await said(client)).toEqual([]);
    expect(await client.eval('m.f', bytes('x'), { timeout: 50 }).catch((error) => error.code)).toBe(
      'TIMEOUT',
    );
  });

  it('remembers a mebibyte of what workers say', async () => {
    const { client, link, dbAddress } = await open();
    const connection = await link();
    const say = async (worker: string, name: string) => {
      const schema = { title: `${name}${'x'.repeat(250_000)}` };
      const offers = bytes(JSON.stringify([{ name, input: { codec: 'JSON', schema } }]));
      const frame = codec.encode(offersMessage({ worker, name: 'w', offers }));
      return codec.decode(await within(5_000, connection.request(dbAddress, frame).reply)).status;
    };
    const asked: number[] = [];
    for (let i = 0; i < 6; i++) asked.push(await say(`w${i}`, `f${i}`));
    expect(asked).toEqual([0, 0, 0, 0, 4, 4]);
    // What another says alike takes no room.
    expect(await say('other', 'f0')).toBe(0);
    expect(await names(client)).toEqual(['f0', 'f1', 'f2', 'f3']);
    // A worker that says something else has the room of what it said before.
    expect(await say('w1', 'f9')).toBe(0);
    expect(await names(client)).toEqual(['f0', 'f2', 'f3', 'f9']);
  });

  it.each(['asks', 'is pushed to'])(
    'that starts again at the same address is told again by a worker that %s',
    async (kind) => {
      const { client, work, pushed, start, master } = await open();
      await work(area, kind === 'asks' ? {} : pushed);
      await eventually(async () => (await said(client)).length === 2);
      const { dbAddress, workerPushAddress, workerPullAddress } = master;
      await master.close();
      const same = kind === 'asks' ? {} : { workerPushAddress, workerPullAddress };
      await start<Master>({ role: 'master', name: 'm', dbAddress, ...same });
      // What is asked before it is seen that the last one is gone fails with the link to it.
      const told = async () => (await names(client).catch(() => [])).join();
      await eventually(async () => (await told()) === 'echo,area', 15_000);
    },
    30_000,
  );

  it('or a Hub, within a pipeline', async () => {
    const { dbAddress, work, link } = await open('hub');
    await work(area);
    const connection = await link();
    const ask = async () => {
      const request = { client: 'c', function: 'm.get', payload: bytes('frond_functions') };
      const frame = codec.encode({ ...codec.decode(new Uint8Array()), ...request });
      return JSON.parse(new TextDecoder().decode(await connection.request(dbAddress, frame).reply));
    };
    await eventually(async () => (await ask()).length === 2);
  });
});

function nested(depth: number): string {
  return `${'{"not":'.repeat(depth)}{}${'}'.repeat(depth)}`;
}

describe('through a relay', () => {
  const [, make] = grounds[0];
  const cluster = testCluster(make);

  async function open(identity: RelayIdentity = EVERYTHING) {
    const own = cluster();
    const { dbAddress } = await own.start<Master>({ role: 'master', name: 'm', heartbeat: HEARTBEAT });
    const relay = own.own(
      await startRelay({
        transport: own.transport,
        servers: { m: { dbAddress } },
        authenticate: () => identity,
        limits: { resumeWindow: 200 },
      }),
    );
    const client = own.own(await connect(relay.url, { serverName: 'm' }));
    return { ...own, relay, client };
  }

  it('a Master says what a relayed worker says, until that is gone', async () => {
    const { client, relay, own } = await open();
    const worker = own(
      await Worker.start({
        transport: toRelay(relay.url),
        dbAddress: 'm',
        loggingLevel: 'silent',
        functions: functions({
          size: fn({ input: object({ of: string() }), output: json<number>() }, () => 1),
        }),
      }),
    );
    await eventually(async () => (await find(client, 'size'))?.kind === 'one');
    await worker.close();
    await eventually(async () => (await said(client)).length === 0);
  });

  it('a Master says what a relayed worker says that is pushed to, and how far it is', async () => {
    const { client, relay, own } = await open();
    const options = { transport: toRelay(relay.url), dbAddress: 'm', loggingLevel: 'silent' } as const;
    const tells = functions({
      tells: fn({ input: json<number>(), output: json<number>() }, async (value, { progress }) => {
        progress(value, 9);
        return value;
      }),
    });
    // One address that is given has it pushed to.
    const worker = own(await Worker.start({ ...options, pushAddress: 'm', functions: tells }));
    await eventually(async () => (await find(client, 'tells'))?.kind === 'one');
    const heard: number[] = [];
    const call = remote<typeof tells>(client, 'm').tells(5, { onProgress: ({ done }) => heard.push(done) });
    expect(await within(5_000, call)).toBe(5);
    expect(heard).toEqual([5]);
    await worker.close();
    await eventually(async () => (await said(client)).length === 0);
  });

  it('a client that may not work says nothing', async () => {
    const { relay, client, own } = await open({ name: 'n', servers: ['*'], functions: ['*'] });
    const connection = own(await toRelay(relay.url).open());
    await connection.identify();
    const offer = { worker: `${connection.id}/w`, name: 'w', offers: bytes('[{"name":"f"}]') };
    for (const isPushed of [false, true]) {
      const frame = codec.encode(offersMessage({ ...offer, isPushed })).slice();
      await expect(within(5_000, connection.request('m', frame).reply)).rejects.toMatchObject({
        code: 'FORBIDDEN',
      });
    }
    expect(await said(client)).toEqual([]);
  });
});
