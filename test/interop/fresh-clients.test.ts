/**
 * Stock pylm clients as its documentation has them: connect, then call at once. Their subscription may come after their answer.
 * FRESH_CLIENTS says how many processes there are for each role.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { entryOf, roleCases, startCase } from './frond-roles.ts';
import type { MixedCluster } from './mixed.ts';
import { runClient } from './python.ts';

const PROCESSES = Number(process.env['FRESH_CLIENTS'] ?? 8);
/** Processes at the same time: each start of Python is most of a second's work. */
const AT_ONCE = 4;
/** Evals of each process, one after another. pylm's client opens a new subscription for each. */
const EVALS = 10;

const outcomes = async <T>(count: number, run: () => Promise<T>): Promise<T[]> => {
  const all: T[] = [];
  let begun = 0;
  const runner = async () => {
    while (begun++ < count) all.push(await run());
  };
  await Promise.all(Array.from({ length: AT_ONCE }, runner));
  return all;
};

describe.each(roleCases)('fresh stock pylm clients on a frond $label', (role) => {
  const { label, path, answers } = role;
  let cluster: MixedCluster;
  beforeAll(async () => {
    cluster = await startCase(role);
  });
  afterAll(() => cluster?.stop());

  it('have their evals answered', { timeout: 60_000 + PROCESSES * 5_000 }, async () => {
    const { serverName, dbAddress, pushAddress, subAddress } = entryOf(cluster, label);
    const connection = [
      '--server',
      serverName,
      '--db',
      dbAddress,
      '--push',
      pushAddress,
      '--sub',
      subAddress,
    ];
    const evaluate = [
      'eval',
      ...path('upper'),
      '--payload',
      'hello',
      '--messages',
      String(answers),
      '--at-once',
    ];
    const calls = Array.from({ length: EVALS }, () => evaluate);
    const words = [...connection, '--timeout', '5', 'calls', JSON.stringify(calls)];
    const ran = await outcomes(PROCESSES, () =>
      runClient<{ answers: { results?: string[]; error?: string }[] }>(words, { timeout: 60_000 }),
    );
    const results = ran.flatMap((client) => client.answers.map((answer) => answer.results ?? answer.error));
    const hello = Array.from({ length: answers }, () => Buffer.from('HELLO').toString('hex'));
    const hung = results.filter((result) => result === 'timeout');
    expect(results.filter((result) => result !== 'timeout')).toEqual(
      Array.from({ length: results.length - hung.length }, () => hello),
    );
    // One that closes its last subscription after its next call has come cannot be told from one that listens: on a busy machine one
    // in hundreds does. It was every second one.
    expect(hung.length).toBeLessThanOrEqual(Math.ceil(results.length / 100));
  });
});
