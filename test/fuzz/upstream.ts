/** A previous server that means harm. */
import type { Hub, Pipeline, Sink } from '../../src/cluster/index.ts';
import { EnvelopeCodec } from '../../src/protocol/envelope.ts';
import { palmMessage } from '../../src/protocol/message.ts';
import type { Delivery } from '../../src/transport.ts';
import { bytes, textOf } from '../support/bytes.ts';
import { Frames } from '../support/frames.ts';
import type { Random } from '../support/random.ts';
import { within } from '../support/wait.ts';
import type { Fleet } from './fleet.ts';
import type { Siege } from './targets.ts';

/** Deliveries at once: fewer than a subscription holds. */
const BURST = 100;

export async function openUpstream(
  fleet: Fleet,
  random: Random,
  role: 'pipeline' | 'sink' | 'hub',
): Promise<Siege> {
  const { transport, any } = fleet.ground;
  const connection = fleet.own(await transport.open());
  const upstream = await connection.bindPublish(any);
  const one = { subAddress: upstream.address, previous: 'previous' };
  const several = { subAddresses: [upstream.address], previous: ['previous'] };
  const own = await fleet.start<Pipeline | Sink | Hub>({
    role,
    name: 'server',
    ...(role === 'sink' ? several : one),
  });
  if (role === 'hub') await fleet.work(own.dbAddress);
  const results = connection.subscribe(own.pubAddress, 'real/');
  await within(5_000, Promise.all([own.ready(), results.ready()]), 'subscribing');
  const arrivals = results[Symbol.asyncIterator]();
  const codec = new EnvelopeCodec();
  const frames = new Frames(random, 'server');
  let asked = 0;
  let publishing = Promise.resolve();

  const publish = (deliveries: readonly Delivery[]) => {
    publishing = publishing.then(() => upstream.publish(deliveries));
    return publishing;
  };
  const call = async () => {
    const text = `call ${++asked}`;
    const message = palmMessage({ client: 'real/1', function: 'server.upper', payload: bytes(text) });
    await publish([{ topic: 'previous', frames: [codec.encode(message)] }]);
    const { value } = await within(15_000, arrivals.next(), text);
    const frame = value?.[0]?.frames[0];
    const answer = frame === undefined ? 'nothing' : textOf(codec.decode(frame).payload);
    if (answer !== text.toUpperCase()) throw new Error(`${answer} is the answer to ${text}`);
  };
  const delivery = (): Delivery => {
    const count = random.oneIn(200) ? random.below(500) : random.below(4);
    const topic = frames.topic('previous');
    return { topic, frames: Array.from({ length: count }, () => frames.call()) };
  };
  const attack = async (count: number) => {
    for (let left = count; left > 0; left -= BURST) {
      await publish(Array.from({ length: Math.min(BURST, left) }, delivery));
      // What is published past what a subscription holds is lost: that is no fault of the role's.
      if (left % (20 * BURST) === 0) await call();
    }
  };
  return { attack, call, isTaken: true };
}
