/** What a client has under way and ahead of its reader, and what waits for subscribers: each bound at its value, one below and one above. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { FlowLimit } from '../../src/async/flow-limit.ts';
import { openJob } from '../../src/client/stream/job.ts';
import { openMap } from '../../src/client/stream/map.ts';
import {
  ANSWER_BYTES,
  HELD_BYTES,
  HELD_TOPIC_BYTES,
  HELD_TOPICS,
  LONGEST_STALL,
  MAP_COMPANY,
  SHORTEST_STALL,
  STALL_GAPS,
} from '../../src/flow-control.ts';
import { Feature } from '../../src/protocol/message.ts';
import { text } from '../../src/protocol/payload.ts';
import { HeldDeliveries } from '../../transports/shared/held-deliveries.ts';
import { FakeServer, settle } from '../support/fake-connection.ts';
import { nextOf } from '../support/next-of.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const SPEC = { function: 'server.f', cache: '', pipeline: '', features: Feature.batches };

/** Inputs without an end, counted as they are taken. */
function inputs() {
  const own = { taken: 0 };
  function* values() {
    for (;;) yield String(own.taken++);
  }
  return { own, values: values() };
}

/** A server that has answered all calls that came, until no more come. */
async function answerAll(server: FakeServer): Promise<void> {
  for (;;) {
    await settle();
    const calls = server.taken();
    if (calls.length === 0) return;
    for (const call of calls) server.reply(call);
  }
}

describe('a map', () => {
  it('takes 2,048 inputs ahead of its reader, and more once 64 were read', async () => {
    const server = await FakeServer.open();
    server.up();
    const { own, values } = inputs();
    const map = openMap(server.client, text(), SPEC, values, {});
    nextOf(map);
    await answerAll(server);
    // The first has been read.
    expect(own.taken).toBe(2_048);
    for (let read = 2; read < MAP_COMPANY; read++) nextOf(map);
    await answerAll(server);
    expect(own.taken).toBe(2_048);
    nextOf(map);
    await answerAll(server);
    expect(own.taken).toBe(2_048 + MAP_COMPANY);
    await map.return();
    await server.calls.close();
  });
});

describe('a job', () => {
  it('takes input until 1,024 results are unread, and again once half of them are read', async () => {
    const server = await FakeServer.open();
    server.up();
    const taken = { count: 0 };
    let go = () => {};
    async function* values() {
      for (;;) {
        yield String(taken.count++);
        await new Promise<void>((resolve) => {
          go = resolve;
        });
      }
    }
    const job = openJob(server.client, text(), SPEC, values(), {}, undefined);
    nextOf(job);
    const step = async () => {
      await answerAll(server);
      go();
      await settle();
    };
    const takes = async () => {
      const before = taken.count;
      await step();
      return taken.count > before;
    };
    // Each input has been answered before the next one: 1 was read.
    while (job.progress.received < 1_024) await step();
    // 1,023 are unread: below the window.
    expect([job.progress.received, await takes()]).toEqual([1_024, true]);
    while (await takes());
    const unread = job.progress.received - 1;
    // The window, and the input that was awaited while there was room.
    expect(unread).toBeGreaterThanOrEqual(1_024);
    expect(unread).toBeLessThanOrEqual(1_025);
    for (let left = unread; left > 513; left--) nextOf(job);
    expect(await takes()).toBe(false);
    nextOf(job);
    expect(await takes()).toBe(true);
    await job.return();
    await server.calls.close();
  });
});

describe('messages in flight', () => {
  const takeAll = (limit: FlowLimit) => {
    while (limit.take() > 0);
    return limit.taken;
  };

  it('are as many as 60 MB of answers, of which one more may come', () => {
    for (const [size, places] of [
      [ANSWER_BYTES - 1, 2],
      [ANSWER_BYTES, 2],
      [ANSWER_BYTES + 1, 1],
      [ANSWER_BYTES / 2, 3],
      [ANSWER_BYTES / 2 + 1, 2],
    ] as const) {
      const limit = new FlowLimit(() => 8_192);
      limit.take();
      limit.answered(size, performance.now());
      expect(takeAll(limit), `${size} bytes`).toBe(places);
    }
  });

  it('no longer count after a silence of 64 gaps between answers, of 50 ms at least and 200 ms at most', async () => {
    /** Milliseconds until a caller is let in, after answers that came so many milliseconds apart. */
    const stallAfter = async (gap: number) => {
      const limit = new FlowLimit(() => 10);
      takeAll(limit);
      for (let i = 0; i < 1_000; i++) {
        void limit.wait(10);
        vi.advanceTimersByTime(gap);
        limit.answered(100, performance.now());
        limit.release(10);
      }
      takeAll(limit);
      const start = performance.now();
      let end = Number.NaN;
      limit.wait().then(() => {
        end = performance.now() - start;
      });
      await vi.advanceTimersByTimeAsync(1_000);
      return end;
    };
    expect(await stallAfter(1)).toBe(STALL_GAPS);
    expect(await stallAfter(2)).toBe(2 * STALL_GAPS);
    expect(await stallAfter(3)).toBe(3 * STALL_GAPS);
    expect(await stallAfter(4)).toBe(LONGEST_STALL);
    expect(await stallAfter(0)).toBe(SHORTEST_STALL);
  });
});

describe('answers that nobody is subscribed to yet', () => {
  /** With a topic of one character, and the 256 bytes that each counts more. */
  const costing = (topic: string, cost: number) => ({
    topic,
    frames: [new Uint8Array(cost - 256 - topic.length)],
  });

  it('are held up to 8 MiB of one topic, to the last byte', () => {
    for (const [cost, isHeld] of [
      [HELD_TOPIC_BYTES - 1, true],
      [HELD_TOPIC_BYTES, true],
      [HELD_TOPIC_BYTES + 1, false],
    ] as const) {
      const held = new HeldDeliveries(() => {});
      expect(held.add(costing('a', cost)), `${cost} bytes`).toBe(isHeld);
      held.clear();
    }
    const held = new HeldDeliveries(() => {});
    held.add(costing('a', HELD_TOPIC_BYTES - 1_000));
    expect(held.add(costing('a', 1_001))).toBe(false);
    expect(held.add(costing('a', 1_000))).toBe(true);
    held.clear();
  });

  it('are held up to 16 MiB of all topics, to the last byte', () => {
    for (const [cost, isHeld] of [
      [999, true],
      [1_000, true],
      [1_001, false],
    ] as const) {
      const held = new HeldDeliveries(() => {});
      held.add(costing('a', HELD_TOPIC_BYTES));
      held.add(costing('b', HELD_BYTES - HELD_TOPIC_BYTES - 1_000));
      expect(held.add(costing('c', cost)), `${cost} bytes`).toBe(isHeld);
      held.clear();
    }
  });

  it('are held of 1,024 topics, and of these any number', () => {
    const held = new HeldDeliveries(() => {});
    for (let i = 0; i < HELD_TOPICS; i++) expect(held.add(costing(`topic ${i}`, 300))).toBe(true);
    expect(held.add(costing('one more', 300))).toBe(false);
    expect(held.add(costing('topic 7', 300))).toBe(true);
    held.release('topic 7');
    // Topics that begin so.
    expect(held.add(costing('one more', 300))).toBe(true);
    held.clear();
  });
});
