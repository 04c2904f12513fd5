/** A failure within a pipeline reaches its caller, wherever in it that listens. On every transport that binds. */
import { describe, expect, it } from 'vitest';
import type { Hub, Master, Pipeline, Server, Sink, Worker } from '../../src/cluster/index.ts';
import { PalmError } from '../../src/index.ts';
import { bytes, textOf } from '../support/bytes.ts';
import { grounds, testCluster } from '../support/cluster.ts';
import { within } from '../support/wait.ts';

const functions = {
  same: (payload: Uint8Array) => payload,
  fails: () => {
    throw new RangeError('it fails');
  },
};

describe.each(grounds)('three servers one after another on %s', (_, make) => {
  const cluster = testCluster(make);

  async function open() {
    const { start, connect } = cluster();
    const clean = await start<Server>({ role: 'server', name: 'clean', pipelined: true, functions });
    const count = await start<Pipeline>({
      role: 'pipeline',
      name: 'count',
      subAddress: clean.pubAddress,
      previous: 'clean',
      toClient: false,
      functions,
    });
    const tally = await start<Sink>({
      role: 'sink',
      name: 'tally',
      subAddresses: [count.pubAddress],
      previous: ['count'],
      functions,
    });
    await Promise.all([count.ready(), tally.ready()]);
    const { dbAddress } = clean;
    const places = { clean, count, tally };
    const listening = (at: keyof typeof places) =>
      connect({ dbAddress, subAddress: places[at].pubAddress, timeout: 3_000 });
    return { listening, connect, ...places };
  }

  it.each([
    ['clean.same', 'clean', /"clean" passes its results on .* call 'clean\.same <next server>\.<function>'/],
    ['clean.same', 'count', /failed/],
    ['clean.same', 'tally', /failed/],
    ['clean.same count.same', 'count', /"count" passes its results on/],
    ['clean.same count.same', 'tally', /no stage 2/],
    ['clean.fails', 'clean', /it fails/],
    ['clean.none', 'clean', /no function/],
    ['clean.fails count.same tally.same', 'clean', /it fails/],
    ['clean.fails count.same tally.same', 'count', /it fails/],
    ['clean.fails count.same tally.same', 'tally', /it fails/],
    ['clean.same count.none tally.same', 'count', /no function/],
    ['clean.same count.none tally.same', 'tally', /no function/],
    ['clean.same count.fails tally.same', 'count', /it fails/],
    ['clean.same count.fails tally.same', 'tally', /it fails/],
    ['clean.same count.same tally.fails', 'tally', /it fails/],
  ] as const)('%s fails for who listens at %s', async (path, at, reason) => {
    const client = await (await open()).listening(at);
    const error = await within(
      5_000,
      client.eval(path, bytes('x')).catch((thrown: unknown) => thrown),
    );
    expect(error).toBeInstanceOf(PalmError);
    expect(error).toMatchObject({ code: 'REMOTE' });
    expect(String(error)).toMatch(reason);
  });

  it('answer at the end, once, and nowhere else', async () => {
    const { listening } = await open();
    const client = await listening('tally');
    const answer = await client.eval('clean.same count.same tally.same', bytes('x'));
    expect(textOf(answer)).toBe('x');
    expect(client.unclaimed).toBe(0);
    const other = await listening('clean');
    await expect(
      other.eval('clean.same count.same tally.same', bytes('x'), { timeout: 300 }),
    ).rejects.toMatchObject({ code: 'TIMEOUT' });
  });

  it('publish that they are a pipeline, and which server comes before them', async () => {
    const { clean, count, tally, connect } = await open();
    const look = async ({ dbAddress }: { readonly dbAddress: string }) => {
      const client = await connect({ dbAddress: clean.dbAddress });
      const own = await connect({ dbAddress, pushAddress: clean.pullAddress, subAddress: tally.pubAddress });
      await client.close();
      const status = JSON.parse(textOf((await own.get('frond_status')) ?? bytes('{}')));
      return { pipelined: status.pipelined, previous: status.previous };
    };
    expect(await look(clean)).toEqual({ pipelined: true, previous: undefined });
    expect(await look(count)).toEqual({ pipelined: true, previous: ['clean'] });
    expect(await look(tally)).toEqual({ pipelined: false, previous: ['count'] });
  });
});

describe.each(grounds)('a Master and a Hub that feed another server on %s', (_, make) => {
  const cluster = testCluster(make);

  it('tell their callers what fails at that server, too', async () => {
    const { start, connect } = cluster();
    const first = await start<Master>({ role: 'master', name: 'first', pipelined: true });
    const second = await start<Hub>({
      role: 'hub',
      name: 'second',
      subAddress: first.pubAddress,
      previous: 'first',
      pipelined: true,
    });
    await second.ready();
    for (const { dbAddress } of [first, second])
      await start<Worker>({ role: 'worker', dbAddress, functions });
    const { dbAddress } = first;
    const atFirst = await connect({ dbAddress, timeout: 3_000 });
    const atSecond = await connect({ dbAddress, subAddress: second.pubAddress, timeout: 3_000 });
    await expect(atFirst.eval('first.fails second.same', bytes('x'))).rejects.toThrow(/it fails/);
    await expect(atSecond.eval('first.fails second.same', bytes('x'))).rejects.toThrow(/it fails/);
    await expect(atFirst.eval('first.same', bytes('x'))).rejects.toThrow(/passes its results on/);
    await expect(atSecond.eval('first.same second.fails', bytes('x'))).rejects.toThrow(/it fails/);
    await expect(atSecond.eval('first.same second.same', bytes('x'))).rejects.toThrow(
      /passes its results on/,
    );
    expect(JSON.parse(textOf((await atSecond.get('frond_status')) ?? bytes('{}')))).toMatchObject({
      pipelined: true,
    });
  });
});
