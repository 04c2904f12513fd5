/** How much a client sends before the relay's server has taken it. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { FIRST_PUSH_WINDOW } from '../../../src/flow-control.ts';
import { CreditAccount } from '../../../transports/relay/session/push-channel.ts';
import { type Frame, Type } from '../../../transports/relay-protocol/frames.ts';
import { SendWindow } from '../../../transports/relay-protocol/window.ts';
import { RelayedPusher } from '../../../transports/websocket/pusher.ts';

const FRAME = 1_000;

/** A channel that is ready, with so many frames to send, and what it has sent. */
function startPushing(window: number, count = 3_000, shared = new SendWindow()) {
  let sent = 0;
  const post = (frame: Frame) => {
    if (frame[0] === Type.send) for (const { length } of frame[3]) sent += length;
  };
  const context = { host: { report: () => {}, release: () => {} }, number: 1, address: 'server', post };
  const pusher = new RelayedPusher(context, shared);
  pusher.open({
    client: 'relay/1',
    maxFrame: 1_000_000,
    window,
    heaviest: Number.POSITIVE_INFINITY,
    keyPrefix: '',
  });
  pusher.said([Type.ready, 1, 1, true]);
  const frames = new Array(count).fill(new Uint8Array(FRAME));
  // It ends with the channel, which nobody closes here.
  const send = () => void pusher.send(frames).catch(() => {});
  send();
  const again = () => {
    pusher.said([Type.ready, 1, 1, true]);
    send();
  };
  return { pusher, sent: () => sent, take: (bytes: number) => pusher.said([Type.taken, 1, bytes]), again };
}

it('begins with 8 KiB, and grows by what is taken until it is the window of the relay', async () => {
  const window = 200_000;
  const { sent, take } = startPushing(window);
  await Promise.resolve();
  let taken = 0;
  let widest = FIRST_PUSH_WINDOW;
  expect(sent()).toBeGreaterThanOrEqual(widest);
  while (widest < window) {
    // A batch of up to 64 KiB is sent as one, once anything may be.
    expect(sent() - taken).toBeLessThan(widest + 65_536);
    const now = sent() - taken;
    expect(now).toBeGreaterThan(0);
    taken += now;
    widest = Math.min(window, widest + now);
    take(now);
  }
  expect(sent() - taken).toBeGreaterThanOrEqual(window);
  expect(sent() - taken).toBeLessThan(window + 65_536);
});

it('has room again once less is out than it allows itself, or when nothing can be sent any more', async () => {
  const { pusher, take } = startPushing(200_000, 10);
  await Promise.resolve();
  let hasRoom = false;
  const room = pusher.room().then(() => {
    hasRoom = true;
  });
  take(10 * FRAME - FIRST_PUSH_WINDOW);
  await new Promise(setImmediate);
  expect(hasRoom).toBe(false);
  take(1);
  await room;
  await pusher.send([new Uint8Array(20 * FRAME)]);
  const over = pusher.room();
  pusher.said([Type.broken, 1, 'DISCONNECTED', 'the server is gone']);
  await over;
  await pusher.room();
});

it('is never more than the relay allows, however it pays', () => {
  const payments = fc.array(fc.integer({ min: 1, max: 100_000 }), { maxLength: 30, size: 'max' });
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 150_000 }), payments, (window, credits) => {
      const { sent, take } = startPushing(window);
      let taken = 0;
      for (const credit of credits) {
        const paid = Math.min(credit, sent() - taken);
        taken += paid;
        take(paid);
        expect(sent() - taken).toBeLessThan(window + 65_536);
      }
    }),
  );
});

it('of all channels to a server is filled and never overrun, in whatever order they are paid, break and close', async () => {
  interface Model {
    channel: ReturnType<typeof startPushing>;
    /** Bytes sent before it broke, and taken since. */
    before: number;
    taken: number;
    /** What slow start allows. */
    allowed: number;
  }
  const aStep = fc.tuple(
    fc.nat(2),
    fc.oneof(
      { weight: 8, arbitrary: fc.integer({ min: 1, max: 100_000 }) },
      { weight: 1, arbitrary: fc.constantFrom('break' as const, 'close' as const) },
    ),
  );
  const steps = fc.array(aStep, { maxLength: 40, size: 'max' });
  const property = fc.asyncProperty(fc.integer({ min: 1, max: 150_000 }), steps, async (window, taken) => {
    const shared = new SendWindow();
    const open = (): Model => ({
      channel: startPushing(window, 3_000, shared),
      before: 0,
      taken: 0,
      allowed: FIRST_PUSH_WINDOW,
    });
    const models = [open(), open(), open()];
    const outOf = (model: Model) => model.channel.sent() - model.before - model.taken;
    for (const [index, step] of taken) {
      const model = models[index] as Model;
      if (step === 'close') {
        await model.channel.pusher.close();
        models[index] = open();
      } else if (step === 'break') {
        model.channel.pusher.said([Type.broken, 1, 'DISCONNECTED', 'the server is gone']);
        Object.assign(model, { before: model.channel.sent(), taken: 0 });
        model.channel.again();
      } else {
        const paid = Math.min(step, outOf(model));
        model.taken += paid;
        model.allowed += paid;
        model.channel.take(paid);
      }
      const out = models.map(outOf);
      const all = out.reduce((sum, bytes) => sum + bytes, 0);
      expect(shared.outstanding).toBe(all);
      // A batch of up to 64 KiB leaves as one, once anything may.
      expect(all).toBeLessThan(window + 65_536);
      for (const [at, { allowed }] of models.entries()) {
        const own = out[at] ?? 0;
        expect(own).toBeLessThan(Math.min(window, allowed) + 65_536);
        // Nothing waits that may leave.
        expect(all >= window || own >= Math.min(window, allowed)).toBe(true);
      }
    }
    for (const { channel } of models) await channel.pusher.close();
    expect(shared.outstanding).toBe(0);
  });
  await fc.assert(property, { numRuns: 40 });
});

it('is told of what was taken once that is a quarter of what it allows itself, answers or not', () => {
  const told: number[] = [];
  const credit = new CreditAccount(1_048_576, (bytes) => told.push(bytes));
  credit.add(FIRST_PUSH_WINDOW / 4 - 1, false);
  expect(told).toEqual([]);
  credit.add(1, false);
  expect(told).toEqual([FIRST_PUSH_WINDOW / 4]);
  credit.add(FIRST_PUSH_WINDOW / 4, false);
  expect(told).toHaveLength(1);
  credit.add(FIRST_PUSH_WINDOW / 16, false);
  expect(told).toHaveLength(2);
  // Never more than 64 KiB wait, however far it has come.
  for (let i = 0; i < 100; i++) credit.add(65_536, false);
  expect(told).toHaveLength(102);
  // While others wait it goes with the answers.
  credit.add(65_535, true);
  expect(told).toHaveLength(102);
  credit.pay();
  expect(told).toHaveLength(103);
  credit.forget();
});

it('is one for all channels to a server, however they end', async () => {
  const window = 100_000;
  const shared = new SendWindow();
  const [one, other] = [startPushing(window, 300, shared), startPushing(window, 300, shared)];
  const out = () => one.sent() + other.sent();
  await Promise.resolve();
  const taken = new Map([one, other].map((channel) => [channel, 0]));
  const allTaken = () => [...taken.values()].reduce((sum, bytes) => sum + bytes, 0);
  for (const channel of [one, other, one, other, one, other]) {
    const before = taken.get(channel) ?? 0;
    taken.set(channel, channel.sent());
    channel.take(channel.sent() - before);
    expect(out() - allTaken()).toBeLessThan(window + 65_536);
    expect(shared.outstanding).toBe(out() - allTaken());
  }
  expect(other.sent()).toBeGreaterThan(0);
  const before = other.sent();
  const { outstanding } = shared;
  one.pusher.said([Type.broken, 1, 'DISCONNECTED', 'the server is gone']);
  await new Promise(setImmediate);
  // What the one had out is the other's room now.
  expect(shared.outstanding).toBeLessThan(outstanding + 65_536);
  expect(other.sent()).toBeGreaterThanOrEqual(before);
  await other.pusher.close();
  expect(shared.outstanding).toBe(0);
});
