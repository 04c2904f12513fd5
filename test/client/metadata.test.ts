/** Metadata of calls: what goes with them through all stages. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Hub, Master, Pipeline, Server, Worker } from '../../src/cluster/index.ts';
import { Client, json, type Metadata, type TapEvent, text } from '../../src/index.ts';
import { memory } from '../../transports/memory/index.ts';
import { bytes } from '../support/bytes.ts';
import { readAll } from '../support/wait.ts';

const transport = memory();
const own = { transport, loggingLevel: 'silent' } as const;
const told = {
  metadata: (_payload: Uint8Array, context: { metadata: Metadata }) =>
    bytes(JSON.stringify(context.metadata)),
};

let server: Server;
let client: Client;
let meta: Client<unknown, Record<string, string>>;

beforeAll(async () => {
  server = await Server.start({ ...own, name: 'server', functions: told });
  client = await Client.connect({ ...own, dbAddress: server.dbAddress });
  meta = client.with(json<unknown, Record<string, string>>());
});

afterAll(async () => {
  await client?.close();
  await server?.close();
});

const PATH = 'server.metadata';
const TRACE = { traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01', lang: 'grüezi 👋' };

describe('metadata of a call', () => {
  it('reaches the function, from eval, job and map', async () => {
    expect(await meta.eval(PATH, 1, { metadata: TRACE })).toEqual(TRACE);
    expect(await readAll(meta.job(PATH, [1, 2], { metadata: TRACE, messages: 2 }))).toEqual([TRACE, TRACE]);
    expect(await readAll(meta.map(PATH, [1, 2], { metadata: TRACE }))).toEqual([TRACE, TRACE]);
    const settled = await readAll(meta.mapSettled(PATH, [1], { metadata: TRACE }));
    expect(settled).toEqual([{ index: 0, status: 'fulfilled', value: TRACE }]);
  });

  it('is empty without any, and costs not a byte', async () => {
    const sizes: number[] = [];
    const tap = ({ channel, size }: TapEvent) => channel === 'push' && sizes.push(size);
    await using tapped = await Client.connect({ ...own, dbAddress: server.dbAddress, tap });
    const typed = tapped.with(json<unknown, Record<string, string>>());
    expect(await typed.eval(PATH, 1)).toEqual({});
    expect(await typed.eval(PATH, 1, { metadata: {} })).toEqual({});
    expect(await typed.eval(PATH, 1, { metadata: { a: undefined } as never })).toEqual({});
    expect(new Set(sizes).size).toBe(1);
  });

  it("comes on top of the client's", async () => {
    const metadata = { tenant: 'acme', lang: 'de' };
    await using tenant = await Client.connect({ ...own, dbAddress: server.dbAddress, metadata });
    metadata.tenant = 'changed';
    const typed = tenant.with(json<unknown, Record<string, string>>());
    expect(await typed.eval(PATH, 1)).toEqual({ tenant: 'acme', lang: 'de' });
    expect(await typed.eval(PATH, 1, { metadata: { lang: 'fr' } })).toEqual({ tenant: 'acme', lang: 'fr' });
    expect(await readAll(typed.map(PATH, [1]))).toEqual([{ tenant: 'acme', lang: 'de' }]);
  });

  it('goes through a Master, its workers, a Hub and a Pipeline', async () => {
    await using master = await Master.start({ ...own, name: 'master', pipelined: true });
    await using _one = await Worker.start({ ...own, dbAddress: master.dbAddress });
    const next = { previous: 'master', previousDbAddress: master.dbAddress };
    await using hub = await Hub.start({ ...own, ...next, name: 'hub', pipelined: true });
    await using _two = await Worker.start({ ...own, dbAddress: hub.dbAddress, functions: told });
    const last = { previous: 'hub', previousDbAddress: hub.dbAddress, name: 'last', functions: told };
    await using pipeline = await Pipeline.start({ ...own, ...last });
    await Promise.all([hub.ready(), pipeline.ready()]);
    await using caller = await Client.connect({ ...own, dbAddress: master.dbAddress });
    const path = ['master.echo', 'hub.metadata', 'last.metadata'];
    expect(await caller.with(json()).eval(path, 1, { metadata: TRACE })).toEqual(TRACE);
  });

  it('may be added to by a tap', async () => {
    const tap = (event: TapEvent) => event.addMetadata?.({ span: 'one' });
    await using traced = await Client.connect({ ...own, dbAddress: server.dbAddress, tap });
    const typed = traced.with(json<unknown, Record<string, string>>());
    expect(await typed.eval(PATH, 1)).toEqual({ span: 'one' });
    expect(await typed.eval(PATH, 1, { metadata: TRACE })).toEqual({ ...TRACE, span: 'one' });
    expect(await readAll(typed.map(PATH, [1], { metadata: TRACE }))).toEqual([{ ...TRACE, span: 'one' }]);
  });

  it('of a tap that is not acceptable is logged, and harms no call', async () => {
    const lines: string[] = [];
    const warning = (message: string) => void lines.push(message);
    const logger = { debug: () => {}, info: () => {}, warning, error: () => {} };
    const tap = (event: TapEvent) => event.addMetadata?.({ 'Not A Name': 'x' });
    await using traced = await Client.connect({ transport, dbAddress: server.dbAddress, tap, logger });
    expect(await traced.with(text()).eval('server.echo', 'hi')).toBe('hi');
    expect(lines).toContain('the tap threw');
  });
});

describe('metadata that is not acceptable', () => {
  const many = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, i) => [`n${i}`, 'x']));

  it.each([
    ['a name with capitals', { Tenant: 'x' }, 'a name in metadata'],
    ['an empty name', { '': 'x' }, 'a name in metadata'],
    ['__proto__', JSON.parse('{"__proto__":"x"}'), 'a name in metadata'],
    ['a name that is too long', { ['x'.repeat(65)]: 'x' }, 'a name in metadata'],
    ['a reserved name', { 'frond-user': 'x' }, 'reserved'],
    ['a number', { tenant: 5 }, 'must be a string'],
    ['a line end', { tenant: 'a\nb' }, 'control characters'],
    ['half of a surrogate pair', { tenant: '\ud800' }, 'surrogate'],
    ['a value that is too long', { tenant: 'ä'.repeat(2_049) }, '4096 bytes, not 4098'],
    ['33 names', many(33), '32 names, not 33'],
    ['too many bytes', { a: 'x'.repeat(4_090), b: 'x'.repeat(4_090) }, '8192 bytes in all'],
    ['a list', ['x'], 'an object of strings'],
    ['a string', 'tenant=x', 'an object of strings'],
  ])('%s is refused before anything is sent', async (_what, metadata, reason) => {
    const refused = { code: 'INVALID_CALL', sent: false, message: expect.stringContaining(reason) };
    const before = server.counters.received;
    const options = { metadata: metadata as Metadata };
    await expect(client.eval(PATH, bytes('1'), options)).rejects.toMatchObject(refused);
    await expect(client.job(PATH, [bytes('1')], options).next()).rejects.toMatchObject(refused);
    await expect(client.map(PATH, [bytes('1')], options).next()).rejects.toMatchObject(refused);
    await expect(Client.connect({ ...own, dbAddress: server.dbAddress, ...options })).rejects.toMatchObject(
      refused,
    );
    expect(server.counters.received).toBe(before);
  });

  it('is acceptable up to its bounds', async () => {
    const most = { ...many(31), ['x'.repeat(64)]: 'ä'.repeat(2_048) };
    expect(await meta.eval(PATH, 1, { metadata: most })).toEqual(most);
  });
});
