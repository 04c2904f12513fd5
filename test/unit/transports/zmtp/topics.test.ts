/** Who is subscribed to a topic, held to a plain list of subscriptions. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Topics } from '../../../../transports/zmtp/topics.ts';

describe('subscriptions', () => {
  it('are those of a plain list, whoever comes and goes', () => {
    const topic = fc.string({ unit: fc.constantFrom('a', 'b'), maxLength: 4 });
    const holder = fc.constantFrom('x', 'y', 'z');
    const step = fc.tuple(fc.constantFrom('add', 'remove', 'remove all', 'match'), topic, holder);
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const topics = new Topics<string>();
        let list: [topic: string, holder: string][] = [];
        const isOwn = (topic: string, holder: string) => (one: [string, string]) =>
          one[0] === topic && one[1] === holder;
        for (const [what, topic, holder] of steps) {
          const own = list.filter(isOwn(topic, holder));
          if (what === 'add') {
            expect(topics.add(topic, holder)).toBe(own.length === 0);
            list.push([topic, holder]);
          } else if (what === 'match') {
            const expected = new Set(list.filter(([one]) => topic.startsWith(one)).map(([, one]) => one));
            const found = topics.match(topic);
            expect([...found].sort()).toEqual([...expected].sort());
            const longest = list
              .filter(([one, by]) => by === holder && topic.startsWith(one))
              .map(([one]) => one)
              .sort((a, b) => b.length - a.length);
            expect(topics.subscriptionOf(topic, holder)).toBe(longest[0] ?? topic);
          } else {
            const isEnd = own.length > 0 && (own.length === 1 || what === 'remove all');
            expect(topics.remove(topic, holder, what === 'remove all')).toBe(isEnd);
            const at = list.findIndex(isOwn(topic, holder));
            if (what === 'remove all') list = list.filter((one) => !isOwn(topic, holder)(one));
            else if (at >= 0) list.splice(at, 1);
          }
          expect(topics.has(topic)).toBe(list.some(([one]) => one === topic));
        }
      }),
      { numRuns: 300 },
    );
  });

  it('of many lengths are found from the shortest to the longest, in whatever order they came', () => {
    const topics = new Topics<number>();
    const whole = 'abcdefghij';
    for (const length of [5, 1, 9, 3, 7, 0, 10]) topics.add(whole.slice(0, length), length);
    expect(topics.match(whole)).toEqual([0, 1, 3, 5, 7, 9, 10]);
    expect(topics.match(whole.slice(0, 6))).toEqual([0, 1, 3, 5]);
    for (const length of [5, 0, 10]) topics.remove(whole.slice(0, length), length);
    expect(topics.match(whole)).toEqual([1, 3, 7, 9]);
  });

  it('are looked up once for the same topic in a row', () => {
    const topics = new Topics<number>();
    topics.add('a', 1);
    const found = topics.match('ab');
    expect(topics.match('ab')).toBe(found);
    topics.add('b', 2);
    expect(topics.match('ab')).toEqual([1]);
    topics.remove('a', 1);
    expect(topics.match('ab')).toEqual([]);
  });
});
