/** What is asked of a consumer at NATS, and when its messages end. */
import { describe, expect, it } from 'vitest';
import { consume } from '../../../../transports/nats/consume.ts';
import type { Consumer } from '../../../../transports/nats/packages.ts';

/** A consumer that tells these statuses. */
function consumerOf(...statuses: string[]) {
  const asked: unknown[] = [];
  let closed = 0;
  const consumer = {
    consume: async (options: object) => {
      asked.push(options);
      return {
        async *status() {
          for (const type of statuses) yield { type };
        },
        close: async () => void closed++,
        async *[Symbol.asyncIterator]() {},
      };
    },
  } as unknown as Consumer;
  return { consumer, asked, closed: () => closed };
}

const settle = () => new Promise(setImmediate);

describe('messages of a stream', () => {
  it('are asked for 128 at a time', async () => {
    const { consumer, asked } = consumerOf();
    await consume(consumer, 1_000);
    expect(asked).toEqual([{ max_messages: 128, expires: 30_000, idle_heartbeat: 1_000 }]);
  });

  it.each([
    [499, 500],
    [500, 500],
    [501, 501],
    [10_000, 10_000],
    [10_001, 10_000],
    [600_000, 10_000],
  ])(
    'with a heartbeat of %i ms come with one of %i ms: NATS has none that is shorter, and none near the time that is asked for',
    async (given, taken) => {
      const { consumer, asked } = consumerOf();
      await consume(consumer, given);
      expect(asked).toMatchObject([{ idle_heartbeat: taken }]);
    },
  );

  it.each([
    ['no_responders', 1],
    ['heartbeats_missed', 1],
    ['next', 0],
    ['consumer_not_found', 0],
  ])('after the news %s are ended so many times: %i', async (news, count) => {
    const { consumer, closed } = consumerOf(news);
    await consume(consumer, 1_000);
    await settle();
    expect(closed()).toBe(count);
  });
});
