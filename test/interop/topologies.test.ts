/** frond's client on clusters of real pylm servers. */

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Client, text } from '../../src/index.ts';
import { bytes, textOf } from '../support/bytes.ts';
import { readAll } from '../support/wait.ts';
import { connectTo } from './connect.ts';
import { type PylmCluster, startCluster, type Topology } from './pylm.ts';

function onCluster(
  topology: Topology,
  define: (use: { client: () => Client; cluster: () => PylmCluster }) => void,
) {
  describe(`stock pylm: ${topology}`, () => {
    let cluster: PylmCluster;
    let client: Client;

    beforeAll(async () => {
      cluster = await startCluster(topology);
      client = await connectTo(cluster);
    });

    afterAll(async () => {
      await client?.close();
      await cluster?.stop();
    });

    define({ client: () => client, cluster: () => cluster });
  });
}

const numbers = (count: number) => Array.from({ length: count }, (_, i) => String(i));

onCluster('server', ({ client, cluster }) => {
  it('evals', async () => {
    expect(textOf(await client().eval('server.upper', bytes('hello')))).toBe('HELLO');
    expect(await client().eval('server.empty', bytes('x'))).toHaveLength(0);
    expect(await client().eval('server.big', bytes('2000000'))).toHaveLength(2_000_000);
  });

  it('sends what pylm sends: session, function, stage 0, and the user’s cache field untouched', async () => {
    const own = await connectTo(cluster(), { session: 'S1-' });
    const seen = JSON.parse(textOf(await own.eval('server.envelope', bytes('hi'), { cache: 'my cache é' })));
    expect(seen).toMatchObject({
      pipeline: 'S1-',
      stage: 0,
      function: 'server.envelope',
      cache: 'my cache é',
      payload: '6869',
    });
    expect(seen.client.startsWith(`${own.id}/`)).toBe(true);
    await own.close();
  });

  it('streams a job, in order', async () => {
    const sent = numbers(5_000);
    const results = await readAll(client().with(text()).job('server.same', sent, { messages: sent.length }));
    expect(results).toEqual(sent);
  });

  it('keeps two jobs and twenty evals at once apart', async () => {
    const tagged = (tag: string) => numbers(1_000).map((number) => tag + number);
    const words = client().with(text());
    const [a, b, evals] = await Promise.all([
      readAll(words.job('server.same', tagged('a'), { messages: 1_000 })),
      readAll(words.job('server.upper', tagged('b'), { messages: 1_000 })),
      Promise.all(numbers(20).map((number) => words.eval('server.reverse', `e${number}`))),
    ]);
    expect(a).toEqual(tagged('a'));
    expect(b).toEqual(tagged('B'));
    expect(evals).toEqual(numbers(20).map((number) => [...`e${number}`].reverse().join('')));
  });

  it('gives a slow and a quick call each its own answer', async () => {
    const words = client().with(text());
    const answers = await Promise.all([words.eval('server.slow', '0.30'), words.eval('server.slow', '0.05')]);
    expect(answers).toEqual(['0.30', '0.05']);
  });

  it('loses none of 10 000 evals in a row', async () => {
    for (let i = 0; i < 10_000; i++) {
      const answer = await client().eval('server.same', bytes(String(i)));
      if (textOf(answer) !== String(i)) throw new Error(`eval ${i} got ${textOf(answer)}`);
    }
    expect(client().unclaimed).toBe(0);
  });

  it('loses none of the first evals of 100 new clients', async () => {
    for (let i = 0; i < 100; i++) {
      const own = await connectTo(cluster());
      expect(textOf(await own.eval('server.same', bytes(String(i)), { timeout: 5_000 }))).toBe(String(i));
      await own.close();
    }
  });

  it('shares the cache with the functions', async () => {
    expect(await client().set(bytes('value é'), 'k')).toBe('k');
    expect(textOf((await client().get('k')) ?? bytes(''))).toBe('value é');
    expect(textOf(await client().eval('server.cached', bytes('k')))).toBe('value é');
    await client().eval('server.store', bytes('from=python'));
    expect(textOf((await client().get('from')) ?? bytes(''))).toBe('python');
    expect(await client().delete('k')).toBe(true);
    expect(await client().get('k')).toBeUndefined();
    const random = await client().set(bytes('r'));
    expect(textOf((await client().get(random)) ?? bytes(''))).toBe('r');
  });

  it('prefixes keys with the session in set, get and delete', async () => {
    const own = await connectTo(cluster(), { session: 'S1-' });
    expect(await own.set(bytes('v'), 'k')).toBe('S1-k');
    expect(textOf((await own.get('k')) ?? bytes(''))).toBe('v');
    expect(textOf(await client().eval('server.cached', bytes('S1-k')))).toBe('v');
    expect(await own.delete('k')).toBe(true);
    expect(await client().get('S1-k')).toBeUndefined();
    await own.close();
  });

  it('answers many cache calls at once', async () => {
    const keys = numbers(2_000).map((number) => `k${number}`);
    expect(await Promise.all(keys.map((key) => client().set(bytes(key), key)))).toEqual(keys);
    const values = await Promise.all(keys.map((key) => client().get(key)));
    expect(values.map((value) => value && textOf(value))).toEqual(keys);
  });

  it('connects with given addresses, asking nothing', async () => {
    const { serverName, dbAddress, pushAddress, subAddress } = cluster().entry;
    const own = await connectTo(cluster(), {
      thisConfig: true,
      serverName,
      dbAddress,
      pushAddress,
      subAddress,
    });
    expect(textOf(await own.eval('server.upper', bytes('x')))).toBe('X');
    await own.close();
  });
});

onCluster('pipeline', ({ client }) => {
  it('runs a list of functions, one on each server', async () => {
    expect(textOf(await client().eval(['first.tag', 'second.tag'], bytes('x')))).toBe('x|first|second');
    const results = await readAll(
      client().with(text()).job(['first.upper', 'second.tag'], numbers(2_000), { messages: 2_000 }),
    );
    expect(results).toEqual(numbers(2_000).map((number) => `${number}|second`));
  });

  it('runs with the last server’s cache as well as the first’s', async () => {
    await client().set(bytes('v'), 'k');
    expect(textOf(await client().eval(['first.cached', 'second.same'], bytes('k')))).toBe('v');
  });
});

onCluster('tee', ({ client, cluster }) => {
  it('answers from each branch, to who listens there', async () => {
    const [left = '', right = ''] = cluster().subAddresses;
    const other = await connectTo(cluster(), { subAddress: right });
    expect([left, right]).toContain(cluster().entry.subAddress);
    expect(textOf(await client().eval(['first.same', 'branch.tag'], bytes('x')))).toBe('x|left');
    expect(textOf(await other.eval(['first.same', 'branch.tag'], bytes('x')))).toBe('x|right');
    await other.close();
  });
});

onCluster('tee-sink', ({ client }) => {
  it('gathers the answers of both branches', async () => {
    const answers = await client().eval(['first.same', 'branch.tag', 'sink.same'], bytes('x'), {
      messages: 2,
    });
    expect(answers.map(textOf).sort()).toEqual(['x|left', 'x|right']);
    const results = await readAll(
      client().with(text()).job(['first.same', 'branch.tag', 'sink.same'], numbers(500), { messages: 1_000 }),
    );
    expect(results.filter((result) => result.endsWith('left'))).toHaveLength(500);
  });
});

onCluster('sink', ({ client }) => {
  it('goes odd and even ways and comes together', async () => {
    const path = ['first.same', 'middle.tag', 'sink.tag'];
    const results = await readAll(client().with(text()).job(path, numbers(1_000), { messages: 1_000 }));
    const expected = numbers(1_000).map(
      (number) => `${number}|${Number(number) % 2 === 0 ? 'even' : 'odd'}|sink`,
    );
    expect([...results].sort()).toEqual([...expected].sort());
  });
});

onCluster('master', ({ client }) => {
  it('spreads a job over the workers', async () => {
    const results = await readAll(
      client().with(text()).job('master.tag', numbers(1_000), { messages: 1_000 }),
    );
    expect(results.map((result) => Number(result.split('|')[0])).sort((a, b) => a - b)).toEqual(
      numbers(1_000).map(Number),
    );
    expect(new Set(results.map((result) => result.split('|')[1]))).toEqual(new Set(['worker-1', 'worker-2']));
  });

  it('scatters one message into three', async () => {
    const answers = await client().eval('master.triple', bytes('x'), { messages: 3 });
    expect(answers.map(textOf).sort()).toEqual(['X#0', 'X#1', 'X#2']);
  });

  it('gathers three messages into one', async () => {
    expect(textOf(await client().eval('master.joined', bytes('x')))).toBe('X#0,X#1,X#2');
  });

  it('gives fewer results than inputs, and more', async () => {
    const words = client().with(text());
    const inputs = ['one two three', '', 'four'];
    expect((await readAll(words.job('master.words', inputs, { messages: 4 }))).sort()).toEqual([
      'FOUR',
      'ONE',
      'THREE',
      'TWO',
    ]);
    const open = words.job('master.dropped', inputs, { idleTimeout: 300 });
    await expect(readAll(open)).rejects.toMatchObject({ code: 'TIMEOUT' });
  });

  it('keeps the user’s cache field, and shares the store with the workers', async () => {
    const seen = JSON.parse(textOf(await client().eval('master.envelope', bytes(''), { cache: 'mine' })));
    expect(seen).toMatchObject({ cache: 'mine' });
    await client().set(bytes('v'), 'k');
    expect(textOf(await client().eval('master.cached', bytes('k')))).toBe('v');
  });
});

onCluster('hub', ({ client }) => {
  it('runs the second stage on a worker behind the hub', async () => {
    const path = ['first.tag', 'hub.tag'];
    expect(textOf(await client().eval(path, bytes('x')))).toBe('x|first|worker-1');
    expect(await readAll(client().job(path, numbers(500).map(bytes), { messages: 500 }))).toHaveLength(500);
  });
});

onCluster('master-pipeline', ({ client }) => {
  it('passes what the workers gave to the next server', async () => {
    const answer = textOf(await client().eval(['master.tag', 'second.tag'], bytes('x')));
    expect(answer).toMatch(/^x\|worker-[12]\|second$/);
    expect(
      await readAll(client().job(['master.tag', 'second.tag'], numbers(500).map(bytes), { messages: 500 })),
    ).toHaveLength(500);
  });
});

onCluster('mux', ({ client }) => {
  it('gets every result of a worker that yields several', async () => {
    const answers = await client().eval('master.letters', bytes('abc'), { messages: 3 });
    expect(answers.map(textOf)).toEqual(['a', 'b', 'c']);
    expect(
      await readAll(client().job('master.count', [bytes('3'), bytes('4')], { messages: 7 })),
    ).toHaveLength(7);
  });
});
