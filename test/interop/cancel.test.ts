/** Cancelled calls where stock pylm is on the way: it is told nothing, and goes on. */
import { afterEach, describe, expect, it } from 'vitest';
import { type TapEvent, text } from '../../src/index.ts';
import { within } from '../support/wait.ts';
import { type MixedCluster, type Part, startMixed } from './mixed.ts';

let cluster: MixedCluster | undefined;

afterEach(async () => {
  await cluster?.stop();
  cluster = undefined;
});

const CASES: readonly (readonly [string, readonly Part[], string, boolean])[] = [
  ['a pylm Server', [{ kind: 'Server', label: 'first', by: 'pylm' }], 'first', false],
  [
    'a pylm Server before a frond Pipeline',
    [
      { kind: 'Server', label: 'first', by: 'pylm', pipelined: true },
      { kind: 'Pipeline', label: 'second', by: 'frond', from: ['first'] },
    ],
    'first.same second',
    false,
  ],
  [
    'a frond Server before a pylm Pipeline',
    [
      { kind: 'Server', label: 'first', by: 'frond', pipelined: true },
      { kind: 'Pipeline', label: 'second', by: 'pylm', from: ['first'] },
    ],
    'first.same second',
    true,
  ],
  [
    'a pylm Master with frond workers',
    [
      { kind: 'Master', label: 'first', by: 'pylm' },
      { kind: 'Worker', label: 'one', by: 'frond', master: 'first' },
    ],
    'first',
    false,
  ],
  [
    'a frond Master with pylm workers',
    [
      { kind: 'Master', label: 'first', by: 'frond' },
      { kind: 'Worker', label: 'one', by: 'pylm', master: 'first' },
    ],
    'first',
    true,
  ],
];

describe.each(CASES)('%s', (_what, parts, path, takesCancels) => {
  it('goes on after calls were cancelled, and only frond is told of these', async () => {
    const last = path.split(' ').length > 1 ? 'second' : parts.at(-1)?.label;
    cluster = await startMixed(parts, [{ path: `${path}.who`, answers: [last ?? ''] }]);
    const requests: string[] = [];
    const tap = ({ direction, channel, message }: TapEvent) => {
      if (direction === 'out' && channel === 'db') requests.push(message?.function ?? '');
    };
    const client = await cluster.connect({ tap });
    const words = client.with(text());
    const abort = new AbortController();
    const calls = ['200', '201', '202'].map((time) =>
      words.eval(`${path}.nap`, time, { signal: abort.signal }).then(String, (error: Error) => error.name),
    );
    const other = words.eval(`${path}.who`, '');
    await words.eval(`${path}.who`, '', { messages: 0 });
    abort.abort();
    expect(await Promise.all(calls)).toEqual(['AbortError', 'AbortError', 'AbortError']);
    expect(await within(10_000, other, 'the call of another')).toBe(last);
    for (let i = 0; i < 10; i++) expect(await words.eval(`${path}.who`, '')).toBe(last);
    expect(await words.get('absent')).toBeUndefined();
    expect(requests.includes('_.cancel')).toBe(takesCancels);
  });
});
