/** What a client sends bit by bit, while it waits for its turn. */
import { once } from 'node:events';
import { expect, it } from 'vitest';
import { deferred } from '../../../src/async/deferred.ts';
import { EnvelopeCodec } from '../../../src/protocol/envelope.ts';
import { Feature } from '../../../src/protocol/message.ts';
import type { BindingTransport } from '../../../src/transport.ts';
import { memory } from '../../../transports/memory/index.ts';
import { Type } from '../../../transports/relay-protocol/frames.ts';
import { ALL, testRelays } from '../../support/besieged-relay.ts';
import { bytes, textOf } from '../../support/bytes.ts';
import { envelope } from '../../support/relay-peer.ts';
import { within } from '../../support/wait.ts';

const besieged = testRelays();

const MESSAGES = 40;
const EACH = 10;

/** A transport that tells how many frames were pushed together, and pushes nothing before `start`. */
function counting(pushed: number[], start: Promise<void>): BindingTransport {
  const transport = memory();
  return {
    ...transport,
    open: async () => {
      const connection = await transport.open();
      const push = connection.push.bind(connection);
      connection.push = (address) => {
        const pusher = push(address);
        const send = pusher.send.bind(pusher);
        pusher.send = async (frames) => {
          pushed.push(frames.length);
          await start;
          await send(frames);
        };
        return pusher;
      };
      return connection;
    },
  };
}

it('leaves in company, and in order, whatever messages it came in', async () => {
  const pushed: number[] = [];
  const start = deferred<void>();
  const relay = await besieged({ identities: { one: ALL }, transport: counting(pushed, start.promise) });
  const peer = await relay.peer('one');
  await peer.openCalls();
  let sent = 0;
  const call = () =>
    envelope({
      client: `${peer.id}/1`,
      function: 'server.upper',
      features: Feature.batches,
      payload: bytes(`${sent++}`),
    });
  for (let i = 0; i < MESSAGES; i++) peer.send([Type.send, 1, 1, Array.from({ length: EACH }, call)]);
  // A pong tells that everything before it has come; nothing has left yet.
  const pong = once(peer.socket, 'pong');
  peer.socket.ping();
  await within(4_000, pong, 'a pong');
  start.resolve();
  const codec = new EnvelopeCodec();
  const answers = () =>
    peer.frames
      .flatMap((frame) => (frame[0] === Type.results ? frame[2] : []))
      .flatMap(({ frames }) => frames.map((frame) => Number(textOf(codec.decode(frame).payload))));
  await expect.poll(() => answers().length, { timeout: 4_000 }).toBe(MESSAGES * EACH);
  expect(answers()).toEqual(Array.from({ length: MESSAGES * EACH }, (_, i) => i));
  // The first few show how large answers are, and then as many go as there is room for.
  expect(pushed.length).toBeLessThan(12);
});
