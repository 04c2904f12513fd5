/** Attacks at the socket of a cache. */
import { createRequire } from 'node:module';
import type { Fleet } from './fleet.ts';
import type { Frames } from './frames.ts';

/** Requests of one burst. */
const BURST = 500;

/** Requests in the form that a transport gives them; an answer that does not come is not waited for. */
export function attackRequests(fleet: Fleet, frames: Frames, address: string, mayAsk: boolean) {
  const opening = fleet.ground.transport.open();
  opening.then((connection) => fleet.own(connection));
  return async (count: number) => {
    const connection = await opening;
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
export function attackWithParts(fleet: Fleet, frames: Frames, address: string, mayAsk: boolean) {
  const { Dealer } = createRequire(import.meta.url)('zeromq') as typeof import('zeromq');
  const dealer = new Dealer({ linger: 0, receiveHighWaterMark: 100 });
  dealer.connect(address);
  fleet.own({ close: async () => dealer.close() });
  const discard = async () => {
    for (;;) await dealer.receive();
  };
  discard().catch(() => {});
  return async (count: number) => {
    for (let sent = 0; sent < count; sent++) await dealer.send(frames.parts(frames.request(mayAsk)));
  };
}
