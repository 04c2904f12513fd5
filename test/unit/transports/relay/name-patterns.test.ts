import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { NamePatterns, strangerIn } from '../../../../transports/relay/name-patterns.ts';

/** The same rule as a regular expression, which is quick enough for short names. */
function model(pattern: string, name: string): boolean {
  if (pattern === '*') return true;
  const escaped = pattern.replaceAll('.', '\\.').replaceAll('*', '[^.]*');
  return new RegExp(`^${escaped}$`).test(name);
}

const pattern = fc.string({ unit: fc.constantFrom('a', 'b', '.', '*'), maxLength: 8 });
const name = fc.string({ unit: fc.constantFrom('a', 'b', '.'), maxLength: 8 });

describe('patterns of names', () => {
  it('match as a regular expression would', () => {
    fc.assert(
      fc.property(fc.array(pattern, { maxLength: 3 }), name, (patterns, own) => {
        expect(new NamePatterns(patterns).match(own)).toBe(patterns.some((one) => model(one, own)));
      }),
      { numRuns: 1_000 },
    );
  });

  it.each([
    ['demo.f', 'demo.f', true],
    ['demo.f', 'demo.ff', false],
    ['demo.f', 'xdemo.f', false],
    ['demo.*', 'demo.f', true],
    ['demo.*', 'demo.f.g', false],
    ['demo.*', 'demo', false],
    ['demo*', 'demo.f', false],
    ['*.f', 'demo.f', true],
    ['a*a', 'a', false],
    ['a*a', 'aa', true],
    ['a*b*c', 'a1b2c', true],
    ['a*b*c', 'ac', false],
    ['a*bb*b', 'abb', false],
    ['a*bb*bb*c', 'abbbc', false],
    ['', '', true],
    ['', 'a', false],
  ])('%j for %j: %s', (own, text, matches) => {
    expect(new NamePatterns([own]).match(text)).toBe(matches);
  });

  it('match every name where one of them is a star alone, and none where there are none', () => {
    expect(new NamePatterns(['x', '*']).match('a.b.c')).toBe(true);
    expect(new NamePatterns([]).match('a')).toBe(false);
    expect(new NamePatterns([]).match('')).toBe(false);
  });

  it('take a name of any length in time by its length', () => {
    const hostile = new NamePatterns([`${'a*'.repeat(50)}b`]);
    const before = performance.now();
    expect(hostile.match('a'.repeat(100_000))).toBe(false);
    // A regular expression that goes back would take years.
    expect(performance.now() - before).toBeLessThan(5_000);
  });
});

describe('a pattern that matches nothing', () => {
  it('is the first that matches none of the names', () => {
    expect(strangerIn(['demo', 'd*'], ['demo'])).toBeUndefined();
    expect(strangerIn(['demo', 'x*', 'y'], ['demo'])).toBe('x*');
    expect(strangerIn(['demo'], [])).toBe('demo');
    expect(strangerIn([], ['demo'])).toBeUndefined();
  });

  it('is never one of stars alone', () => {
    expect(strangerIn(['*', '**'], [])).toBeUndefined();
    for (const own of ['*x', 'x*', '', '*.*']) expect(strangerIn([own], [])).toBe(own);
  });

  it('is not looked for in what is not a list: whoever reads it refuses it', () => {
    expect(strangerIn('demo' as unknown as readonly string[], [])).toBeUndefined();
  });
});
