/** What a role counts: each count moved and read, the times of functions, and the bound on names. */
import { describe, expect, it } from 'vitest';
import { FunctionMeter, FunctionMeters, Meter } from '../../../../src/cluster/runtime/meter.ts';
import { MOST_FUNCTION_LABELS } from '../../../../src/flow-control.ts';
import { Status } from '../../../../src/protocol/message.ts';

const count = (meter: FunctionMeter) => meter.seconds.distribution.count;
const failures = (meter: Meter) => Object.fromEntries(meter.failures.filter(([, own]) => own > 0));

describe('a meter', () => {
  it('counts what comes in, with its bytes', () => {
    const meter = new Meter();
    meter.came(10);
    meter.came(5);
    expect([meter.tally.received, meter.received]).toEqual([2, 15]);
  });

  it.each([Status.ok, Status.ended])('counts an answer with status %i as no failure', (status) => {
    const meter = new Meter();
    meter.answered(status);
    expect([meter.counters(3), failures(meter)]).toMatchObject([{ answered: 1, failed: 0, inFlight: 3 }, {}]);
  });

  it.each([
    ['failed', Status.failed],
    ['unknownFunction', Status.unknownFunction],
    ['missing', Status.missing],
    ['refused', Status.refused],
    ['cancelled', Status.cancelled],
    ['invalid', Status.invalid],
    ['other', 9],
    // Of a stranger.
    ['other', Number.MAX_SAFE_INTEGER],
  ])('counts a failure under %s', (code, status) => {
    const meter = new Meter();
    meter.answered(status);
    meter.failed(status);
    expect([meter.tally.answered, meter.tally.failed, failures(meter)]).toEqual([1, 2, { [code]: 2 }]);
  });

  it('times a function by two readings of the clock, and the next one from there', () => {
    const [meter, one, two] = [new Meter(), new FunctionMeter(), new FunctionMeter()];
    meter.now = 1_000;
    meter.ran(one);
    meter.tick(1_500);
    // A message that ran no function: its time is nobody's.
    meter.tick(3_000);
    meter.ran(two);
    meter.tick(3_250);
    expect([one.seconds.distribution.sum, two.seconds.distribution.sum]).toEqual([0.5, 0.25]);
    expect([count(one), count(two)]).toEqual([1, 1]);
  });
});

describe('the meters of functions that others run', () => {
  const offered = [{ name: 'f' }, { name: 'g' }];

  it('are told apart by the function of the stage', () => {
    const meters = new FunctionMeters(() => offered);
    expect(meters.of('a.f', 0)).toBe(meters.of('b.f', 0));
    expect(meters.of('a.g', 0)).toBe(meters.of('a.f b.g', 1));
    expect(meters.of('a.f b.g', 0)).toBe(meters.of('a.f', 0));
    expect(meters.of('a.f', 0)).not.toBe(meters.of('a.g', 0));
    expect(meters.entries.map(([name]) => name)).toEqual(['f', 'g', 'all others']);
  });

  it('have one for all names that nobody offers, however many those are', () => {
    const meters = new FunctionMeters(() => offered);
    for (let i = 0; i < 10_000; i++) meters.of(`a.x${i}`, 0).took(1);
    for (const path of ['', 'a', 'a.b.c', 'a.f b.g']) meters.of(path, 7).took(1);
    const [[name, others] = [], ...more] = meters.entries;
    expect([name, others && count(others), more]).toEqual(['all others', 10_004, []]);
  });

  it('know a function from when a worker offers it, and keep its times when the worker has gone', () => {
    let list = [{ name: 'g' }];
    const meters = new FunctionMeters(() => list);
    const others = meters.of('a.f', 0);
    list = [{ name: 'f' }];
    const own = meters.of('a.f', 0);
    own.took(1);
    list = [];
    expect([own === others, meters.of('a.f', 0) === others]).toEqual([false, true]);
    list = [{ name: 'f' }];
    expect(meters.of('a.f', 0)).toBe(own);
  });

  it(`are ${MOST_FUNCTION_LABELS} at most, and one for all others`, () => {
    const list = Array.from({ length: 10 * MOST_FUNCTION_LABELS }, (_, i) => ({ name: `f${i}` }));
    const meters = new FunctionMeters(() => list);
    for (const { name } of list) meters.of(`a.${name}`, 0).took(1);
    expect(meters.entries).toHaveLength(MOST_FUNCTION_LABELS + 1);
    const [, others] = meters.entries.at(-1) ?? [];
    expect(others && count(others)).toBe(9 * MOST_FUNCTION_LABELS);
  });
});
