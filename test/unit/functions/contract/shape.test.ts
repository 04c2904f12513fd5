/** What may be a shape, and what is told of a value that does not fit one. */
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { check, codecOf, isShape, issuesText, isThenable } from '../../../../src/functions/contract/shape.ts';
import { json, text } from '../../../../src/functions/index.ts';

const standard = (validate: unknown) => ({ '~standard': { version: 1, vendor: 'own', validate } });
type Schema = Parameters<typeof check>[0];
const schemaOf = (result: unknown) => standard(() => result) as Schema;

describe('a shape', () => {
  it('is a codec, or an object or function with Standard Schema', () => {
    const codec = { name: 'own', encode: () => new Uint8Array(), decode: () => 1 };
    for (const own of [codec, json(), z.string(), schemaOf({}), Object.assign(() => {}, schemaOf({}))])
      expect(isShape(own)).toBe(true);
    const without = (key: keyof typeof codec) => ({ ...codec, [key]: undefined });
    for (const other of [
      undefined,
      null,
      7,
      'JSON',
      {},
      [],
      () => {},
      without('name'),
      without('encode'),
      without('decode'),
    ])
      expect(isShape(other)).toBe(false);
    for (const other of [standard(undefined), { '~standard': undefined }, { ...codec, '~standard': {} }])
      expect(isShape(other)).toBe(false);
  });

  it('that is a schema travels as JSON', () => {
    expect([codecOf(z.string()).name, codecOf(text()).name]).toEqual(['JSON', 'text']);
  });

  it('tells 32 issues at most, each with its place as text and numbers', () => {
    const issues = Array.from({ length: 40 }, (_, i) => ({
      message: `m${i}`,
      path: ['list', { key: i }, Symbol('s')],
    }));
    const checked = check(schemaOf({ issues }), 1) as { readonly issues: readonly { path: unknown }[] };
    expect(checked.issues).toHaveLength(32);
    expect(checked.issues[1]).toEqual({ path: ['list', 1, 'Symbol(s)'], message: 'm1' });
    expect(check(schemaOf({ issues: [{ message: 'whole' }] }), 1)).toEqual({
      issues: [{ path: [], message: 'whole' }],
    });
    expect(check(schemaOf({ value: 7 }), 1)).toEqual({ value: 7 });
    expect(() => check(schemaOf(undefined), 1)).toThrow(TypeError);
  });

  it('gives a promise only when the schema does', async () => {
    const checked = check(schemaOf(Promise.resolve({ value: 7 })), 1);
    expect(isThenable(checked)).toBe(true);
    expect(await checked).toEqual({ value: 7 });
    for (const other of [undefined, null, 7, {}, Object.fromEntries([['then', 7]]), () => {}])
      expect(isThenable(other)).toBe(false);
  });

  it('has its issues told on one line', () => {
    const issues = [
      { path: [], message: 'whole' },
      { path: ['a', 0], message: 'part' },
    ];
    expect(issuesText(issues)).toBe('whole; a.0: part');
    expect(issuesText([])).toBe('');
  });
});
