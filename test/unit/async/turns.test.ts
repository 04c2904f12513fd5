/** What waits for a function: in turns between clients, in order for each, and bounded in bytes. */
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { BatchQueue } from '../../../src/async/batch-queue.ts';
import { ByteBudget } from '../../../src/async/byte-budget.ts';
import { Turns } from '../../../src/async/turns.ts';
import { checkMaxWaiting, costOf, Intake } from '../../../src/cluster/runtime/intake.ts';
import { BACKGROUND_TURNS, TURN } from '../../../src/flow-control.ts';
import type { Bytes } from '../../../src/protocol/bytes.ts';
import { EnvelopeCodec } from '../../../src/protocol/envelope.ts';
import { palmMessage } from '../../../src/protocol/message.ts';
import { startScript } from '../../support/processes.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const codec = new EnvelopeCodec();
const frameOf = (client: string, size = 0) =>
  codec.encode(palmMessage({ pipeline: 'p', client, function: 's.f', payload: new Uint8Array(size) }));
const settle = async () => {
  for (let i = 0; i < 20; i++) await Promise.resolve();
};

describe('turns', () => {
  it('go round between owners when each takes its time, in order for each', () => {
    const turns = new Turns<string>();
    for (const item of ['a1', 'a2', 'a3', 'a4', 'b1', 'c1', 'c2']) turns.push(item[0] ?? '', item);
    const taken: unknown[] = [];
    for (let item = turns.shift(); item !== undefined; item = turns.shift()) {
      taken.push(item);
      vi.advanceTimersByTime(2);
    }
    expect(taken.join(' ')).toBe('a1 b1 c1 a2 c2 a3 a4');
  });

  it('last as long as what is quick is in plenty', () => {
    const turns = new Turns<string>();
    for (const item of ['a1', 'b1', 'a2', 'b2', 'a3']) turns.push(item[0] ?? '', item);
    vi.advanceTimersByTime(5);
    const taken = Array.from({ length: 5 }, () => turns.shift());
    expect(taken.join(' ')).toBe('a1 a2 a3 b1 b2');
  });

  it('last their time and no longer', () => {
    const turns = new Turns<string>();
    for (const item of ['a1', 'a2', 'a3', 'b1']) turns.push(item[0] ?? '', item);
    const taken = [turns.shift()];
    vi.advanceTimersByTime(TURN - 0.5);
    taken.push(turns.shift());
    vi.advanceTimersByTime(0.5);
    taken.push(turns.shift(), turns.shift());
    expect(taken.join(' ')).toBe('a1 a2 b1 a3');
  });

  it('are over for an owner that had none beside it, once another comes', () => {
    const turns = new Turns<string>();
    for (const item of ['a1', 'a2', 'a3']) turns.push('a', item);
    const taken = [turns.shift()];
    turns.push('b', 'b1');
    taken.push(turns.shift(), turns.shift());
    expect(taken.join(' ')).toBe('a1 b1 a2');
  });

  it('are over for an owner that has nothing left, though more of it comes at once', () => {
    const turns = new Turns<string>();
    for (const item of ['a1', 'b1', 'a2']) turns.push(item[0] ?? '', item);
    const taken = [turns.shift(), turns.shift()];
    turns.push('a', 'a3');
    taken.push(turns.shift(), turns.shift());
    expect(taken.join(' ')).toBe('a1 a2 b1 a3');
  });

  it('give back what is taken out, of the owners that are asked about, and keep all else in order', () => {
    const aStep = fc.oneof(
      { weight: 4, arbitrary: fc.nat(4) },
      { weight: 3, arbitrary: fc.constant('take' as const) },
      {
        weight: 1,
        arbitrary: fc.record({ owners: fc.uniqueArray(fc.nat(4)), part: fc.integer({ min: 1, max: 3 }) }),
      },
    );
    interface Item {
      readonly owner: number;
      readonly number: number;
    }
    const property = fc.property(fc.array(aStep, { maxLength: 100, size: 'max' }), (steps) => {
      const turns = new Turns<Item>();
      let model: Item[] = [];
      let next = 0;
      for (const step of steps) {
        if (typeof step === 'number') {
          const item = { owner: step, number: next++ };
          turns.push(String(step), item);
          model.push(item);
        } else if (step === 'take') {
          const item = turns.shift();
          // The oldest of its owner, whichever that is.
          expect(item).toBe(model.find(({ owner }) => owner === item?.owner));
          model = model.filter((own) => own !== item);
        } else {
          const isOf = ({ owner, number }: Item) => step.owners.includes(owner) && number % step.part === 0;
          const removed = turns.remove(
            (owner) => step.owners.includes(Number(owner)),
            (item) => {
              expect(step.owners).toContain(item.owner);
              return item.number % step.part === 0;
            },
          );
          const byNumber = (one: Item, other: Item) => one.number - other.number;
          expect(removed.toSorted(byNumber)).toEqual(model.filter(isOf));
          model = model.filter((item) => !isOf(item));
        }
        expect([turns.size, turns.owners]).toEqual([
          model.length,
          new Set(model.map(({ owner }) => owner)).size,
        ]);
      }
      while (turns.size > 0) {
        const item = turns.shift();
        expect(item).toBe(model.find(({ owner }) => owner === item?.owner));
        model = model.filter((own) => own !== item);
      }
      expect(model).toEqual([]);
    });
    fc.assert(property, { numRuns: 30 });
  });

  it('forget owners whose items were taken, or taken out, and keep a queue for each priority of the others', async () => {
    vi.useRealTimers();
    // In a process of its own, whose memory is soon looked through.
    const { said } = await startScript(
      fileURLToPath(new URL('../../support/turns-memory.ts', import.meta.url)),
    );
    const empty = [0, 0, false];
    // The first two remember their last owners, and the third has one.
    expect(JSON.parse(said)).toEqual({ queues: 6, empty: [empty, empty], kept: 50 });
  }, 60_000);

  it('lose nothing, keep the order of each owner, and let nobody wait for more than one item of each other', () => {
    const step = fc.oneof(fc.nat(4), fc.constant('take'));
    fc.assert(
      fc.property(fc.array(step, { maxLength: 300, size: 'max' }), (steps) => {
        const turns = new Turns<{ owner: number; number: number }>();
        const pushed = [0, 0, 0, 0, 0];
        const taken = [0, 0, 0, 0, 0];
        const sinceServed = [0, 0, 0, 0, 0];
        const take = () => {
          const item = turns.shift();
          if (item === undefined) return;
          expect(item.number).toBe(taken[item.owner]);
          taken[item.owner] = item.number + 1;
          for (const owner of pushed.keys()) {
            const waits = (pushed[owner] ?? 0) > (taken[owner] ?? 0);
            sinceServed[owner] = waits && owner !== item.owner ? (sinceServed[owner] ?? 0) + 1 : 0;
            expect(sinceServed[owner]).toBeLessThan(2 * pushed.length);
          }
          vi.advanceTimersByTime(2);
        };
        for (const what of steps) {
          if (what === 'take') take();
          else {
            const owner = what as number;
            turns.push(String(owner), { owner, number: pushed[owner] ?? 0 });
            pushed[owner] = (pushed[owner] ?? 0) + 1;
          }
        }
        while (turns.size > 0) take();
        expect(taken).toEqual(pushed);
        expect(turns.owners).toBe(0);
      }),
    );
  });
});

describe('priorities', () => {
  /** Takes all, each a turn of its own. */
  const drain = (turns: Turns<string>) => {
    const taken: string[] = [];
    for (let item = turns.shift(); item !== undefined; item = turns.shift()) {
      taken.push(item);
      vi.advanceTimersByTime(2);
    }
    return taken.join(' ');
  };

  it('order the items of one owner, and items of the same one stay in order', () => {
    const turns = new Turns<string>();
    for (const [item, priority] of [
      ['a', 0],
      ['b', -3],
      ['c', 2],
      ['d', 0],
      ['e', 5],
      ['f', 2],
    ] as const)
      turns.push('own', item, priority);
    expect(drain(turns)).toBe('e c f a d b');
  });

  it('above 0 give every other turn, however many have some', () => {
    const turns = new Turns<string>();
    for (const owner of ['u', 'v']) for (let i = 0; i < 8; i++) turns.push(owner, owner, 9);
    for (const owner of ['a', 'b']) for (let i = 0; i < 6; i++) turns.push(owner, owner);
    expect(drain(turns)).toBe('a u b v a u b v a u b v a u b v a u b v a u b v u v u v');
  });

  it.each([
    ['usual ones', [0], /^(a ){8}(low (a ){7}){3}a/],
    ['urgent ones', [1], /^(a ){7}(low (a ){7}){3}a/],
    ['both', [0, 1], /^(a b ){4}(low b (a b ){3}){3}a/],
  ])('below 0 give one turn of eight while others wait: %s', (_which, priorities, order) => {
    const turns = new Turns<string>();
    for (let i = 0; i < 3; i++) turns.push('low', 'low', -1);
    for (const [at, priority] of priorities.entries())
      for (let i = 0; i < 30; i++) turns.push('ab'[at] ?? '', 'ab'[at] ?? '', priority);
    expect(drain(turns)).toMatch(order);
  });

  it('of an owner that was held up give it no more turns than others have', () => {
    const held = new Set(['a']);
    const turns = new Turns<string>((owner) => held.has(owner));
    const push = (item: string, priority = 0) => turns.push(item[0] ?? '', item, priority);
    for (const item of ['a1', 'b1', 'b2', 'b3', 'b4']) push(item);
    for (const item of ['a7', 'a8', 'a9', 'c7', 'c8', 'c9']) push(item, -1);
    expect(turns.shift()).toBe('b1');
    held.clear();
    turns.letOn();
    for (const item of ['a2', 'a3']) push(item);
    push('u0', 1);
    vi.advanceTimersByTime(2);
    expect(drain(turns)).toBe('u0 a1 b2 a2 b3 a3 a7 b4 c7 a8 c8 a9 c9');
  });

  it('of an owner that waits already count from the moment that they come', () => {
    const turns = new Turns<string>();
    for (let i = 0; i < 3; i++) for (const owner of ['a', 'b', 'c']) turns.push(owner, owner);
    expect(turns.shift()).toBe('a');
    vi.advanceTimersByTime(2);
    turns.push('c', 'urgent', 1);
    expect(drain(turns)).toMatch(/^(b )?urgent /);
  });

  it('lose nothing, keep the order of each owner within each, and let nobody starve', () => {
    const aStep = fc.oneof(
      { weight: 3, arbitrary: fc.record({ owner: fc.nat(3), priority: fc.integer({ min: -2, max: 2 }) }) },
      { weight: 2, arbitrary: fc.constant('take' as const) },
      { weight: 1, arbitrary: fc.nat(3) },
    );
    interface Item {
      readonly owner: number;
      readonly priority: number;
      readonly number: number;
    }
    fc.assert(
      fc.property(fc.array(aStep, { maxLength: 200, size: 'max' }), (steps) => {
        const held = new Set<string>();
        const turns = new Turns<Item>((owner) => held.has(owner));
        let waiting: Item[] = [];
        /** Turns that each owner has waited for since it had one. */
        const passed = [0, 0, 0, 0];
        let number = 0;
        const take = () => {
          const isThere = waiting.some(({ owner }) => !held.has(String(owner)));
          expect(turns.isReady).toBe(isThere);
          const item = turns.shift();
          expect(item !== undefined).toBe(isThere);
          if (item === undefined) return;
          expect(held.has(String(item.owner))).toBe(false);
          const own = waiting.filter(({ owner }) => owner === item.owner);
          const most = Math.max(...own.map(({ priority }) => priority));
          expect(item).toBe(own.find(({ priority }) => priority === most));
          waiting = waiting.filter((one) => one !== item);
          for (const owner of passed.keys()) {
            const waits = waiting.some((one) => one.owner === owner) && !held.has(String(owner));
            passed[owner] = waits && owner !== item.owner ? (passed[owner] ?? 0) + 1 : 0;
            expect(passed[owner]).toBeLessThanOrEqual(BACKGROUND_TURNS * 4);
          }
          vi.advanceTimersByTime(2);
        };
        for (const step of steps) {
          if (step === 'take') take();
          else if (typeof step === 'number') {
            const owner = String(step);
            passed[step] = 0;
            if (held.delete(owner)) turns.letOn();
            else held.add(owner);
          } else {
            const item = { ...step, number: number++ };
            waiting.push(item);
            turns.push(String(step.owner), item, step.priority);
          }
          expect(turns.size).toBe(waiting.length);
        }
        held.clear();
        turns.letOn();
        while (waiting.length > 0) take();
        expect([turns.size, turns.owners, turns.isReady]).toEqual([0, 0, false]);
      }),
      { numRuns: 200 },
    );
  });
});

describe('the intake of a server', () => {
  function open(limit: number) {
    const budget = new ByteBudget(limit);
    const source = new BatchQueue<Bytes>(4_096);
    let full = 0;
    const intake = new Intake({ budget, onFull: () => full++ });
    intake.read(source);
    const take = () => [...(intake as Iterable<Bytes>)][0];
    return { budget, source, intake, take, timesFull: () => full };
  }

  const size = costOf(frameOf('c/1', 100));

  it.each([
    ['at its limit', 3 * size, 3],
    ['a byte below', 3 * size + 1, 4],
    ['a byte above', 3 * size - 1, 3],
  ])('reads no more %s', async (_where, limit, read) => {
    const { budget, source, intake, timesFull } = open(limit);
    source.push(Array.from({ length: 10 }, (_, i) => frameOf(`c/${i}`, 100)));
    await settle();
    expect(intake.size).toBe(read);
    expect(budget.used).toBe(read * size);
    expect(timesFull()).toBe(1);
  });

  it('asks its source for no more of each peer than there is room for, and for one when there is none', async () => {
    const asked: unknown[] = [];
    const batches = [[frameOf('c/1', 100)], [frameOf('c/2', 100)], [frameOf('d/1', 100)]];
    const source: AsyncIterator<readonly Bytes[], undefined> = {
      next: (...[most]) => {
        asked.push(most);
        const value = batches.shift();
        return value === undefined ? new Promise(() => {}) : Promise.resolve({ done: false, value });
      },
    };
    const budget = new ByteBudget(4 * size);
    const intake = new Intake({ budget, onFull: () => {} });
    void intake.read(source);
    await settle();
    // Of the last batch, one client has two and another one: the room of one is shared by both.
    expect(asked).toEqual([4, 3, 2, 1]);
    expect(new Intake({ budget: new ByteBudget(2 ** 26), onFull: () => {} }).size).toBe(0);
  });

  it('keeps what a gate holds up, passes what others sent, and goes on when it is told to', async () => {
    const held = new Set(['c/']);
    const gate = {
      isFull: true,
      holdsUp: (client: string) => held.has(client),
    };
    const source = new BatchQueue<Bytes>(4_096);
    const intake = new Intake({ budget: new ByteBudget(2 ** 26), gate, onFull: () => {} });
    void intake.read(source);
    const clients: string[] = [];
    const read = async () => {
      for (;;) {
        const { done, value } = await intake.next();
        if (done) return;
        for (const frame of value) clients.push(codec.decode(frame).client);
      }
    };
    const reading = read();
    source.push([frameOf('c/1'), frameOf('d/1'), frameOf('c/2')]);
    await settle();
    expect([clients, intake.size]).toEqual([['d/1'], 2]);
    source.end();
    await settle();
    // It is not over: some are left.
    expect(intake.size).toBe(2);
    held.clear();
    intake.letOn();
    await settle();
    await reading;
    expect([clients, intake.size]).toEqual([['d/1', 'c/1', 'c/2'], 0]);
  });

  it('reads on as messages are done, and not as they are begun', async () => {
    const { source, intake, budget } = open(2 * size);
    source.push(Array.from({ length: 5 }, (_, i) => frameOf(`c/${i}`, 100)));
    await settle();
    const { value = [] } = await intake.next();
    const iterator = value[Symbol.iterator]();
    const first = iterator.next().value;
    await settle();
    expect(intake.size).toBe(1);
    if (first !== undefined) intake.release(first);
    await settle();
    expect(intake.size).toBe(2);
    expect(budget.used).toBe(2 * size);
  });

  it('takes one message that is larger than its limit, and ends after what was there', async () => {
    const { source, intake } = open(1);
    source.push([frameOf('c/1', 5_000), frameOf('c/2', 10)]);
    source.end();
    const seen: number[] = [];
    for (let batch = await intake.next(); !batch.done; batch = await intake.next()) {
      for (const frame of batch.value) {
        seen.push(frame.length);
        intake.release(frame);
      }
    }
    expect(seen).toHaveLength(2);
  });

  it('gives calls of another client their turn at once, and takes all calls of a client for its', async () => {
    const { source, intake } = open(Number.POSITIVE_INFINITY);
    source.push(Array.from({ length: 1_000 }, (_, i) => frameOf(`heavy/${i}`)));
    await settle();
    const { value = [] } = await intake.next();
    const iterator = value[Symbol.iterator]();
    const order: string[] = [];
    for (let i = 0; i < 6; i++) {
      if (i === 2) {
        source.push([frameOf('light/1'), frameOf('light/2')]);
        await settle();
      }
      const frame = iterator.next().value;
      if (frame !== undefined) order.push(codec.decode(frame).client);
      vi.advanceTimersByTime(2);
    }
    expect(order).toEqual(['heavy/0', 'heavy/1', 'heavy/2', 'light/1', 'heavy/3', 'light/2']);
  });

  it('takes anything for a message: what is none is found out where it is read', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.uint8Array({ maxLength: 40 })), async (frames) => {
        const { source, intake, budget } = open(Number.POSITIVE_INFINITY);
        source.push(frames.map((frame) => new Uint8Array(frame)));
        source.end();
        await settle();
        const { value = [] } = await intake.next();
        const taken = [...value];
        expect(taken).toHaveLength(frames.length);
        for (const frame of taken) intake.release(frame);
        expect(budget.used).toBe(0);
      }),
    );
  });

  it.each([0, -1, 1.5, Number.NaN, '1', null])('does not take %j for its limit', (limit) => {
    expect(() => checkMaxWaiting(limit)).toThrowError(expect.objectContaining({ code: 'INVALID_CALL' }));
  });
});
