import { describe, expect, it, vi } from 'vitest';
import { ClientMemory } from '../../../../../transports/relay/session/client-memory.ts';
import { MemoryBudget } from '../../../../../transports/relay/session/memory-budget.ts';
import { RetainedMessage } from '../../../../../transports/relay/session/retained-message.ts';

describe('a message that is kept', () => {
  it('counts for its bytes, 512 more, and 128 for each frame, until its last user is done', () => {
    const done = vi.fn();
    const message = new RetainedMessage(1_000, 3, done);
    expect(message.bytes).toBe(1_896);
    message.retain();
    message.release();
    expect(done).not.toHaveBeenCalled();
    message.release();
    expect(done.mock.calls).toEqual([[1_896]]);
  });
});

describe('the memory of a client', () => {
  function ground(most = 10_000) {
    const budget = new MemoryBudget(1_000_000);
    const set = vi.spyOn(budget, 'set');
    const own = { outgoing: 0, working: 0 };
    const end = vi.fn();
    const memory = new ClientMemory({
      group: 'alice',
      budget,
      most,
      outgoing: () => own.outgoing,
      working: () => own.working,
      end,
    });
    /** What it was counted for last. */
    const counted = () => set.mock.calls.at(-1)?.[1];
    return Object.assign(own, { memory, end, counted });
  }

  it('is what comes, what leaves, what it works on, and its channels', () => {
    const own = ground();
    own.outgoing = 1;
    own.working = 20;
    const message = own.memory.message(1_000, 1);
    own.memory.arriving(300);
    expect(own.counted()).toBe(1 + 20 + 1_640 + 300);
    own.memory.opened(4_000);
    own.memory.holds(10);
    own.memory.arriving(0);
    expect(own.counted()).toBe(1 + 20 + 1_640 + 2_048 + 4_000 + 10);
    own.memory.holds(-10);
    own.memory.closed(4_000);
    message.release();
    expect(own.counted()).toBe(21);
    expect([own.memory.group, own.end.mock.calls]).toEqual(['alice', []]);
  });

  it('ends the session when it is more than the limit, and says why', () => {
    const own = ground();
    own.memory.arriving(10_000);
    expect(own.end).not.toHaveBeenCalled();
    own.memory.arriving(10_001);
    own.outgoing = 10_001;
    own.memory.arriving(0);
    expect(own.end.mock.calls).toEqual([
      ['more than 10000 bytes are kept for this client, which sends more than its servers take'],
      ['more than 10000 bytes are kept for this client, which does not read them'],
    ]);
  });

  it('is that of its messages alone once it is gone, and ends nothing any more', () => {
    const own = ground();
    const message = own.memory.message(1_000, 0);
    own.outgoing = 20_000;
    own.memory.close();
    expect(own.counted()).toBe(1_512);
    own.memory.overBudget('too much');
    message.release();
    expect([own.counted(), own.end.mock.calls]).toEqual([0, []]);
  });

  it('ends the session once, also when it is too much for the relay as well', () => {
    const reasons: string[] = [];
    const memory: ClientMemory = new ClientMemory({
      group: 'alice',
      budget: new MemoryBudget(100),
      most: 50,
      outgoing: () => 0,
      working: () => 0,
      end: (reason) => {
        reasons.push(reason);
        memory.close();
      },
    });
    memory.arriving(200);
    expect(reasons).toEqual(['more than 100 bytes are kept for all clients, and this one has the most']);
  });

  it('ends the session when the relay has no more memory', () => {
    const own = ground();
    own.memory.overBudget('too much');
    expect(own.end.mock.calls).toEqual([['too much']]);
  });
});
