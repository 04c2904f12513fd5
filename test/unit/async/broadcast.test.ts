import { describe, expect, it } from 'vitest';
import { Broadcast } from '../../../src/async/broadcast.ts';
import { STATUS_BACKLOG } from '../../../src/flow-control.ts';
import { readAll } from '../../support/wait.ts';

const end = { done: true, value: undefined };

describe('a Broadcast', () => {
  it('gives each reader what is sent from its coming on, after what it begins with', async () => {
    const broadcast = new Broadcast<number>();
    const early = broadcast.values();
    broadcast.send(1);
    const late = broadcast.values([-1, 0]);
    broadcast.send(2);
    broadcast.end();
    expect(await readAll(early)).toEqual([1, 2]);
    expect(await readAll(late)).toEqual([-1, 0, 2]);
  });

  it('wakes readers that wait, each time', async () => {
    const broadcast = new Broadcast<number>();
    const reader = broadcast.values();
    for (const value of [1, 2]) {
      const reading = reader.next();
      broadcast.send(value);
      expect(await reading).toEqual({ done: false, value });
    }
    const last = reader.next();
    broadcast.end();
    expect(await last).toEqual(end);
  });

  it('leaves a reader that does not read the last 256', async () => {
    const broadcast = new Broadcast<number>();
    const reader = broadcast.values();
    for (let value = 0; value < STATUS_BACKLOG; value++) broadcast.send(value);
    expect(await reader.next()).toEqual({ done: false, value: 0 });
    for (let value = 0; value < 2; value++) broadcast.send(STATUS_BACKLOG + value);
    broadcast.end();
    expect(await readAll(reader)).toEqual(Array.from({ length: STATUS_BACKLOG }, (_, i) => i + 2));
  });

  it('gives nothing more to a reader that returned, and lets its own reads go', async () => {
    const broadcast = new Broadcast<number>();
    const [reader, other] = [broadcast.values([1]), broadcast.values()];
    broadcast.send(2);
    expect(await reader.return?.()).toEqual(end);
    broadcast.send(3);
    expect(await reader.next()).toEqual(end);
    const waiting = broadcast.values();
    const reading = waiting.next();
    await waiting.return?.();
    expect(await reading).toEqual(end);
    broadcast.end();
    expect(await readAll(other)).toEqual([2, 3]);
  });

  it('that has ended gives what a reader begins with, and the end', async () => {
    const broadcast = new Broadcast<number>();
    broadcast.end();
    const reader = broadcast.values([1]);
    broadcast.send(2);
    expect(await readAll(reader)).toEqual([1]);
  });
});
