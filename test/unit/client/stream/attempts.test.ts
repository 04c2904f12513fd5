/** Which attempt is out, rests, is lost or answered, and in which order results are given: against a plain model of it. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { Heap } from '../../../../src/async/earliest.ts';
import { type Attempt, Attempts } from '../../../../src/client/stream/attempts.ts';
import { InOrder } from '../../../../src/client/stream/in-order.ts';

const RETRY_DELAY = 8;
const NOTHING = new Uint8Array(0);

interface Modelled {
  readonly index: number;
  state: 'out' | 'resting' | 'settled';
  tries: number;
  at: number;
  /** When it began in the order of all beginnings. */
  turn: number;
  sentAt: number | undefined;
}

type Step =
  | { readonly do: 'begin' }
  | { readonly do: 'send' }
  | { readonly do: 'break' }
  | { readonly do: 'lose' }
  | { readonly do: 'answer'; readonly which: number }
  | { readonly do: 'wait'; readonly time: number };

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.constant<Step>({ do: 'begin' }) },
  { weight: 2, arbitrary: fc.constant<Step>({ do: 'send' }) },
  { weight: 1, arbitrary: fc.constant<Step>({ do: 'break' }) },
  { weight: 1, arbitrary: fc.constant<Step>({ do: 'lose' }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('answer' as const), which: fc.nat(30) }) },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant('wait' as const), time: fc.integer({ min: 1, max: 40 }) }),
  },
);

it('each input gets one result, at the time and in the order that a plain model says', () => {
  const limits = fc.record({
    timeout: fc.constantFrom(15, 30, Number.POSITIVE_INFINITY),
    isPatient: fc.boolean(),
    retries: fc.nat(3),
  });
  fc.assert(
    fc.property(limits, fc.array(step, { maxLength: 120, size: 'max' }), (own, steps) => {
      const attempts = new Attempts({ ...own, retryDelay: RETRY_DELAY }, () => 1);
      const given: string[] = [];
      const order = new InOrder<string>((result) => given.push(result));
      const model: Modelled[] = [];
      const results = new Map<number, string>();
      let [now, turns, breaks, lastAnswer, retried, duplicates, modelDuplicates] = [0, 0, 0, -1e9, 0, 0, 0];
      const live = new Map<number, Attempt>();
      // First attempts before further ones, each as they began.
      const ranked = ({ tries, turn }: Modelled) => (tries > 1 ? 1_000 : 0) + turn;
      const out = () => model.filter(({ state }) => state === 'out').sort((a, b) => ranked(a) - ranked(b));
      const endOf = ({ at }: Modelled) => (own.isPatient ? Math.max(at, lastAnswer) : at) + own.timeout;
      const settle = (one: Modelled, result: string) => {
        one.state = 'settled';
        expect(results.has(one.index)).toBe(false);
        results.set(one.index, result);
        order.add(one.index, result);
      };
      const fails = (found: readonly Attempt[], expected: readonly Modelled[]) => {
        expect(found.map(({ index }) => index)).toEqual(expected.map(({ index }) => index));
        for (const attempt of found) {
          const one = model[attempt.index];
          if (one === undefined) throw new Error('no such input');
          const again = attempts.giveUp(attempt, now);
          expect(again).toBe(one.tries <= own.retries);
          if (!again) settle(one, `failed ${one.index}`);
          else Object.assign(one, { state: 'resting', at: now + RETRY_DELAY * 2 ** (one.tries - 1) });
        }
      };
      const rest = () => {
        const expected = model.filter(({ state, at }) => state === 'resting' && at <= now);
        const found = attempts.rested(now);
        expect(found.map(({ index }) => index).sort()).toEqual(expected.map(({ index }) => index).sort());
        for (const attempt of found) {
          retried++;
          const one = model[attempt.index];
          if (one !== undefined)
            Object.assign(one, {
              state: 'out',
              at: now,
              turn: turns++,
              tries: one.tries + 1,
              sentAt: undefined,
            });
          expect(attempt.count).toBe(one?.tries);
        }
      };
      for (const one of steps) {
        if (one.do === 'begin') {
          const index = model.length;
          live.set(index, attempts.begin(index, NOTHING, now));
          model.push({ index, state: 'out', tries: 1, at: now, turn: turns++, sentAt: undefined });
        } else if (one.do === 'send') {
          for (const input of out()) {
            const attempt = live.get(input.index);
            if (attempt === undefined || attempt.breaks !== undefined) continue;
            attempt.breaks = breaks;
            input.sentAt = breaks;
          }
        } else if (one.do === 'break') {
          breaks++;
        } else if (one.do === 'lose') {
          // A break is told a while after it was: what was sent in between is not lost by it.
          fails(
            attempts.lost(breaks),
            out().filter(({ sentAt }) => sentAt !== undefined && sentAt < breaks),
          );
        } else if (one.do === 'answer') {
          if (one.which >= model.length) continue;
          const input = model[one.which];
          lastAnswer = now;
          if (attempts.answered(one.which, now) === undefined) duplicates++;
          if (input === undefined || input.state === 'settled') modelDuplicates++;
          else settle(input, `answered ${input.index}`);
        } else {
          now += one.time;
          fails(
            attempts.overdue(now),
            out().filter((input) => endOf(input) <= now),
          );
          rest();
        }
        expect(attempts.out).toBe(out().length);
        expect(attempts.size).toBe(model.filter(({ state }) => state !== 'settled').length);
        expect(attempts.retried).toBe(retried);
        expect(duplicates).toBe(modelDuplicates);
        // It asks to be looked at no later than something is to be done.
        const due = [
          ...out().map(endOf),
          ...model.flatMap(({ state, at }) => (state === 'resting' ? [at] : [])),
        ];
        expect(attempts.next).toBeLessThanOrEqual(Math.min(...due));
      }
      // Time and answers bring every input to its one result, in order.
      for (const { index, state } of model) {
        if (state === 'settled') continue;
        attempts.answered(index, now);
        const input = model[index];
        if (input !== undefined) settle(input, `answered ${index}`);
      }
      expect(given).toEqual(model.map(({ index }) => results.get(index)));
      expect([attempts.size, attempts.clear()]).toEqual([0, 0]);
      expect(attempts.rested(Number.POSITIVE_INFINITY)).toEqual([]);
    }),
    { numRuns: 1_000 },
  );
});

it('a heap gives the least first, whatever is put in between', () => {
  fc.assert(
    fc.property(fc.array(fc.option(fc.integer({ min: 0, max: 50 }), { nil: undefined })), (steps) => {
      const heap = new Heap<number>((item) => item);
      const model: number[] = [];
      for (const item of steps) {
        if (item === undefined) expect(heap.shift()).toBe(model.shift());
        else {
          heap.push(item);
          model.push(item);
          model.sort((a, b) => a - b);
        }
        expect([heap.peek(), heap.size]).toEqual([model[0], model.length]);
      }
    }),
  );
});

const begun = (limits: object = {}, random = () => 1) => {
  const attempts = new Attempts(
    { timeout: 100, isPatient: false, retries: 10, retryDelay: 100, ...limits },
    random,
  );
  return { attempts, first: attempts.begin(0, NOTHING, 0) };
};

it('an attempt is out from its beginning until it is answered or fails, under its own number', () => {
  const { attempts, first } = begun();
  expect([first.count, first.isQueued, first.isPlaced, first.breaks]).toEqual([1, false, false, undefined]);
  expect([attempts.isOut(first), attempts.isOut(first, 1), attempts.isOut(first, 2)]).toEqual([
    true,
    true,
    false,
  ]);
  expect(attempts.isOut({ ...first })).toBe(false);
  attempts.giveUp(first, 0);
  expect([attempts.isOut(first), attempts.size, attempts.out]).toEqual([false, 1, 0]);
  expect(attempts.rested(100)).toEqual([first]);
  expect([attempts.isOut(first), attempts.isOut(first, 1), attempts.isOut(first, 2)]).toEqual([
    true,
    false,
    true,
  ]);
  attempts.answered(0, 100);
  expect(attempts.isOut(first)).toBe(false);
});

it('a payload is copied: the caller may change its own', () => {
  const attempts = begun().attempts;
  const payload = new Uint8Array([1, 2]);
  const attempt = attempts.begin(1, payload, 0);
  payload.fill(0);
  expect([...attempt.payload]).toEqual([1, 2]);
});

it('attempts that are forgotten say how many places they had', () => {
  const { attempts, first } = begun();
  const second = attempts.begin(1, NOTHING, 0);
  const third = attempts.begin(2, NOTHING, 0);
  for (const own of [first, third]) own.isPlaced = true;
  // One that waits for a place.
  attempts.begin(3, NOTHING, 0);
  attempts.giveUp(second, 0);
  expect(attempts.clear()).toBe(2);
  expect([attempts.size, attempts.out, attempts.next, attempts.clear()]).toEqual([0, 0, Infinity, 0]);
});

it('a break loses what was sent before it, and not what was sent after it or not at all', () => {
  const { attempts, first } = begun();
  const second = attempts.begin(1, NOTHING, 0);
  attempts.begin(2, NOTHING, 0);
  first.breaks = 3;
  second.breaks = 4;
  expect([attempts.lost(3), attempts.lost(4), attempts.lost(5)]).toEqual([[], [first], [first, second]]);
});

it('an input rests twice as long each time, up to 50 times, and half of that at least', () => {
  const rests = (random: () => number) => {
    const { attempts, first } = begun({}, random);
    let now = 0;
    return Array.from({ length: 8 }, () => {
      const before = now;
      attempts.giveUp(first, now);
      now = attempts.next;
      expect(attempts.rested(now - 1)).toEqual([]);
      expect(attempts.rested(now)).toEqual([first]);
      return now - before;
    });
  };
  expect(rests(() => 1)).toEqual([100, 200, 400, 800, 1_600, 3_200, 5_000, 5_000]);
  expect(rests(() => 0)).toEqual([50, 100, 200, 400, 800, 1_600, 2_500, 2_500]);
});

it('an input fails for good after as many retries as are allowed', () => {
  for (const retries of [0, 1, 2]) {
    const { attempts, first } = begun({ retries });
    for (let i = 0; i < retries; i++) {
      expect(attempts.giveUp(first, 0)).toBe(true);
      attempts.rested(Number.POSITIVE_INFINITY);
    }
    expect(attempts.giveUp(first, 0)).toBe(false);
    expect([attempts.size, attempts.retried]).toEqual([0, retries]);
  }
});

it('an answer that comes while its input rests ends the rest', () => {
  const { attempts, first } = begun();
  attempts.giveUp(first, 0);
  expect(attempts.answered(0, 10)).toBe(first);
  expect(attempts.answered(0, 10)).toBeUndefined();
  expect(attempts.rested(Number.POSITIVE_INFINITY)).toEqual([]);
  expect([attempts.size, attempts.retried]).toEqual([0, 0]);
});
