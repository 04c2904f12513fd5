/** A stage that fails before others: what frond's client is told, through Pipelines of both kinds. */
import { afterEach, expect, it } from 'vitest';
import { type Client, text } from '../../src/index.ts';
import { type By, type MixedCluster, type Part, startMixed } from './mixed.ts';

let cluster: MixedCluster | undefined;
afterEach(async () => {
  await cluster?.stop();
  cluster = undefined;
});

const path = (name: string) => [name, 'second.tag', 'third.tag'];

async function open(first: By, second: By, third: By): Promise<Client> {
  const parts: Part[] = [
    { kind: 'Server', label: 'first', by: first, pipelined: true },
    { kind: 'Pipeline', label: 'second', by: second, from: ['first'], pipelined: true },
    { kind: 'Pipeline', label: 'third', by: third, from: ['second'] },
  ];
  cluster = await startMixed(parts, [{ path: 'first.same second.same third.who', answers: ['third'] }]);
  return cluster.connect();
}

it.each([
  ['frond', 'frond', 'frond'],
  ['frond', 'pylm', 'frond'],
  ['frond', 'frond', 'pylm'],
  ['frond', 'pylm', 'pylm'],
] as const)('what failed first is thrown, through %s, %s and %s', async (first, second, third) => {
  const words = (await open(first, second, third)).with(text());
  await expect(words.eval(path('first.boom'), 'x')).rejects.toMatchObject({
    code: 'REMOTE',
    remoteName: 'RangeError',
    message: expect.stringContaining('boom was called'),
  });
  await expect(words.eval(path('first.missing'), 'x')).rejects.toMatchObject({
    code: 'REMOTE',
    message: expect.stringContaining('first.missing'),
  });
  expect(await words.eval(path('first.tag'), 'x')).toBe('x|first|second|third');
});

it('a 0 that a pylm Server does not explain goes through the next functions', async () => {
  const words = (await open('pylm', 'frond', 'frond')).with(text());
  expect(await words.eval(path('first.boom'), 'x')).toBe('0|second|third');
});
