/** Requests that are given up while their server takes nothing. */
import { expect, it } from 'vitest';
import { Router } from 'zeromq';
import { PalmError } from '../../src/protocol/errors.ts';
import { zeromq } from '../../transports/zeromq/index.ts';
import { megabytes } from '../support/leftovers.ts';
import { within } from '../support/wait.ts';

const MiB = 1_048_576;
const GIVEN_UP = new PalmError('TIMEOUT', 'given up');

it.each([
  ['that is there', true],
  ['that is not there', false],
])('are not kept, however many there were, for a server %s', async (_, isThere) => {
  const server = new Router({ linger: 0 });
  await server.bind('tcp://127.0.0.1:*');
  const address = server.lastEndpoint ?? '';
  if (!isThere) server.close();
  await using connection = await zeromq().open();
  const giveUp = async (size: number) => {
    const { reply, cancel } = connection.request(address, new Uint8Array(size));
    await new Promise(setImmediate);
    cancel(GIVEN_UP);
    await expect(reply).rejects.toBe(GIVEN_UP);
  };
  await giveUp(1);
  const before = await megabytes();
  for (let i = 0; i < 50; i++) await giveUp(4 * MiB);
  // 16 MiB, and the one that went past it.
  expect((await megabytes()) - before).toBeLessThan(isThere ? 24 : 4);
  for (let i = 0; i < 50_000; i++) {
    const { reply, cancel } = connection.request(address, new Uint8Array(10));
    cancel(GIVEN_UP);
    reply.catch(() => {});
  }
  expect((await megabytes()) - before).toBeLessThan(isThere ? 26 : 6);
  if (!isThere) return;
  // What was sent is answered, and then others are.
  const { reply } = connection.request(address, new Uint8Array([7]));
  const serve = async () => {
    for (;;) {
      const parts = await server.receive();
      const request = parts.pop() ?? new Uint8Array(0);
      await server.send([...parts, request.length === 1 ? request : new Uint8Array(0)]);
      if (request.length === 1 && request[0] === 7) return;
    }
  };
  await within(5_000, serve(), 'the last request');
  expect(await within(5_000, reply, 'its reply')).toEqual(new Uint8Array([7]));
  server.close();
});
