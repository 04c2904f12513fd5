/** The sender of a job: what it takes, what leaves together, and what becomes of places when it is stopped or closed. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { deferred } from '../../../../src/async/deferred.ts';
import { type Input, openInput } from '../../../../src/client/stream/input.ts';
import { JobSender } from '../../../../src/client/stream/job-sender.ts';
import { bytes, textOf } from '../../../support/bytes.ts';
import { FakeServer, settle } from '../../../support/fake-connection.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

/** An input that a test feeds. */
function fed() {
  let next = deferred<IteratorResult<string, undefined>>();
  const returned = vi.fn(async () => ({ done: true, value: undefined }) as const);
  const iterable = {
    [Symbol.asyncIterator]: () => ({ next: () => next.promise, return: returned }),
  };
  const give = async (value: string) => {
    const now = next;
    next = deferred();
    now.resolve({ done: false, value });
    await Promise.resolve();
  };
  return { iterable, give, returned };
}

async function ground(
  payloads: AsyncIterable<string> | Iterable<string>,
  room = () => undefined as Promise<void> | undefined,
) {
  const server = await FakeServer.open();
  server.up();
  const send = vi.spyOn(server.link, 'send');
  const sender = new JobSender({
    link: server.link,
    input: openInput(payloads) as Input<unknown>,
    encode: (value: unknown) => bytes(String(value)),
    roomForResults: () => room(),
    what: 'server.f',
    onSent: () => {},
  });
  const batches = () => send.mock.calls.map(([frames]) => frames.map(textOf));
  return { server, sender, batches };
}

describe('the sender of a job', () => {
  it('says while it waits for input that it does, and no longer', async () => {
    const { sender } = await ground(fed().iterable);
    expect(sender.waitsForInput).toBe(false);
    void sender.run();
    await settle();
    expect([sender.waitsForInput, sender.taken]).toEqual([true, 0]);
    const gate = deferred<void>();
    const held = await ground(['x'], () => gate.promise);
    void held.sender.run();
    await settle();
    expect(held.sender.waitsForInput).toBe(false);
    sender.stop(0);
    held.sender.stop(0);
    gate.resolve();
  });

  it('gives back the place of an input that it did not take, wherever it is stopped', async () => {
    const { iterable, give, returned } = fed();
    const { server, sender, batches } = await ground(iterable);
    const running = sender.run();
    await settle();
    // One that is awaited has its place.
    expect(server.link.inFlight.taken).toBe(1);
    sender.stop(0);
    await give('late');
    expect(await running).toBeUndefined();
    await settle();
    expect([server.link.inFlight.taken, batches(), returned.mock.calls.length]).toEqual([0, [], 1]);
  });

  it('takes nothing more once it is stopped while there is no room for results', async () => {
    const gate = deferred<void>();
    let isFull = true;
    const taken: string[] = [];
    function* values() {
      for (const value of ['a', 'b']) {
        taken.push(value);
        yield value;
      }
    }
    const { server, sender, batches } = await ground(values(), () => (isFull ? gate.promise : undefined));
    const running = sender.run();
    await settle();
    sender.stop(0);
    isFull = false;
    gate.resolve();
    expect(await running).toBeUndefined();
    expect([taken, batches(), server.link.inFlight.taken]).toEqual([[], [], 0]);
  });

  it('counts what it has taken while it waits for room', async () => {
    const gate = deferred<void>();
    let isFull = false;
    const { iterable, give } = fed();
    const { sender } = await ground(iterable, () => (isFull ? gate.promise : undefined));
    void sender.run();
    await settle();
    isFull = true;
    await give('a');
    await settle();
    expect([sender.taken, sender.waitsForInput]).toEqual([1, false]);
    sender.stop(0);
    gate.resolve();
  });

  it.each(['room', 'a place'])(
    'ends at once when it is stopped before it has %s, though others have all places',
    async (what) => {
      const gate = deferred<void>();
      let isFull = what === 'room';
      const taken: string[] = [];
      function* values() {
        taken.push('a');
        yield 'a';
      }
      const { server, sender } = await ground(values(), () => (isFull ? gate.promise : undefined));
      const { inFlight } = server.link;
      const others = inFlight.take(Number.POSITIVE_INFINITY);
      const ended = vi.fn();
      sender.run().then(ended);
      await settle();
      sender.stop(0);
      isFull = false;
      gate.resolve();
      // Callers are let in once a batch has room.
      if (what === 'a place') inFlight.release(130);
      await settle();
      expect([ended.mock.calls, taken]).toEqual([[[undefined]], []]);
      expect(inFlight.taken).toBe(what === 'a place' ? others - 130 : others);
    },
  );

  it('that is closed takes no more, and sends what it had gathered at once', async () => {
    const { iterable, give, returned } = fed();
    const { sender, batches, server } = await ground(iterable);
    void sender.run();
    await settle();
    await give('a');
    sender.close();
    await Promise.resolve();
    await Promise.resolve();
    expect(batches()).toEqual([['a']]);
    await settle();
    expect(returned).toHaveBeenCalledTimes(1);
    // Of the one that is sent, and of the next one, which is awaited until it is stopped.
    expect([sender.taken, server.link.inFlight.taken]).toEqual([1, 2]);
    sender.stop(1);
    expect(server.link.inFlight.taken).toBe(1);
  });

  it('sends nothing of what it has gathered once it is stopped', async () => {
    const { iterable, give } = fed();
    const { sender, batches, server } = await ground(iterable);
    void sender.run();
    await settle();
    await give('a');
    sender.stop(0);
    await give('late');
    await settle();
    expect([batches(), server.link.inFlight.taken]).toEqual([[], 0]);
  });
});
