/** Answers that come one by one gather, where their reader knows of many more; all come in order, and the end does too. */
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { BindingConnection, BoundPublish, Subscription } from '../../src/transport.ts';
import { zmtp } from '../../transports/zmtp/index.ts';
import { within } from '../support/wait.ts';

const MESSAGES = 1_000;
/** How many times as fast the machine seems. Also a busy one then publishes many messages in the time of a pause. */
const SPEED = 20;

let open: BindingConnection[] = [];
afterEach(async () => {
  vi.restoreAllMocks();
  for (const connection of open) await within(5_000, connection.close({ timeout: 0 }), 'closing');
  open = [];
});

async function connection(): Promise<BindingConnection> {
  const opened = await zmtp().open();
  open.push(opened);
  return opened;
}

interface Ends {
  readonly publisher: BoundPublish;
  readonly server: BindingConnection;
  readonly subscription: Subscription;
}

async function ends(awaited?: () => number): Promise<Ends> {
  const server = await connection();
  const publisher = await server.bindPublish('tcp://127.0.0.1:*');
  const subscription = (await connection()).subscribe(publisher.address, 'me/', {
    proofTimeout: 5_000,
    awaited,
  });
  await within(5_000, subscription.ready(), 'the subscription');
  return { publisher, server, subscription };
}

const nextTurn = () => new Promise(setImmediate);

/** Publishes messages, each in a turn of events of its own, and reads as many. Gives the sizes of what came together. */
async function trickle({ publisher, subscription }: Ends): Promise<number[]> {
  const begun = performance.now();
  const now = performance.now.bind(performance);
  vi.spyOn(performance, 'now').mockImplementation(() => begun + (now() - begun) / SPEED);
  const reading = (async () => {
    const sizes: number[] = [];
    const numbers: number[] = [];
    for await (const deliveries of subscription) {
      sizes.push(deliveries.length);
      for (const { frames } of deliveries) numbers.push((frames[0]?.[0] ?? 0) * 256 + (frames[0]?.[1] ?? 0));
      if (numbers.length >= MESSAGES) break;
    }
    expect(numbers).toEqual(Array.from({ length: MESSAGES }, (_, i) => i));
    return sizes;
  })();
  for (let i = 0; i < MESSAGES; i++) {
    await publisher.publish([{ topic: 'me/1', frames: [Uint8Array.of(i >> 8, i & 0xff)] }]);
    await nextTurn();
  }
  return within(20_000, reading, 'the last message');
}

describe('a subscription to a stream of single messages', () => {
  it('reads them several at once where it knows of many more, each once and in order', async () => {
    const sizes = await trickle(await ends(() => 100_000));
    expect(sizes.length).toBeLessThan(MESSAGES * 0.7);
  });

  it.each([
    ['of no more than come', () => 10],
    ['of none', undefined],
  ])('reads each when it comes where it knows %s', async (_, awaited) => {
    const sizes = await trickle(await ends(awaited));
    // What came together did so because the machine was busy.
    expect(sizes.length).toBeGreaterThan(MESSAGES * 0.7);
  });

  it('hears of the end of its publisher, and loses nothing that came before', async () => {
    const both = await ends(() => 100_000);
    const broken = new Promise<string>((resolve) => both.subscription.onBreak(({ code }) => resolve(code)));
    await trickle(both);
    await both.server.close({ timeout: 0 });
    expect(await within(5_000, broken, 'the break')).toBe('DISCONNECTED');
  });
});
