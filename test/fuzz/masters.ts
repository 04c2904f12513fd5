/** Masters that mean harm to their workers. */

import { deferred } from '../../src/async/deferred.ts';
import { LeasedLink } from '../../src/cluster/worker-link/leased-link.ts';
import { type Bytes, decodeUtf8 } from '../../src/protocol/bytes.ts';
import { EnvelopeCodec } from '../../src/protocol/envelope.ts';
import { PalmError } from '../../src/protocol/errors.ts';
import { Feature, type PalmMessage, palmMessage } from '../../src/protocol/message.ts';
import { encodeWorkReply, readWorkRequest } from '../../src/protocol/work-request.ts';
import { bytes, textOf } from '../support/bytes.ts';
import { clock } from '../support/clock.ts';
import { Frames } from '../support/frames.ts';
import type { Random } from '../support/random.ts';
import { within } from '../support/wait.ts';
import type { Fleet } from './fleet.ts';
import type { Siege } from './targets.ts';

const codec = new EnvelopeCodec();

const SPOILT = 20_000;

/** Calls whose answers are awaited, by what they ask. */
class Awaited {
  readonly #answers = new Map<string, (answer: string) => void>();
  #asked = 0;

  async ask(send: (frame: Bytes) => void | Promise<void>): Promise<void> {
    const text = `call ${++this.#asked}`;
    const answer = deferred<string>();
    this.#answers.set(text, answer.resolve);
    await send(
      codec.encode(palmMessage({ client: 'real/1', function: 'm.upper', cache: text, payload: bytes(text) })),
    );
    const got = await within(15_000, answer.promise, text);
    this.#answers.delete(text);
    if (got !== text.toUpperCase()) throw new Error(`${got} is the answer to ${text}`);
  }

  took(frame: Bytes): void {
    const { client, cache, payload } = codec.decode(frame);
    if (client === 'real/1') this.#answers.get(cache)?.(textOf(payload));
  }
}

/** Replies to a worker that asks: work, noise, and now and then a real call. */
export async function openReplyingMaster(fleet: Fleet, random: Random): Promise<Siege> {
  const frames = new Frames(random, 'm');
  const awaited = new Awaited();
  const real: Bytes[] = [];
  let lease = 0;
  let left = 0;
  let over = deferred<void>();
  let wake = deferred<void>();

  const next = async (): Promise<Bytes> => {
    while (left === 0 && real.length === 0) await wake.promise;
    const frame = real.shift();
    if (frame !== undefined) return encodeWorkReply(codec, [{ lease: ++lease, kind: 0, frame }]);
    if (--left === 0) over.resolve();
    // A worker waits a second after a reply that is none, so only few of them can be.
    return frames.workReply(random.oneIn(SPOILT));
  };
  const answer = (request: PalmMessage): Bytes | Promise<Bytes> => {
    if (request.function.endsWith('.work')) {
      const { items, want } = readWorkRequest(request);
      for (const { frame } of items) if (frame.length > 0) awaited.took(frame);
      return want > 0 ? next() : encodeWorkReply(codec, []);
    }
    const payload = bytes(decodeUtf8(request.payload) === 'name' ? 'm' : 'x');
    return codec.encode(palmMessage({ payload, features: Feature.replies | Feature.work }));
  };
  const connection = fleet.own(await fleet.ground.transport.open());
  const { address } = await connection.bindReply(fleet.ground.any, (frame) => answer(codec.decode(frame)));
  await fleet.work(address);
  const go = () => {
    const waking = wake;
    wake = deferred<void>();
    waking.resolve();
  };
  const call = () =>
    awaited.ask((frame) => {
      real.push(frame);
      go();
    });
  const attack = async (count: number) => {
    over = deferred<void>();
    left = count;
    go();
    await over.promise;
  };
  return { attack, call };
}

/** The replies that are none, each to a link of its own, without the second that a worker waits after it. */
export async function openLinks(_fleet: Fleet, random: Random): Promise<Siege> {
  const frames = new Frames(random, 'm');
  const openLink = (replies: Bytes[]) => {
    // When there are no more the link breaks, for good.
    const ask = async () => {
      const reply = replies.shift();
      if (reply === undefined) throw new PalmError('CLOSED', 'no more replies');
      return reply;
    };
    return new LeasedLink({ ask, id: 'me', name: 'w', clock, concurrency: 1 });
  };
  const attack = async (count: number) => {
    for (let sent = 0; sent < count; sent++) {
      const link = openLink([frames.workReply(true)]);
      try {
        const { value = [] } = await link.next();
        for (const work of value) link.begin(work);
        for (const work of value) link.done(work);
      } catch (error) {
        if (!(error instanceof PalmError)) throw error;
      }
      link.stop();
      if (sent % 100 === 0) await new Promise(setImmediate);
    }
  };
  const call = async () => {
    const frame = codec.encode(palmMessage({ client: 'real/1' }));
    const { value } = await openLink([encodeWorkReply(codec, [{ lease: 1, kind: 0, frame }])]).next();
    if (value?.[0]?.lease !== 1) throw new Error('work did not come');
  };
  return { attack, call };
}

/** Pushes work to a worker as pylm's do. */
export async function openPushingMaster(fleet: Fleet, random: Random): Promise<Siege> {
  const { transport, any } = fleet.ground;
  const frames = new Frames(random, 'm');
  const awaited = new Awaited();
  const connection = fleet.own(await transport.open());
  const push = await connection.bindPush(any);
  const pull = await connection.bindPull(any);
  const { address } = await connection.bindReply(any, () => bytes('m'));
  await fleet.work(address, { pushAddress: push.address, pullAddress: pull.address });
  const read = async () => {
    for await (const batch of pull) for (const frame of batch) awaited.took(frame);
  };
  read().catch(() => {});
  return {
    call: () => awaited.ask((frame) => push.send([frame])),
    attack: async (count) => {
      for (let left = count; left > 0; left -= 200) {
        await push.send(Array.from({ length: Math.min(200, left) }, () => frames.call()));
      }
    },
  };
}
