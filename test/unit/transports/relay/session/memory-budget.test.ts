import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type BudgetHolder, MemoryBudget } from '../../../../../transports/relay/session/memory-budget.ts';

function holders(budget: MemoryBudget, ended: string[]) {
  return (name: string, group = name): BudgetHolder & { readonly name: string } => {
    const holder = {
      name,
      group,
      overBudget: () => {
        ended.push(name);
        budget.set(holder, 0);
      },
    };
    return holder;
  };
}

const collect: () => void = (() => {
  setFlagsFromString('--expose-gc');
  const gc: () => void = runInNewContext('gc');
  setFlagsFromString('--no-expose-gc');
  return gc;
})();

it('holds nobody for whom nothing is kept any more', async () => {
  const budget = new MemoryBudget(100);
  const holderOf = () => {
    const holder: BudgetHolder = { group: 'a', overBudget: () => {} };
    budget.set(holder, 10);
    budget.set(holder, 0);
    return new WeakRef(holder);
  };
  const holder = holderOf();
  await new Promise(setImmediate);
  collect();
  expect(holder.deref()).toBeUndefined();
});

it('says to whom it ends how much all may have', () => {
  const reasons: string[] = [];
  const budget = new MemoryBudget(100);
  budget.set({ group: 'a', overBudget: (reason) => reasons.push(reason) }, 101);
  expect(reasons).toEqual(['more than 100 bytes are kept for all clients, and this one has the most']);
});

describe('MemoryBudget', () => {
  it('adds up what is kept for all', () => {
    const budget = new MemoryBudget(100);
    const make = holders(budget, []);
    const [a, b] = [make('a'), make('b')];
    budget.set(a, 30);
    budget.set(b, 40);
    budget.set(a, 10);
    expect(budget.total).toBe(50);
    budget.set(b, 0);
    expect(budget.total).toBe(10);
  });

  it('takes all that it may, and cuts those that the most is kept for at one byte more', () => {
    const ended: string[] = [];
    const budget = new MemoryBudget(100);
    const make = holders(budget, ended);
    const [small, large, middling] = [make('small'), make('large'), make('middling')];
    budget.set(small, 20);
    budget.set(large, 50);
    budget.set(middling, 30);
    expect(ended).toEqual([]);
    budget.set(small, 21);
    expect(ended).toEqual(['large']);
    expect(budget.total).toBe(51);
    budget.set(make('new'), 100);
    expect(ended).toEqual(['large', 'new']);
    expect(budget.total).toBe(51);
  });

  it('cuts the many of one group before a larger one that is by itself', () => {
    const ended: string[] = [];
    const budget = new MemoryBudget(100);
    const make = holders(budget, ended);
    const honest = make('honest');
    const crowd = Array.from({ length: 10 }, (_, i) => make(`crowd ${i}`, 'one address'));
    budget.set(honest, 40);
    for (const [i, one] of crowd.entries()) budget.set(one, 6 + (i === 3 ? 1 : 0));
    expect(ended).toEqual(['crowd 3']);
    budget.set(honest, 45);
    expect(ended).toEqual(['crowd 3']);
    budget.set(honest, 47);
    expect(ended).toHaveLength(2);
    expect(ended).not.toContain('honest');
  });

  it('ends the largest of the group with the most, and only while there is too much, however all grow and shrink', () => {
    const limit = 100;
    const groupOf = (name: string) => `${Number(name) % 3}`;
    const anAmount = fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 20 }), fc.nat(120));
    const steps = fc.array(fc.tuple(fc.nat(9).map(String), anAmount), { maxLength: 80, size: 'max' });
    fc.assert(
      fc.property(steps, (sets) => {
        const kept = new Map<string, number>();
        const sum = (names: Iterable<string>) =>
          [...names].reduce((all, name) => all + (kept.get(name) ?? 0), 0);
        const ofGroup = (group: string) => sum([...kept.keys()].filter((name) => groupOf(name) === group));
        const budget = new MemoryBudget(limit);
        const holders = Array.from({ length: 10 }, (_, i): BudgetHolder => {
          const name = `${i}`;
          const group = groupOf(name);
          const overBudget = () => {
            expect(sum(kept.keys())).toBeGreaterThan(limit);
            expect(ofGroup(group)).toBe(Math.max(...['0', '1', '2'].map(ofGroup)));
            const others = [...kept].filter(([other]) => groupOf(other) === group);
            expect(kept.get(name)).toBe(Math.max(...others.map(([, bytes]) => bytes)));
            kept.delete(name);
            expect(budget.total).toBe(sum(kept.keys()));
          };
          return { group, overBudget };
        });
        for (const [name, bytes] of sets) {
          kept.set(name, bytes);
          budget.set(holders[Number(name)] as BudgetHolder, bytes);
          expect(budget.total).toBe(sum(kept.keys()));
          expect(budget.total).toBeLessThanOrEqual(limit);
        }
        for (const holder of holders) budget.set(holder, 0);
        expect(budget.total).toBe(0);
      }),
      { numRuns: 50 },
    );
  });
});

it('that are counted by averages leave nothing behind', () => {
  const budget = new MemoryBudget(1_000);
  const holder = { group: 'a', overBudget: () => {} };
  for (const bytes of [0.1, 0.7, 32_642 / 3, 7.275957614183426e-12]) budget.set(holder, bytes);
  expect(budget.total).toBe(0);
});
