/** The bench's command line and table. Nothing is measured. */
import { describe, expect, it } from 'vitest';
import { type Goal, type Row, stated } from './figures.ts';
import { PARTS, readOptions } from './options.ts';
import { Before, headLine, rowLine } from './table.ts';

describe('flags', () => {
  it('are all left out: every part, in full', () => {
    expect(readOptions([])).toEqual({
      only: Object.keys(PARTS),
      json: undefined,
      compare: undefined,
      quick: false,
      goals: true,
      protobuf: 'shipped',
      list: false,
    });
  });

  it('--only takes names with commas or again, and keeps the order of the parts', () => {
    expect(readOptions(['--only', 'zmtp,client', '--only=relay']).only).toEqual(['client', 'relay', 'zmtp']);
  });

  it('--quick has no goals, nor has --no-goals', () => {
    expect(readOptions(['--quick'])).toMatchObject({ quick: true, goals: false });
    expect(readOptions(['--no-goals'])).toMatchObject({ quick: false, goals: false });
  });

  it('--json and --compare take a file', () => {
    expect(readOptions(['--json', '-', '--compare=old.json'])).toMatchObject({
      json: '-',
      compare: 'old.json',
    });
  });

  it.each([
    [['--onyl', 'client'], '--onyl'],
    [['--only-client'], '--only-client'],
    [['--only', 'clinet'], "no part 'clinet'"],
    [['--only', ''], "no part ''"],
    [['--json'], '--json'],
    [['client'], 'client'],
  ])('%j is refused with the list of flags and parts', (args, reason) => {
    expect(() => readOptions(args)).toThrow(reason);
    expect(() => readOptions(args)).toThrow(/--only NAME[\s\S]*hand-over/);
  });
});

describe('the table', () => {
  const rowOf = (what: string, value: number, detail: string, { goal, unit }: Goal = stated): Row => ({
    what,
    against: 'pylm',
    value,
    unit,
    goal,
    reached: true,
    detail,
  });

  it('has a row as soon as there is one, under its columns', () => {
    const line = rowLine(rowOf('a job', 2, '20.0 k/s / 10.0 k/s'));
    expect(line.indexOf('pylm')).toBe(headLine(false).indexOf('against'));
    expect(line.indexOf('20.0 k/s')).toBe(headLine(false).indexOf('figures'));
  });

  it('compares each figure with the one before, also of rows with the same words', () => {
    const before = new Before([rowOf('a job', 3, '30.0 k/s / 10.0 k/s'), rowOf('a job', 8, '8.0 k/s')]);
    const now = rowOf('a job', 2, '20.0 k/s / 10.0 k/s');
    expect(before.compare(now)).toMatchObject({ value: 1.5, figures: [1.5, 1] });
    expect(before.compare(rowOf('a job', 4, '4.0 k/s'))).toMatchObject({ value: 2, figures: [2] });
    expect(before.compare(now)).toBeUndefined();
  });

  it('says of a row that was not measured before that it has nothing to compare', () => {
    expect(rowLine(rowOf('a job', 2, '4 ms / 2 ms'), new Before([]))).toContain('—');
  });
});
