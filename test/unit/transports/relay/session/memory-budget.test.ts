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

  it('is never over the limit, and has nothing left when all are gone', () => {
    const steps = fc.array(fc.tuple(fc.nat(9), fc.nat(60)), { maxLength: 200 });
    fc.assert(
      fc.property(steps, (sets) => {
        const budget = new MemoryBudget(100);
        const make = holders(budget, []);
        const all = Array.from({ length: 10 }, (_, i) => make(`${i}`, `${i % 3}`));
        for (const [i, bytes] of sets) {
          const holder = all[i];
          if (holder !== undefined) budget.set(holder, bytes);
          expect(budget.total).toBeLessThanOrEqual(100);
        }
        for (const holder of all) budget.set(holder, 0);
        expect(budget.total).toBe(0);
      }),
    );
  });
});

it('that are counted by averages leave nothing behind', () => {
  const budget = new MemoryBudget(1_000);
  const holder = { group: 'a', overBudget: () => {} };
  for (const bytes of [0.1, 0.7, 32_642 / 3, 7.275957614183426e-12]) budget.set(holder, bytes);
  expect(budget.total).toBe(0);
});
