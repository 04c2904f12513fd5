/** Which message is with which worker: against a plain model, with the bytes and places that are counted. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { ByteBudget } from '../../../../src/async/byte-budget.ts';
import { type Lease, type LeasedMessage, Leases } from '../../../../src/cluster/dispatch/leases.ts';
import type { CancelledFrames } from '../../../../src/cluster/runtime/cancellations.ts';
import { costOf } from '../../../../src/cluster/runtime/intake.ts';
import { bytes, textOf } from '../../../support/bytes.ts';
import { callOf } from '../../../support/leased-call.ts';

const MAX_DELIVERIES = 3;
const WORKERS = ['a', 'b', 'c'];

function ground(maxDeliveries = MAX_DELIVERIES) {
  const budgets = { waiting: new ByteBudget(1e9), out: new ByteBudget(1e9) };
  return { budgets, leases: new Leases(maxDeliveries, budgets) };
}

it('are what a plain model says, whatever workers do', () => {
  const aStep = fc.record({
    what: fc.constantFrom(
      'add',
      'add',
      'give',
      'give',
      'settle',
      'return',
      'leave',
      'die',
      'forget',
      'put back',
    ),
    which: fc.nat(20),
  });
  interface Modelled {
    state: 'waits' | 'alone' | 'out' | 'over';
    deaths: number;
    worker: string;
    lease: Lease | undefined;
  }
  fc.assert(
    fc.property(fc.array(aStep, { maxLength: 100, size: 'max' }), (steps) => {
      const { leases, budgets } = ground();
      const model: Modelled[] = [];
      const of = (message: LeasedMessage) => model[Number(textOf(message.frame))] as Modelled;
      const waits = (own: Modelled) => {
        own.state = own.deaths === MAX_DELIVERIES - 1 ? 'alone' : 'waits';
      };
      const heldBy = (worker: string) => model.filter((own) => own.state === 'out' && own.worker === worker);
      for (const { what, which } of steps) {
        const worker = WORKERS[which % WORKERS.length] as string;
        const [held] = heldBy(worker);
        if (what === 'add') {
          leases.add(bytes(String(model.length)), callOf(`client ${which % 2}`));
          model.push({ state: 'waits', deaths: 0, worker: '', lease: undefined });
        } else if (what === 'give' || what === 'put back') {
          const isAlone = which % 2 === 1;
          const message = isAlone ? leases.nextAlone() : leases.next();
          const expected = model.filter(({ state }) => state === (isAlone ? 'alone' : 'waits'));
          expect(message === undefined).toBe(expected.length === 0);
          if (message === undefined) continue;
          const own = of(message);
          expect(own.state).toBe(isAlone ? 'alone' : 'waits');
          // The dispatcher gives a message that goes alone to a worker that holds nothing, and nothing more beside it.
          const isBusy = isAlone ? heldBy(worker).length > 0 : leases.holdsAlone(worker);
          if (what === 'put back' || isBusy) {
            leases.putBack(message);
            waits(own);
            continue;
          }
          const lease = leases.give(message, worker);
          Object.assign(own, { state: 'out', worker, lease });
        } else if (held?.lease !== undefined && what === 'settle') {
          leases.settle(held.lease.message);
          held.state = 'over';
        } else if (held?.lease !== undefined && what === 'return') {
          leases.giveBack(held.lease);
          waits(held);
        } else if (what === 'leave') {
          for (const own of heldBy(worker)) waits(own);
          leases.left(worker);
        } else if (what === 'die') {
          const dying = heldBy(worker);
          const givenUp = leases.died(worker);
          for (const own of dying) {
            own.deaths++;
            if (own.deaths < MAX_DELIVERIES) waits(own);
            else own.state = 'over';
          }
          expect(givenUp.map(of)).toEqual(dying.filter(({ state }) => state === 'over'));
        } else if (what === 'forget') leases.forgetWorker(worker);
        const count = (...states: Modelled['state'][]) =>
          model.filter(({ state }) => states.includes(state)).length;
        expect([leases.inCompany, leases.alone, leases.waiting, leases.out]).toEqual([
          count('waits'),
          count('alone'),
          count('waits', 'alone'),
          count('out'),
        ]);
        for (const one of WORKERS) {
          expect(leases.holds(one)).toBe(heldBy(one).length);
          expect(leases.holdsAlone(one)).toBe(
            heldBy(one).some(({ deaths }) => deaths === MAX_DELIVERIES - 1),
          );
        }
        const bytesIn = (...states: Modelled['state'][]) =>
          model.reduce(
            (sum, { state }, i) => sum + (states.includes(state) ? costOf(bytes(String(i))) : 0),
            0,
          );
        expect([budgets.waiting.used, leases.waitingBytes]).toEqual([
          bytesIn('waits', 'alone'),
          bytesIn('waits', 'alone'),
        ]);
        expect(budgets.out.used).toBe(bytesIn('out'));
        for (const own of model) {
          if (own.state !== 'out' || own.lease === undefined) continue;
          for (const one of WORKERS)
            expect(leases.find(own.lease.number, one)).toBe(one === own.worker ? own.lease : undefined);
        }
      }
    }),
    { numRuns: 100 },
  );
});

it('of a message that may be delivered once are always alone', () => {
  const { leases } = ground(1);
  leases.add(bytes('x'), callOf('client'));
  expect([leases.alone, leases.inCompany, leases.next()]).toEqual([1, 0, undefined]);
  const message = leases.nextAlone();
  if (message === undefined) throw new Error('there is none');
  leases.give(message, 'a');
  expect(leases.holdsAlone('a')).toBe(true);
  expect(leases.died('a')).toEqual([message]);
  expect([leases.holdsAlone('a'), leases.waiting, leases.out]).toEqual([false, 0, 0]);
});

it('of a dead worker are good until the message is settled, and pass each result on once', () => {
  const { leases } = ground();
  leases.add(bytes('x'), callOf('client'));
  const message = leases.next();
  if (message === undefined) throw new Error('there is none');
  const first = leases.give(message, 'a');
  expect(leases.isNews(first)).toBe(true);
  leases.died('a');
  expect(leases.find(first.number, 'a')).toBe(first);
  const again = leases.next();
  if (again === undefined) throw new Error('it does not wait again');
  const second = leases.give(again, 'b');
  expect([leases.isNews(second), leases.isNews(second), leases.isNews(first), leases.isNews(first)]).toEqual([
    false,
    true,
    false,
    true,
  ]);
  leases.settle(message);
  expect([leases.find(first.number, 'a'), leases.find(second.number, 'b')]).toEqual([undefined, undefined]);
});

/** Adds messages; takes and gives those that have a worker. */
function held(workers: Readonly<Record<string, string | undefined>>, maxDeliveries = MAX_DELIVERIES) {
  const { leases, budgets } = ground(maxDeliveries);
  const given = new Map<string, Lease>();
  for (const [text, worker] of Object.entries(workers)) {
    if (worker === undefined) continue;
    leases.add(bytes(text), callOf('client'));
    const message = leases.next() ?? leases.nextAlone();
    if (message !== undefined) given.set(text, leases.give(message, worker));
  }
  for (const [text, worker] of Object.entries(workers))
    if (worker === undefined) leases.add(bytes(text), callOf('client'));
  const lease = (text: string) => given.get(text) as Lease;
  return { leases, budgets, lease };
}
const named = (...texts: string[]) =>
  ({
    mayBeOf: () => true,
    has: (frame: Uint8Array) => texts.includes(new TextDecoder().decode(frame)),
  }) as unknown as CancelledFrames;
const waiting = (leases: Leases) => {
  const texts: string[] = [];
  for (let next = leases.next(); next !== undefined; next = leases.next()) texts.push(textOf(next.frame));
  return texts;
};

it('of cancelled messages end, wherever these are, and say which workers hold some', () => {
  const { leases, budgets, lease } = held({
    a: 'one',
    b: 'one',
    c: 'two',
    d: undefined,
    e: undefined,
    f: 'three',
  });
  leases.giveBack(lease('f'));
  expect([leases.waiting, leases.out]).toEqual([3, 3]);
  const { count, workers } = leases.cancel(named('a', 'd', 'f', 'other'));
  expect([count, [...workers]]).toEqual([3, ['one']]);
  expect([leases.waiting, leases.out, leases.holds('one'), leases.holds('two')]).toEqual([1, 2, 1, 1]);
  expect(leases.find(lease('a').number, 'one')).toBeUndefined();
  expect(leases.find(lease('b').number, 'one')).toBe(lease('b'));
  expect([budgets.waiting.used, budgets.out.used]).toEqual([costOf(bytes('e')), 2 * costOf(bytes('b'))]);
  expect(waiting(leases)).toEqual(['e']);
  expect(leases.cancel(named())).toEqual({ count: 0, workers: new Set() });
});

it('of a cancelled message that waits again count once, with its runs on dead workers', () => {
  const { leases, budgets, lease } = held({ a: 'one' });
  leases.died('one');
  const { count, workers } = leases.cancel(named('a'));
  expect([count, workers.size, leases.waiting, budgets.waiting.used]).toEqual([1, 0, 0, 0]);
  expect(leases.find(lease('a').number, 'one')).toBeUndefined();
});

it('of a cancelled message count once, though a dead worker had it before', () => {
  const { leases } = held({ a: 'one' });
  leases.died('one');
  const again = leases.next();
  if (again === undefined) throw new Error('it does not wait again');
  leases.give(again, 'two');
  const { count, workers } = leases.cancel(named('a'));
  expect([count, [...workers], leases.out]).toEqual([1, ['two'], 0]);
});

it('of messages that wait again and are not cancelled stay', () => {
  const { leases, lease } = held({ a: 'one', b: 'one' });
  for (const text of ['a', 'b']) leases.giveBack(lease(text));
  expect(leases.cancel(named('a')).count).toBe(1);
  expect(waiting(leases)).toEqual(['b']);
});

it('of a message that must be alone are cancelled, too', () => {
  const { leases, budgets } = held({ a: undefined }, 1);
  expect(leases.alone).toBe(1);
  expect(leases.cancel(named('a')).count).toBe(1);
  expect([leases.alone, leases.waitingBytes, budgets.waiting.used]).toEqual([0, 0, 0]);
});

it('of a worker that is forgotten are closed, and no others', () => {
  const { leases, lease } = held({ a: 'one', b: 'two' });
  leases.died('one');
  leases.died('two');
  const again = leases.next();
  if (again === undefined) throw new Error('it does not wait again');
  const second = leases.give(again, 'three');
  leases.forgetWorker('one');
  expect(leases.find(lease('a').number, 'one')).toBeUndefined();
  expect(leases.find(lease('b').number, 'two')).toBe(lease('b'));
  // What it holds itself stays.
  leases.forgetWorker('three');
  expect(leases.find(second.number, 'three')).toBe(second);
  expect([lease('a').message.earlier, lease('b').message.earlier]).toEqual([[], [lease('b')]]);
});

it('of a dead worker that is back may be given back: the message waits once', () => {
  const { leases, lease } = held({ a: 'one' });
  leases.died('one');
  expect(leases.waiting).toBe(1);
  leases.giveBack(lease('a'));
  expect([leases.waiting, lease('a').message.earlier, leases.find(lease('a').number, 'one')]).toEqual([
    1,
    [],
    undefined,
  ]);
});

it('are settled while their message waits: it is given to nobody', () => {
  const { leases, budgets, lease } = held({ a: 'one' });
  leases.died('one');
  leases.settle(lease('a').message);
  expect([leases.waiting, leases.next(), budgets.waiting.used]).toEqual([0, undefined, 0]);
});

it('have numbers that are free, from 1 on', () => {
  const { leases } = ground();
  const numbers = new Set<number>();
  for (let i = 0; i < 100; i++) leases.add(bytes(String(i)), callOf('client'));
  for (let next = leases.next(); next !== undefined; next = leases.next())
    numbers.add(leases.give(next, 'one').number);
  expect(numbers.size).toBe(100);
  for (const number of numbers) expect(Number.isSafeInteger(number) && number > 0).toBe(true);
});

it('of several dead workers end with their message, also when one of them was given back', () => {
  const { leases, lease } = held({ a: 'one' });
  leases.died('one');
  const again = leases.next();
  if (again === undefined) throw new Error('it does not wait again');
  const second = leases.give(again, 'two');
  leases.died('two');
  leases.giveBack(lease('a'));
  expect(leases.find(second.number, 'two')).toBe(second);
  leases.settle(again);
  expect(leases.find(second.number, 'two')).toBeUndefined();
});

it('of messages that wait may take half of the bytes that may wait: the other half is for those that come', () => {
  const budgets = { waiting: new ByteBudget(4 * costOf(bytes('a'))), out: new ByteBudget(1e9) };
  const leases = new Leases(MAX_DELIVERIES, budgets);
  leases.add(bytes('a'), callOf('client'));
  expect(leases.shares.isFull).toBe(false);
  leases.add(bytes('b'), callOf('client'));
  expect(leases.shares.isFull).toBe(true);
});
