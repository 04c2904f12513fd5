/** What a relay lets one client have under way, and remembers of it: each bound at its value, one below and one above. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  CALLS_REST,
  CALLS_STALL,
  FIRST_CALLS,
  FIRST_CALLS_AGAIN,
  GIVEN_WORK,
  GIVEN_WORK_BYTES,
  MOST_CALLS,
  SMALLEST_CALL,
} from '../../src/flow-control.ts';
import type { Bytes } from '../../src/protocol/bytes.ts';
import { EnvelopeCodec } from '../../src/protocol/envelope.ts';
import { palmMessage } from '../../src/protocol/message.ts';
import { Identity } from '../../transports/relay/auth/identity.ts';
import { AnswerBudget } from '../../transports/relay/session/answer-budget.ts';
import { AssignedWork } from '../../transports/relay/session/assigned-work.ts';
import { SessionChannels } from '../../transports/relay/session/channels.ts';
import { ChannelKind, Type } from '../../transports/relay-protocol/frames.ts';

const codec = new EnvelopeCodec();

describe('calls whose answers have an unknown size', () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  const open = () => new AnswerBudget(1e12, { held: 0 });

  it('are 8 at once at first', () => {
    for (const wanted of [FIRST_CALLS - 1, FIRST_CALLS, FIRST_CALLS + 1])
      expect(open().take(wanted)).toBe(Math.min(wanted, FIRST_CALLS));
  });

  it('are 16 at once after more than a second without any', () => {
    for (const rest of [CALLS_REST - 1, CALLS_REST, CALLS_REST + 1]) {
      const budget = open();
      budget.take(8);
      budget.answered(8, 8);
      budget.take(32);
      budget.answered(32, 32);
      vi.advanceTimersByTime(rest);
      expect(budget.take(17), `${rest} ms`).toBe(rest > CALLS_REST ? FIRST_CALLS_AGAIN : 17);
    }
  });

  it('are 1,048,576 at once at most, however many were answered', () => {
    const budget = open();
    budget.take(1);
    budget.answered(MOST_CALLS, MOST_CALLS);
    expect(budget.take(2 * MOST_CALLS)).toBe(MOST_CALLS);
    // Nor more without any answer.
    const silent = open();
    silent.take(1);
    silent.answered(MOST_CALLS / 2, MOST_CALLS / 2);
    silent.take(MOST_CALLS);
    void silent.wait(1);
    vi.advanceTimersByTime(CALLS_STALL);
    expect(silent.taken + silent.take(2 * MOST_CALLS)).toBe(MOST_CALLS);
    silent.close();
  });

  it('that are not answered no longer count after 250 ms, and not before', async () => {
    const budget = open();
    budget.take(FIRST_CALLS);
    let isLetIn = false;
    void budget.wait(1).then(() => {
      isLetIn = true;
    });
    await vi.advanceTimersByTimeAsync(CALLS_STALL - 1);
    expect(isLetIn).toBe(false);
    await vi.advanceTimersByTimeAsync(1);
    expect(isLetIn).toBe(true);
  });
});

describe('calls of a client that wait', () => {
  it('are as many as its window has times 16 bytes', () => {
    const window = 100 * SMALLEST_CALL;
    const users = new Set<{ becameReady(): void }>();
    const channel = { add: (user: { becameReady(): void }) => users.add(user), remove: () => {} };
    const server = { name: 'first', calls: channel, callQueue: {}, resultQueue: {} };
    const client = {
      id: 'relay/1',
      identity: new Identity({ name: 'alice', servers: ['*'], functions: ['*'] }),
      window,
      post: () => {},
      takes: () => true,
      // Each call counts one byte: their number is what is bounded here.
      counted: () => 1,
      holds: () => {},
      violated: () => {},
      called: () => {},
    };
    const channels = new SessionChannels(client as never, { opened: () => {}, closed: () => {} } as never, {
      limits: { window, maxChannels: 1 } as never,
      find: () => server as never,
      onRefused: () => {},
      onLostWork: () => {},
      isAdoptable: false,
    });
    channels.open([Type.open, 1, ChannelKind.push, 'first', '']);
    for (const user of users) user.becameReady();
    const message = { retain: () => {}, release: () => {} } as never;
    const send = () => channels.send([Type.send, 1, 1, [new Uint8Array(1)]], message);
    for (let i = 0; i < 100; i++) send();
    expect(send).toThrow(expect.objectContaining({ code: 'PROTOCOL' }));
  });
});

describe('work that a client was given', () => {
  const work = (number: number, cache = ''): Bytes =>
    codec.encode(palmMessage({ client: `c/${number}`, function: 'm.f', cache })).slice();

  const open = () => new AssignedWork(() => {});

  it('is remembered of 2,048 messages without a result: the oldest is forgotten for one more', () => {
    for (const count of [GIVEN_WORK - 1, GIVEN_WORK, GIVEN_WORK + 1]) {
      const own = open();
      for (let i = 0; i < count; i++) own.assign([work(i)]);
      expect(own.judge(work(0)) !== undefined, `${count} messages`).toBe(count <= GIVEN_WORK);
    }
  });

  it('is remembered of 2,048 messages with a result, too', () => {
    for (const count of [GIVEN_WORK - 1, GIVEN_WORK, GIVEN_WORK + 1]) {
      const own = open();
      for (let i = 0; i < count; i++) {
        own.assign([work(i)]);
        own.judge(work(i));
      }
      expect(own.judge(work(0)) !== undefined, `${count} messages`).toBe(count <= GIVEN_WORK);
    }
  });

  it('is remembered up to 1 MiB: the oldest is forgotten for what goes past it', () => {
    // A character of the cache field counts four bytes.
    const character = 4;
    const costOf = (frame: Bytes) => {
      const own = open();
      own.assign([frame]);
      return own.bytes;
    };
    const first = work(1, 'k'.repeat(1_000));
    const fitting = (GIVEN_WORK_BYTES - costOf(first) - costOf(work(2))) / character;
    expect(fitting).toBe(Math.floor(fitting));
    for (const more of [-1, 0, 1]) {
      const own = open();
      own.assign([first, work(2, 'k'.repeat(fitting + more))]);
      if (more === 0) expect(own.bytes).toBe(GIVEN_WORK_BYTES);
      expect(own.judge(first) !== undefined, `${more}`).toBe(more <= 0);
    }
  });
});
