/** pylm's own client, unmodified, on each role of frond's: its calls, and those of them that end a pylm server. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { text } from '../../src/index.ts';
import { entryOf, roleCases, startCase } from './frond-roles.ts';
import type { MixedCluster } from './mixed.ts';
import { hex, pylmCalls, textsOf } from './pylm-calls.ts';

const numbers = (count: number) => Array.from({ length: count }, (_, i) => String(i));

describe.each(roleCases)('stock pylm client on a frond $label', (role) => {
  const { label, path, answers } = role;
  const times = (result: string) => Array.from({ length: answers }, () => result);
  const evaluate = (name: string, payload: string) => [
    'eval',
    ...path(name),
    '--payload',
    payload,
    '--messages',
    String(answers),
  ];
  let cluster: MixedCluster;

  beforeAll(async () => {
    cluster = await startCase(role);
  });
  afterAll(() => cluster?.stop());

  const calls = (...all: string[][]) => pylmCalls(entryOf(cluster, label), all);

  it('evals and runs jobs', async () => {
    const count = 500;
    const messages = String(count * answers);
    const [one, job, big] = await calls(
      evaluate('upper', 'hello'),
      ['job', ...path('same'), '--count', String(count), '--messages', messages],
      evaluate('upper', 'x'.repeat(100_000)),
    );
    expect(textsOf(one ?? {})).toEqual(times('HELLO'));
    expect(textsOf(job ?? {}).sort()).toEqual(numbers(count).flatMap(times).sort());
    expect(textsOf(big ?? {})).toEqual(times('X'.repeat(100_000)));
  });

  it('shares the cache with the functions', async () => {
    const [set, own, seen, stored, got] = await calls(
      ['set', 'from the client', 'k'],
      ['get', 'k'],
      evaluate('cached', 'k'),
      evaluate('store', 's=from a function'),
      ['get', 's'],
    );
    expect(set).toMatchObject({ result: hex('k') });
    expect(own).toMatchObject({ result: hex('from the client') });
    expect(textsOf(seen ?? {})).toEqual(times('from the client'));
    expect(textsOf(stored ?? {})).toEqual(times('s'));
    expect(got).toMatchObject({ result: hex('from a function') });
  });

  it('deletes keys that are there and that are not, and all goes on', async () => {
    const results = await calls(
      ['set', 'value', 'k'],
      ['delete', 'k'],
      ['get', 'k'],
      ['delete', 'k'],
      ['delete', 'absent'],
      ['get', 'absent'],
      ['set', 'evil', 'pub_address'],
      ['get', 'name'],
      ['set', '', 'empty'],
      ['get', 'empty'],
    );
    expect(results.map(({ result }) => result)).toEqual(
      ['k', 'k', '', '', '', '', '', label, 'empty', ''].map(hex),
    );
    expect((await calls(evaluate('upper', 'alive'))).map(textsOf)).toEqual([times('ALIVE')]);
  });

  it('gets 0 for what fails, is missing or misnamed, and all goes on', async () => {
    const results = await calls(evaluate('boom', 'x'), evaluate('missing', 'x'), evaluate('upper', 'alive'));
    expect(results.map(textsOf)).toEqual([times('0'), times('0'), times('ALIVE')]);
    const words = (await cluster.connect()).with(text());
    expect(await words.eval(path('upper'), 'alive')).toBe('ALIVE');
  });
});
