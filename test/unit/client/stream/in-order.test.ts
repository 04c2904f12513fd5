import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { InOrder } from '../../../../src/client/stream/in-order.ts';

function ground() {
  const given: string[] = [];
  return { given, order: new InOrder<string>((item) => given.push(item)) };
}

describe('numbered items', () => {
  it('are given in order, each as soon as those before it are there', () => {
    fc.assert(
      fc.property(fc.shuffledSubarray(Array.from({ length: 12 }, (_, i) => i)), (numbers) => {
        const { given, order } = ground();
        const there = new Set<number>();
        for (const number of numbers) {
          order.add(number, `item ${number}`);
          there.add(number);
          let most = 0;
          while (there.has(most)) most++;
          expect(given).toEqual(Array.from({ length: most }, (_, i) => `item ${i}`));
        }
      }),
    );
  });

  it('that wait are dropped when it is cleared', () => {
    const { given, order } = ground();
    order.add(1, 'dropped');
    order.clear();
    order.add(0, 'first');
    order.add(1, 'second');
    expect(given).toEqual(['first', 'second']);
  });
});
