/** The code that the playground shows for a map does what the page does. */
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { callOf } from '../../../../../playground/src/code/statements.ts';
import type { Format } from '../../../../../playground/src/state/formats.ts';

const bodyWith = (window: number) =>
  callOf({
    type: 'map',
    path: 'text.reverse',
    input: { kind: 'numbers', count: 10, lines: [] },
    format: 'text',
    messages: undefined,
    map: { ordered: true, window, retries: 0 },
  }).body;

it('leaves the window out only where it is the default of map', () => {
  const source = readFileSync(new URL('../../../../../src/client/stream/map.ts', import.meta.url), 'utf8');
  const [, digits = ''] = /window = ([\d_]+)/.exec(source) ?? [];
  const preset = Number(digits.replaceAll('_', ''));
  expect(preset).toBeGreaterThan(0);
  expect(bodyWith(preset)).not.toContain('window');
  expect(bodyWith(1_024)).toContain('window: 1024');
});

it('writes the payload in one format and reads the answer in another, where a server says so', () => {
  const evalOf = (format: Format, answers: Format, payload: string) =>
    callOf({ type: 'eval', path: 'crew.brew', payload, format, answers, messages: 1, cache: '' });
  const mixed = evalOf('json', 'text', '{"cups":2}');
  expect([...mixed.uses].sort()).toEqual(['json', 'text']);
  expect(mixed.body).toContain('client.with({ ...text(), encode: json().encode }).eval(');
  expect([...evalOf('json', 'hex', '{}').uses].sort()).toEqual(['bytes', 'json']);
  const alike = evalOf('json', 'json', '{}');
  expect([[...alike.uses], alike.body.includes('client.with(json()).eval(')]).toEqual([['json'], true]);
});
