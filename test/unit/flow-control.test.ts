/** The relations that the numbers of flow control rest on: change one, and see what it was chosen for. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import * as flow from '../../src/flow-control.ts';
import { resolveLimits } from '../../transports/relay/session/limits.ts';
import { resolveOptions } from '../../transports/zeromq/options.ts';

/** Messages that a stock pylm socket holds for one peer before it drops more: libzmq's own high-water mark. */
const PYLM_MARK = 1_000;

/** Bytes that a delivery counts beside its frames where it is owed. */
const DELIVERY_COST = 256;

const relay = resolveLimits();

describe('a stock pylm server', () => {
  it('is never asked for as many answers as it drops', () => {
    expect(flow.PYLM_CALLS).toBeLessThanOrEqual(PYLM_MARK / 2);
    expect(flow.REQUESTS).toBeLessThan(PYLM_MARK);
  });
});

describe('answers under way', () => {
  it('fit what a subscriber reads ahead', () => {
    expect(flow.CALLS).toBeLessThanOrEqual(flow.RELAYED_DELIVERIES);
    expect(flow.CALLS).toBeLessThanOrEqual(flow.PUBLISHED);
  });

  it('fit four times what a publisher owes one subscriber, since their size is an estimate', () => {
    expect(4 * flow.ANSWER_BYTES + flow.CALLS * DELIVERY_COST).toBeLessThanOrEqual(
      resolveOptions({}).maxOwed,
    );
  });

  it('to one topic that nobody is subscribed to yet leave room for other topics', () => {
    expect(flow.HELD_TOPIC_BYTES).toBeLessThanOrEqual(flow.HELD_BYTES / 2);
  });
});

describe('a relay', () => {
  it('takes as many requests as its clients send', () => {
    expect(flow.RELAYED_REQUESTS).toBeLessThanOrEqual(relay.maxRequests);
    expect(flow.CLIENT_WORKERS).toBeLessThanOrEqual(relay.maxRequests);
  });

  it('takes what its clients send before their first credit, and then some', () => {
    expect(flow.FIRST_PUSH_WINDOW).toBeLessThanOrEqual(relay.window);
    expect(flow.CREDIT_BYTES).toBeLessThanOrEqual(relay.window / 4);
  });

  it('has room in one socket for all that a link may have on its way', () => {
    expect(flow.LEAST_LINK_WINDOW).toBe(4 * flow.PROBE_BYTES);
    expect(flow.LEAST_LINK_WINDOW).toBeLessThanOrEqual(flow.FIRST_LINK_WINDOW);
    expect(flow.FIRST_LINK_WINDOW).toBeLessThanOrEqual(flow.MOST_LINK_WINDOW);
    expect(flow.MOST_LINK_WINDOW).toBeLessThanOrEqual(relay.maxHeld);
  });

  it('passes on batches, parts of answers, and work in one frame', () => {
    expect(flow.ANSWER_PART_BYTES).toBeLessThanOrEqual(flow.BATCH_BYTES);
    expect(flow.BATCH_BYTES).toBeLessThanOrEqual(relay.maxFrame);
    expect(flow.WORK_BYTES).toBeLessThanOrEqual(relay.maxFrame / 2);
  });

  it('remembers all work that a worker behind it can have', () => {
    expect(flow.WORK_AT_ONCE + flow.WORK_AHEAD_MESSAGES).toBeLessThanOrEqual(flow.GIVEN_WORK);
    expect(flow.CLIENT_WORK_BYTES).toBeLessThanOrEqual(relay.maxHeld);
  });
});

describe('a Master', () => {
  it('takes a whole batch of work and of results', () => {
    expect(flow.BATCH).toBeLessThanOrEqual(flow.WORKER_QUEUE / 2);
    expect(flow.BATCH).toBeLessThanOrEqual(flow.UNGATHERED);
  });

  it('is sent more results while some are not confirmed', () => {
    expect(2 * flow.WORK_BYTES).toBeLessThanOrEqual(flow.UNCONFIRMED_BYTES);
    expect(flow.UNCONFIRMED_BYTES).toBeLessThanOrEqual(flow.UNGATHERED_BYTES);
  });

  it('pushes no more to a worker than such a one asks for', () => {
    expect(flow.PUSHED_EACH).toBeLessThanOrEqual(flow.WORK_AHEAD_MESSAGES);
  });
});

describe('the numbers', () => {
  it('are positive and whole', () => {
    expect(Object.keys(flow).length).toBeGreaterThan(80);
    for (const [name, value] of Object.entries(flow)) {
      expect(Number.isSafeInteger(value) && value > 0, name).toBe(true);
    }
  });

  it('are written out, each with its unit and reason, so that bundlers put them in their place', () => {
    const source = readFileSync(fileURLToPath(new URL('../../src/flow-control.ts', import.meta.url)), 'utf8');
    const lines = source.split('\n');
    for (const [at, line] of lines.entries()) {
      if (!line.startsWith('export const')) continue;
      expect(line).toMatch(/^export const [A-Z_]+ = [\d_]+;$/);
      expect(lines[at - 1], line).toMatch(/^ ?\*|^\/\*\*|^export const/);
    }
  });
});
