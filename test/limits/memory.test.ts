/** What waits within one process: each bound at its value, one below and one above. */
import { afterEach, describe, expect, it } from 'vitest';
import { PUBLISHED_BYTES_IN_PROCESS, PULLED, PULLED_BYTES } from '../../src/flow-control.ts';
import type { BindingConnection } from '../../src/transport.ts';
import { memory } from '../../transports/memory/index.ts';
import { within } from '../support/wait.ts';

const closing: BindingConnection[] = [];
afterEach(async () => {
  for (const connection of closing.splice(0).reverse()) await connection.close({ timeout: 0 });
});

async function ends() {
  const transport = memory();
  const [server, client] = [
    (await transport.open()) as BindingConnection,
    (await transport.open()) as BindingConnection,
  ];
  closing.push(server, client);
  return { server, client };
}

/** Some turns of the event loop. */
async function turns(): Promise<void> {
  for (let i = 0; i < 5; i++) await new Promise(setImmediate);
}

/** Whether a promise is settled after some turns of the event loop. */
async function isDone(promise: Promise<unknown>): Promise<boolean> {
  let done = false;
  const note = () => {
    done = true;
  };
  promise.then(note, note);
  await turns();
  return done;
}

const nothings = (count: number) => Array.from({ length: count }, () => new Uint8Array(0));

describe('what is pushed to a server that does not read', () => {
  it.each([
    ['4,096 messages', nothings(PULLED - 1), nothings(1)],
    ['4 MiB', [new Uint8Array(PULLED_BYTES - 1)], [new Uint8Array(1)]],
  ])('holds its sender up at %s, and no longer than it is read', async (_, below, last) => {
    const { server, client } = await ends();
    const pull = await server.bindPull('memory://*');
    const pusher = client.push(pull.address);
    await pusher.ready();
    expect(await isDone(pusher.send(below))).toBe(true);
    expect(await isDone(pusher.send(last))).toBe(true);
    const beyond = pusher.send(nothings(1));
    expect(await isDone(beyond)).toBe(false);
    const { value = [] } = await within(2_000, pull[Symbol.asyncIterator]().next());
    expect(value).toHaveLength(below.length + last.length + 1);
    await within(2_000, beyond);
    // In one turn of events as well.
    const together = [...below, ...last].map((frame) => pusher.send([frame]));
    expect(await isDone(together.at(-1) ?? beyond)).toBe(false);
    await within(2_000, Promise.all(together.slice(0, -1)));
    await within(2_000, pull[Symbol.asyncIterator]().next());
    await within(2_000, Promise.all(together));
  });
});

describe('what is pushed to a worker that does not read', () => {
  it.each([
    ['4,096 messages', nothings(PULLED - 1), nothings(1)],
    ['4 MiB', [new Uint8Array(PULLED_BYTES - 1)], [new Uint8Array(1)]],
  ])('holds its sender up behind %s, and no longer than it is read', async (_, below, last) => {
    const { server, client } = await ends();
    const push = await server.bindPush('memory://*');
    const puller = client.pull(push.address);
    await puller.ready();
    expect(await isDone(push.send(below))).toBe(true);
    expect(await isDone(push.send(last))).toBe(true);
    const beyond = push.send(nothings(1));
    expect(await isDone(beyond)).toBe(false);
    const { value = [] } = await within(2_000, puller[Symbol.asyncIterator]().next());
    expect(value).toHaveLength(below.length + last.length);
    await within(2_000, beyond);
  });
});

describe('what a subscriber has not read', () => {
  it('is lost from 256 MiB on, where a delivery counts 256 bytes more', async () => {
    const piece = new Uint8Array(16_777_216);
    const cost = (size: number) => 256 + 'me/1'.length + size;
    for (const [left, isLost] of [
      [1, false],
      [0, true],
      [-1, true],
    ] as const) {
      const { server, client } = await ends();
      const publish = await server.bindPublish('memory://*');
      const subscription = client.subscribe(publish.address, 'me/');
      await subscription.ready();
      const breaks: unknown[] = [];
      subscription.onBreak((error) => breaks.push(error.code));
      const tell = async (size: number) => {
        await publish.publish([{ topic: 'me/1', frames: [piece.subarray(0, size)] }]);
        await turns();
      };
      let unread = 0;
      for (; unread + cost(piece.length) + cost(0) < PUBLISHED_BYTES_IN_PROCESS; unread += cost(piece.length))
        await tell(piece.length);
      await tell(PUBLISHED_BYTES_IN_PROCESS - unread - left - cost(0));
      expect(breaks).toEqual([]);
      await tell(0);
      expect(breaks, `${left} bytes below it`).toEqual(isLost ? ['LOST'] : []);
    }
  });
});
