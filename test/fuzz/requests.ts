/** Attacks at the socket of a cache. */
import { createRequire } from 'node:module';
import type { Frames } from '../support/frames.ts';
import type { Fleet } from './fleet.ts';

/** Requests of one burst. */
const BURST = 500;

/**
 * Requests in the form that a transport gives them; an answer that does not come is not waited for. What was given to workers
 * that are none is given to others when the attack is over: their link ends then.
 */
export function attackRequests(fleet: Fleet, frames: Frames, address: string, mayAsk: boolean) {
  return async (count: number) => {
    await using connection = await fleet.ground.transport.open();
    for (let left = count; left > 0; left -= BURST) {
      const asked = Array.from({ length: Math.min(BURST, left) }, () =>
        connection.request(address, frames.request(mayAsk)),
      );
      const replies = asked.map(({ reply }) => reply.catch(() => {}));
      if (!mayAsk) {
        await Promise.all(replies);
        continue;
      }
      // Those that ask for work may wait for it: they are given up.
      for (let turn = 0; turn < 3; turn++) await new Promise(setImmediate);
      for (const { cancel } of asked) cancel(new Error('given up'));
    }
  };
}

/** Requests of any parts at all, from a DEALER that hardly listens. */
export function attackWithParts(_fleet: Fleet, frames: Frames, address: string, mayAsk: boolean) {
  const { Dealer } = createRequire(import.meta.url)('zeromq') as typeof import('zeromq');
  return async (count: number) => {
    // Ends once what was sent has left.
    const dealer = new Dealer({ linger: 5_000, receiveHighWaterMark: 100 });
    dealer.connect(address);
    const discard = async () => {
      for (;;) await dealer.receive();
    };
    discard().catch(() => {});
    for (let sent = 0; sent < count; sent++) await dealer.send(frames.parts(frames.request(mayAsk)));
    dealer.close();
  };
}
