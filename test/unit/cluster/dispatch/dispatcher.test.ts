/** A Master's hand-over when workers die, come back, and finish late. */
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { deferred } from '../../../../src/async/deferred.ts';
import { WORKER_RESULTS } from '../../../../src/flow-control.ts';
import { HEARTBEAT, MAX_DELIVERIES, ModelGround, WORKER_TIMEOUT } from '../../../support/mortal-workers.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const MOST_RESULTS = 3;
const totalOf = (text: string) => 1 + (Number(text) % MOST_RESULTS);

const aStep = fc.record({
  what: fc.constantFrom('add', 'ask', 'give', 'return', 'leave', 'repeat', 'cut', 'die', 'wait', 'silence'),
  worker: fc.nat(2),
  count: fc.integer({ min: 1, max: 5 }),
});

describe('a dispatcher whose workers die', () => {
  it('settles each message once, and passes each result on once and in order, whatever happens', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(aStep, { maxLength: 80, size: 'max' }), async (steps) => {
        const ground = new ModelGround();
        const workers = ['a', 'b', 'c'].map((id) => ground.worker(id));
        for (const { what, worker: index, count } of steps) {
          const worker = workers[index];
          if (worker === undefined) continue;
          const total = totalOf(worker.held[0]?.text ?? '0');
          if (what === 'add') await ground.add(count);
          else if (what === 'ask') await worker.ask(count);
          // The answer is lost with the link; the request comes again, and with it the same work.
          else if (what === 'repeat') await worker.ask(count, [], 2);
          else if (what === 'give') await worker.give(count, total, 1 + (count % 2));
          else if (what === 'return') await worker.giveBack();
          else if (what === 'leave') workers[index] = await worker.leave();
          else if (what === 'cut') worker.breakLink();
          else if (what === 'die') workers[index] = worker.die();
          else if (what === 'wait') await ground.pass((count * HEARTBEAT) / 3);
          else await ground.pass(WORKER_TIMEOUT + HEARTBEAT);
          expect(ground.handOver.inFlight).toBeLessThanOrEqual(ground.added);
        }
        // Silence is no death: what the last of them hold is for others once their links end.
        for (const worker of workers) worker.breakLink();
        await finish(ground);
        expect(vi.getTimerCount()).toBe(0);
        expectOneEnd(ground);
      }),
      { numRuns: 150 },
    );
  }, 60_000);

  it('gives the messages of a killed worker to others soon, but not before it could be back', async () => {
    const ground = new ModelGround();
    const [a, b] = [ground.worker('a'), ground.worker('b')];
    await ground.add();
    await a.ask(1);
    await b.ask(1);
    a.breakLink();
    await ground.pass(HEARTBEAT / 3);
    await b.ask(1);
    expect(b.held).toEqual([]);
    await ground.pass(HEARTBEAT / 3);
    await b.ask(1);
    expect(b.held.map(({ text }) => text)).toEqual(['0']);
    await b.give(1, 1);
    expect(ground.results).toEqual(['0:1']);
    expect(ground.handOver.losses).toEqual({ workers: 1, redelivered: 1, givenUp: 0 });
    ground.handOver.close();
  });

  it('does not wait for a worker whose link was silent for two heartbeats before it broke', async () => {
    const ground = new ModelGround();
    const [a, b] = [ground.worker('a'), ground.worker('b')];
    await ground.add();
    await a.ask(1);
    await ground.pass(2 * HEARTBEAT);
    a.breakLink();
    await b.ask(1);
    expect(b.held).toHaveLength(1);
    ground.handOver.close();
  });

  it('never counts a worker as dead whose function blocks its event loop', async () => {
    const ground = new ModelGround();
    const [a, b] = [ground.worker('a'), ground.worker('b')];
    await ground.add();
    await a.ask(1);
    for (let time = 0; time < 4 * WORKER_TIMEOUT; time += HEARTBEAT) {
      await ground.pass(HEARTBEAT);
      await b.ask(1);
    }
    expect(b.held).toEqual([]);
    expect(ground.handOver.workers).toContainEqual(expect.objectContaining({ name: 'a', holds: 1 }));
    expect(ground.log).toEqual([['worker is silent, and its link is there', { worker: 'a', held: 1 }]]);
    await a.give(1, 1);
    expect(ground.results).toEqual(['0:1']);
    expect(ground.handOver.losses).toEqual({ workers: 0, redelivered: 0, givenUp: 0 });
    ground.handOver.close();
  });

  it('counts a silent worker as dead as soon as its link ends', async () => {
    const ground = new ModelGround();
    const [a, b] = [ground.worker('a'), ground.worker('b')];
    await ground.add();
    await a.ask(1);
    await ground.pass(2 * WORKER_TIMEOUT);
    a.breakLink();
    await b.ask(1);
    expect(b.held).toHaveLength(1);
    ground.handOver.close();
  });

  it('forgets a silent worker that holds nothing, which can come again as it was', async () => {
    const ground = new ModelGround();
    const a = ground.worker('a');
    await a.ask(0);
    await ground.pass(WORKER_TIMEOUT + HEARTBEAT);
    expect(ground.handOver.workers).toEqual([]);
    await ground.add();
    await a.ask(1);
    expect(a.held).toHaveLength(1);
    await a.give(1, 1);
    expect(ground.results).toEqual(['0:1']);
    ground.handOver.close();
  });

  it('counts a worker as dead after a long silence when its link cannot be watched', async () => {
    const ground = new ModelGround();
    const [a, b] = [ground.worker('a'), ground.worker('b')];
    a.isUnwatched = true;
    await ground.add();
    await a.ask(1);
    await ground.pass(WORKER_TIMEOUT + HEARTBEAT);
    await b.ask(1);
    expect(b.held).toHaveLength(1);
    ground.handOver.close();
  });

  it('counts no worker as dead because the Master itself did nothing for a while', async () => {
    const ground = new ModelGround();
    const a = ground.worker('a');
    await ground.add();
    await a.ask(1);
    const before = performance.now();
    const now = vi.spyOn(performance, 'now').mockImplementation(() => before + 10 * WORKER_TIMEOUT);
    await ground.pass(HEARTBEAT);
    expect(ground.handOver.workers).toHaveLength(1);
    now.mockRestore();
    ground.handOver.close();
  });

  it('takes the first result, even from a worker that was wrongly counted as dead', async () => {
    const ground = new ModelGround();
    const [a, b] = [ground.worker('a'), ground.worker('b')];
    await ground.add();
    await a.ask(1);
    a.breakLink();
    await ground.pass(HEARTBEAT);
    await b.ask(1);
    expect(b.held).toHaveLength(1);
    await a.give(1, 1);
    await b.give(1, 1);
    expect(ground.results).toEqual(['0:1']);
    expect(ground.handOver.inFlight).toBe(0);
    ground.handOver.close();
  });

  it('counts a request once that a dead worker sends again when it is back', async () => {
    const ground = new ModelGround();
    const a = ground.worker('a');
    await ground.add();
    await a.ask(1);
    const [item] = a.held;
    await a.give(2, 4);
    a.breakLink();
    await ground.pass(HEARTBEAT);
    expect(ground.handOver.losses.workers).toBe(1);
    await a.repeatLast();
    expect(ground.results).toEqual(['0:1', '0:2']);
    if (item !== undefined) a.held.unshift(item);
    await a.give(2, 4);
    expect(ground.results).toEqual(['0:1', '0:2', '0:3', '0:4']);
    expect(ground.handOver.inFlight).toBe(0);
    ground.handOver.close();
  });

  it('does not pass results on again when another worker runs the message', async () => {
    const ground = new ModelGround();
    const [a, b] = [ground.worker('a'), ground.worker('b')];
    await ground.add();
    await a.ask(1);
    await a.give(2, 4);
    a.breakLink();
    await ground.pass(2 * HEARTBEAT);
    await b.ask(1);
    await b.give(1, 4);
    await b.give(3, 4);
    expect(ground.results).toEqual(['0:1', '0:2', '0:3', '0:4']);
    ground.handOver.close();
  });

  it('gives up a message that kills its workers, and no message beside it', async () => {
    const ground = new ModelGround();
    await ground.add(5);
    let worker = ground.worker('a');
    let deaths = 0;
    for (let round = 0; round < 40 && ground.handOver.inFlight > 0; round++) {
      await worker.ask(5);
      const [item] = worker.held;
      if (item?.text === '2') {
        deaths++;
        worker = worker.die();
        await ground.pass(2 * HEARTBEAT);
      } else if (item !== undefined) await worker.give(1, 1);
    }
    expect(deaths).toBe(MAX_DELIVERIES);
    expect(ground.givenUp).toEqual(['2']);
    expect([...ground.results].sort()).toEqual(['0:1', '1:1', '3:1', '4:1']);
    ground.handOver.close();
  });

  it('counts the workers that died, and their messages once: given to others, or given up', async () => {
    const ground = new ModelGround();
    await ground.add();
    let worker = ground.worker('a');
    for (let death = 1; death <= MAX_DELIVERIES; death++) {
      await worker.ask(1);
      expect(worker.held).toHaveLength(1);
      worker = worker.die();
      await ground.pass(2 * HEARTBEAT);
      const givenUp = Number(death === MAX_DELIVERIES);
      expect(ground.handOver.losses).toEqual({ workers: death, redelivered: death - givenUp, givenUp });
    }
    expect(ground.givenUp).toEqual(['0']);
    ground.handOver.close();
  });

  it('passes a failure of a second run on, though an earlier run had results', async () => {
    const ground = new ModelGround();
    const [a, b] = [ground.worker('a'), ground.worker('b')];
    await ground.add();
    await a.ask(1);
    await a.give(2, 4);
    a.breakLink();
    await ground.pass(2 * HEARTBEAT);
    await b.ask(1);
    await b.fail('0:failed');
    expect(ground.results).toEqual(['0:1', '0:2', '0:failed']);
    expect(ground.handOver.inFlight).toBe(0);
    ground.handOver.close();
  });

  it('refuses requests in the name of a worker that has left', async () => {
    const ground = new ModelGround();
    const worker = ground.worker('a');
    await worker.ask(0);
    await worker.leave();
    await expect(worker.ask(1)).rejects.toMatchObject({ code: 'PROTOCOL' });
    expect(ground.handOver.workers).toEqual([]);
    ground.handOver.close();
  });

  it('takes results of as many requests of a worker as may wait to be gathered, and more once they are', async () => {
    const ground = new ModelGround();
    const worker = ground.worker('a');
    const gathering = deferred<void>();
    ground.gathering = gathering.promise;
    await ground.add(WORKER_RESULTS + 2);
    await worker.ask(WORKER_RESULTS + 2);
    for (let i = 0; i < WORKER_RESULTS; i++) await worker.give(1, 1);
    await expect(worker.give(1, 1)).rejects.toMatchObject({ code: 'TOO_LARGE' });
    gathering.resolve();
    await ground.pass(0);
    for (let i = 0; i < 3; i++) await worker.give(1, 1);
    expect(ground.results).toHaveLength(WORKER_RESULTS + 1);
    ground.handOver.close();
  });

  it('gives a message with one worker left to it alone, and that worker no other meanwhile', async () => {
    const ground = new ModelGround();
    let worker = ground.worker('a');
    await ground.add(2);
    for (let death = 1; death < MAX_DELIVERIES; death++) {
      await worker.ask(4);
      expect(worker.held).toHaveLength(2);
      worker = worker.die();
      await ground.pass(2 * HEARTBEAT);
    }
    await ground.add(6);
    const [one, other] = [ground.worker('one'), ground.worker('other')];
    await one.ask(4);
    expect(one.held.map(({ text }) => text)).toEqual(['0']);
    await one.ask(4);
    expect(one.held).toHaveLength(1);
    await other.ask(4);
    expect(other.held.map(({ text }) => text)).toEqual(['1']);
    expect(one.held).toHaveLength(1);
    await one.give(1, 1);
    expect(one.held.map(({ text }) => text)).toEqual(['2', '3', '4', '5']);
    ground.handOver.close();
  });
});

/** New workers do what is left. */
async function finish(ground: ModelGround): Promise<void> {
  await ground.pass(2 * WORKER_TIMEOUT);
  const last = ground.worker('last');
  for (let round = 0; ground.handOver.inFlight > 0; round++) {
    expect(round).toBeLessThan(2_000);
    await last.ask(5);
    while (last.held.length > 0) await last.give(MOST_RESULTS, totalOf(last.held[0]?.text ?? '0'));
  }
  ground.handOver.close();
}

function expectOneEnd({ results, givenUp, added }: ModelGround): void {
  expect(new Set(givenUp).size).toBe(givenUp.length);
  for (let number = 0; number < added; number++) {
    const text = String(number);
    const own = results.filter((result) => result.startsWith(`${text}:`));
    const whole = Array.from({ length: totalOf(text) }, (_, i) => `${text}:${i + 1}`);
    expect(own).toEqual(givenUp.includes(text) ? whole.slice(0, own.length) : whole);
    if (givenUp.includes(text)) expect(own.length).toBeLessThan(whole.length);
  }
}
