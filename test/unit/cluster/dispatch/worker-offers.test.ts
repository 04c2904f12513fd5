/** What a Master says of its workers' functions, as workers come, say something else, die and are forgotten. */
import { describe, expect, it } from 'vitest';
import { ByteBudget } from '../../../../src/async/byte-budget.ts';
import { LeasedWorker } from '../../../../src/cluster/dispatch/leased-worker.ts';
import { WorkerOffers } from '../../../../src/cluster/dispatch/worker-offers.ts';
import { WORKERS_OFFERS } from '../../../../src/flow-control.ts';
import type { FunctionDescription } from '../../../../src/functions/contract/description.ts';

const worker = (id = 'a') => new LeasedWorker(id, id, new ByteBudget(1_000));
const JSON_ = { codec: 'JSON' } as const;
const of = (type: string) => ({ codec: 'JSON', schema: { type } });

/** What is said of `f` when workers have said so. */
function said(...versions: readonly Omit<FunctionDescription, 'name'>[]) {
  const offers = new WorkerOffers();
  for (const version of versions) offers.note(worker(), [{ name: 'f', ...version }]);
  return offers.descriptions[0];
}

describe('what workers offer', () => {
  it('is each function once, and the same list until something changes', () => {
    const offers = new WorkerOffers();
    expect(offers.descriptions).toEqual([]);
    offers.note(worker(), [{ name: 'f' }, { name: 'g' }]);
    offers.note(worker(), [{ name: 'f' }, { name: 'f' }]);
    expect(offers.descriptions).toEqual([{ name: 'f' }, { name: 'g' }]);
    expect(offers.descriptions).toBe(offers.descriptions);
  });

  it('is what a worker said last', () => {
    const offers = new WorkerOffers();
    const own = worker();
    offers.note(own, [{ name: 'f' }]);
    offers.note(own, [{ name: 'g' }]);
    expect(offers.descriptions).toEqual([{ name: 'g' }]);
  });

  it('ends with the last worker that offers it, and is there again when that one is back', () => {
    const offers = new WorkerOffers();
    const [one, other] = [worker('a'), worker('b')];
    offers.note(one, [{ name: 'f' }, { name: 'g' }]);
    offers.note(other, [{ name: 'f' }]);
    offers.went(one);
    expect(offers.descriptions).toEqual([{ name: 'f' }]);
    // It is gone once.
    offers.went(one);
    offers.went(other);
    expect(offers.descriptions).toEqual([]);
    offers.came(one);
    expect(offers.descriptions).toEqual([{ name: 'f' }, { name: 'g' }]);
    offers.came(one);
    offers.went(one);
    expect(offers.descriptions).toEqual([]);
  });

  it('of a worker that said nothing is nothing, as it comes and goes', () => {
    const offers = new WorkerOffers();
    const own = worker();
    for (const note of ['came', 'went'] as const) offers[note](own);
    expect(offers.descriptions).toEqual([]);
  });

  it.each([true, false])('is forgotten with its worker, which was alive: %s', (isAlive) => {
    const offers = new WorkerOffers();
    const [one, other] = [worker('a'), worker('b')];
    offers.note(one, [{ name: 'f' }]);
    offers.note(other, [{ name: 'f' }]);
    if (!isAlive) offers.went(one);
    expect(offers.descriptions).toHaveLength(1);
    one.stop();
    // The other offers it.
    expect(offers.descriptions).toEqual([{ name: 'f' }]);
    offers.went(other);
    expect(offers.descriptions).toEqual([]);
    other.stop();
    offers.note(worker('c'), [{ name: 'f' }]);
    expect(offers.descriptions).toEqual([{ name: 'f' }]);
  });
});

describe('what all workers say together', () => {
  /** A function whose description has so many characters as JSON. */
  const long = (name: string, length: number) => {
    const rest = JSON.stringify({ name, description: '' }).length;
    return { name, description: 'x'.repeat(length - rest) };
  };

  it('has a limit, and a worker that says too much has said nothing', () => {
    const offers = new WorkerOffers();
    const half = WORKERS_OFFERS / 2;
    offers.note(worker(), [long('f', half)]);
    const own = worker();
    offers.note(own, [{ name: 'before' }]);
    expect(() => offers.note(own, [long('g', half + 1)])).toThrow(
      expect.objectContaining({
        code: 'TOO_LARGE',
        message: `the workers of a Master may say ${WORKERS_OFFERS} characters of their functions, all together`,
      }),
    );
    expect(offers.descriptions.map(({ name }) => name)).toEqual(['f']);
    expect(own.offers).toBeUndefined();
    // There is as much room as before.
    offers.note(own, [long('g', half)]);
    expect(offers.descriptions.map(({ name }) => name)).toEqual(['f', 'g']);
  });

  it('counts once what several say, and no more what nobody remembers', () => {
    const offers = new WorkerOffers();
    const whole = long('f', WORKERS_OFFERS);
    const workers = [worker('a'), worker('b')];
    for (const own of workers) offers.note(own, [whole]);
    const more = () => offers.note(worker('c'), [{ name: 'g' }]);
    expect(more).toThrow();
    workers[0]?.stop();
    expect(more).toThrow();
    // A dead one may come back.
    if (workers[1] !== undefined) offers.went(workers[1]);
    expect(more).toThrow();
    workers[1]?.stop();
    expect(more).not.toThrow();
    expect(offers.descriptions).toEqual([{ name: 'g' }]);
  });
});

describe('versions of a function', () => {
  it('that are alike are one, whole', () => {
    const whole = { description: 'It is f.', kind: 'one', input: of('string'), output: JSON_ } as const;
    expect(said(whole, whole)).toEqual({ name: 'f', ...whole });
  });

  it('are counted, and have the newest description and what they have in common', () => {
    const first = { description: 'Old.', kind: 'one', input: of('string'), output: of('number') } as const;
    const second = { ...first, description: 'New.', output: of('string') };
    expect(said(first, second)).toEqual({
      name: 'f',
      versions: 2,
      description: 'New.',
      kind: 'one',
      input: of('string'),
      output: JSON_,
    });
    const third = { kind: 'one', input: { codec: 'text' }, output: of('string') } as const;
    expect(said(first, second, third)).toEqual({ name: 'f', versions: 3, kind: 'one', output: JSON_ });
  });

  it('of bytes, or of another kind, have only their name in common', () => {
    const typed = { description: 'One.', kind: 'one', input: JSON_, output: JSON_ } as const;
    for (const other of [{}, { ...typed, kind: 'many' as const }]) {
      expect(said(typed, other)).toEqual({ name: 'f', versions: 2 });
      expect(said(other, typed)).toEqual({ name: 'f', versions: 2 });
    }
    expect(said({}, { description: 'Of bytes.' })).toEqual({
      name: 'f',
      versions: 2,
      description: 'Of bytes.',
    });
  });

  it('have the errors in common that all of them declare, as far as their data is alike', () => {
    const errors = { A: of('string'), B: of('string'), C: { codec: 'text' }, D: JSON_ };
    const first = { kind: 'one', errors } as const;
    const second = { kind: 'one', errors: { A: of('string'), B: of('number'), C: JSON_ } } as const;
    expect(said(first, second)).toEqual({
      name: 'f',
      versions: 2,
      kind: 'one',
      errors: { A: of('string'), B: JSON_ },
    });
    for (const none of [{ kind: 'one' }, { kind: 'one', errors: { E: JSON_ } }] as const) {
      expect(said(first, none)).toEqual({ name: 'f', versions: 2, kind: 'one' });
      expect(said(none, first)).toEqual({ name: 'f', versions: 2, kind: 'one' });
    }
  });
});
