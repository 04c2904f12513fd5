/** Results that nobody asked for: given to a Master or a Hub, leased or pushed, straight or through the relay. */
import { createRequire } from 'node:module';
import type { Bytes } from '../../src/protocol/bytes.ts';
import { EnvelopeCodec } from '../../src/protocol/envelope.ts';
import { palmMessage } from '../../src/protocol/message.ts';
import {
  encodeWorkRequest,
  readWorkReply,
  type WorkItem,
  WorkKind,
} from '../../src/protocol/work-request.ts';
import { ChannelKind, Type } from '../../transports/relay-protocol/frames.ts';
import { bytes, textOf } from '../support/bytes.ts';
import { frond } from '../support/command.ts';
import { freeAddress } from '../support/ports.ts';
import { envelope, type RawPeer } from '../support/relay-peer.ts';
import { enter } from './clients.ts';
import { attack, type Field, pause, times } from './field.ts';
import { EVERYTHING, MASTER, pipeline, QUIET, tokens, WORKER } from './parts.ts';

const codec = new EnvelopeCodec();
const { Dealer, Push, Pull, Subscriber } = createRequire(import.meta.url)(
  'zeromq',
) as typeof import('zeromq');

const COUNT = times(200, 20_000);
/** Milliseconds of work that is answered with what it is not. */
const TWISTING = times(1_500, 20_000);
/** Who gets what was made up, if anybody believes it. */
const VICTIM = 'victim/1';
/** So that answers and forgeries have all arrived. */
const ARRIVAL = 400;

const forged = (path: string, client = VICTIM) =>
  envelope({ client, function: path, stage: path.startsWith(MASTER) ? 0 : 1, payload: bytes('made up') });
/** What a Hub would give to the next server, and what a Master would give to a client. */
const TO_VAULT = forged('first.upper hub.upper vault.secret');
const TO_VICTIM = forged(`${MASTER}.upper`);

interface Scene {
  readonly field: Field;
  readonly addressOf: (name: string, key: string) => string;
  /** URL of the relay, at which the attacker may work and call nothing. */
  readonly url: string;
}

/** A Master, a Hub in a pipeline, and a relay before them. */
async function open(field: Field) {
  const { target, ups } = await field.serve(pipeline(await freeAddress(), await freeAddress()), 5);
  const addressOf = (name: string, key: string) =>
    ups.find((up) => up.name === name)?.addresses[`${key}_address`] ?? '';
  const { url } = await field.relay({
    servers: Object.fromEntries(ups.map(({ name, addresses }) => [name, addresses.db_address])),
    tokens: tokens(0, { ...EVERYTHING, cache: 'none', functions: [] }),
  });
  return { target, scene: { field, addressOf, url } satisfies Scene };
}

/** Takes everything that is published under a topic, and hands on its topic and each envelope. */
function listen(
  { field, addressOf }: Scene,
  names: readonly string[],
  prefix: string,
  heard: (topic: string, frames: readonly Bytes[]) => void,
): void {
  const ear = field.own(new Subscriber({ linger: 0 }));
  for (const name of names) ear.connect(addressOf(name, 'pub'));
  ear.subscribe(prefix);
  const hear = async () => {
    for await (const [topic, ...frames] of ear) {
      heard(
        String(topic),
        frames.map((frame) => new Uint8Array(frame)),
      );
    }
  };
  // Until it is closed.
  hear().catch(() => {});
}

const bounds = { growth: 64, descriptors: 100 };
const wayTo = ({ addressOf }: Scene, server: string) => ({
  db: addressOf(server, 'db'),
  server,
  path: `${server}.upper`,
});

function forge(name: string, sent: string, run: (scene: Scene) => Promise<unknown>): void {
  attack(`7 ${name}`, async (field) => {
    const { target, scene } = await open(field);
    const { addressOf } = scene;
    const worker = await field.worker(WORKER, addressOf(MASTER, 'db'));
    let heard = 0;
    listen(scene, [MASTER, 'hub', 'vault'], VICTIM, () => heard++);
    const honest = [wayTo(scene, QUIET), wayTo(scene, MASTER)];
    await field.besiege(target, { sent, bounds, honest }, async (fell) => {
      await run(scene);
      await pause(ARRIVAL);
      if (heard > 0) fell(`a client got ${heard} results that nobody had worked for`);
      const { code } = await frond(['get', 'secret ran', '--db', addressOf('vault', 'db')]);
      if (code === 0) fell('the next server ran a function that was not granted');
    });
    if (worker.hasEnded) throw new Error(await worker.ended);
  });
}

const BOTH = [
  ['hub', TO_VAULT],
  [MASTER, TO_VICTIM],
] as const;

/** Asks a Master or Hub for work under an id of its own, and gives what it says. */
type Ask = (name: string, frame: Bytes) => Promise<Bytes | undefined>;

async function forgeLeases(ask: Ask, worker: string): Promise<void> {
  for (const [name, frame] of BOTH) {
    const items: WorkItem[] = Array.from({ length: COUNT / 2 }, (_, i) => ({
      lease: 1 + i,
      kind: i % 2 === 0 ? WorkKind.open : WorkKind.done,
      frame,
    }));
    const base = { worker, name: 'forger', leaves: false, isAway: false };
    await ask(name, encodeWorkRequest(codec, { ...base, sequence: 1, want: 0, items }));
  }
}

/** Takes work that honest clients gave, and answers it with what was never asked: another client's, another path, in each. */
async function twist(ask: Ask, worker: string): Promise<void> {
  const end = performance.now() + TWISTING;
  const base = { worker, name: 'twister', leaves: false, isAway: false };
  let items: WorkItem[] = [];
  for (let sequence = 1; performance.now() < end; sequence++) {
    const reply = await ask(MASTER, encodeWorkRequest(codec, { ...base, sequence, want: 4, items }));
    if (reply === undefined) return;
    items = readWorkReply(codec, reply).flatMap(({ lease, frame }) => {
      const message = codec.decode(frame);
      const payload = bytes(textOf(message.payload).toUpperCase());
      const other = codec.encode(palmMessage({ ...message, client: VICTIM, payload: bytes('twisted') }));
      const moved = codec.encode({
        ...message,
        payload,
        client: message.client,
        function: 'x.y vault.secret',
        stage: 1,
      });
      return [
        { lease, kind: WorkKind.open, frame: other },
        { lease, kind: WorkKind.done, frame: moved },
      ];
    });
  }
  await ask(MASTER, encodeWorkRequest(codec, { ...base, sequence: 1_000_000, want: 0, items, leaves: true }));
}

/** Asks a server straight. */
function straight({ field, addressOf }: Scene): Ask {
  return async (name, frame) => {
    const dealer = field.own(new Dealer({ linger: 0, receiveTimeout: 3_000 }));
    dealer.connect(addressOf(name, 'db'));
    await dealer.send([new Uint8Array(0), frame]);
    const reply = await dealer.receive().catch(() => undefined);
    dealer.close();
    const [, answer] = reply ?? [];
    return answer === undefined ? undefined : new Uint8Array(answer);
  };
}

function relayed(peer: RawPeer): Ask {
  let asked = 0;
  return async (name, frame) => {
    const answer = await peer.ask(++asked, name, frame).catch(() => undefined);
    peer.frames.length = 0;
    return typeof answer === 'string' ? undefined : answer;
  };
}

async function pushForged({ addressOf, field }: Scene): Promise<void> {
  for (const [name, frame] of BOTH) {
    const push = field.own(new Push({ linger: 0, sendTimeout: 5_000 }));
    push.connect(addressOf(name, 'worker_pull'));
    for (let i = 0; i < COUNT / 2; i++) await push.send(frame);
  }
  await pause(ARRIVAL);
}

forge(
  'results nobody asked for',
  `${COUNT} results pushed to a Master and a Hub, and as many under numbers of leases that were never given`,
  (scene) => Promise.all([pushForged(scene), forgeLeases(straight(scene), 'forger')]),
);

forge(
  'results nobody asked for, through the relay',
  `${COUNT} results that nobody asked for, pushed and leased, of a client that may work and call nothing`,
  async ({ field, url }) => {
    const peer = await enter(field, url);
    if (peer === undefined) throw new Error('the relay lets nobody in');
    await forgeLeases(relayed(peer), `${peer.id}/forger`);
    for (const [index, [name, frame]] of BOTH.entries()) {
      const channel = index + 1;
      peer.send([Type.open, channel, ChannelKind.push, `${name}/results`, '']);
      await peer.next((own) => own[0] === Type.ready && own[1] === channel);
      for (let i = 0; i < COUNT / 2; i++) peer.send([Type.send, channel, 1, [frame]]);
    }
    await pause(ARRIVAL);
  },
);

/** Work that is held, by somebody who says of it what it is not: the answer is that of the call, and nobody else's. */
function twistedWork(name: string, run: (scene: Scene) => Promise<unknown>): void {
  attack(`7 ${name}`, async (field) => {
    const { target, scene } = await open(field);
    const astray = new Set<string>();
    listen(scene, [MASTER], '', (topic, frames) => {
      for (const frame of frames.filter(({ length }) => length > 0)) {
        const message = codec.decode(frame);
        if (topic === VICTIM || message.client === VICTIM) astray.add("another client's topic");
        if (message.function !== `${MASTER}.upper` || message.stage !== 0) astray.add('another path');
      }
    });
    const sent = 'results of work that is held, in the name of another client and of another path';
    await field.besiege(target, { sent, bounds, honest: [wayTo(scene, QUIET)] }, async (fell) => {
      const stop = await field.callOn([wayTo(scene, MASTER)]);
      await run(scene);
      await pause(ARRIVAL);
      await stop();
      for (const where of astray) fell(`what a worker said led a result to ${where}`);
    });
  });
}

twistedWork('leased work, twisted', async (scene) => {
  const { field, addressOf, url } = scene;
  await field.worker(WORKER, addressOf(MASTER, 'db'));
  const peer = await enter(field, url);
  if (peer === undefined) throw new Error('the relay lets nobody in');
  await Promise.all([twist(straight(scene), 'twister'), twist(relayed(peer), `${peer.id}/twister`)]);
});

twistedWork('pushed work, twisted', async ({ field, addressOf }) => {
  const pull = field.own(new Pull({ linger: 0 }));
  const push = field.own(new Push({ linger: 0 }));
  pull.connect(addressOf(MASTER, 'worker_push'));
  push.connect(addressOf(MASTER, 'worker_pull'));
  const work = async () => {
    for await (const frames of pull) {
      for (const frame of frames) {
        const message = codec.decode(new Uint8Array(frame));
        await push.send(codec.encode({ ...message, client: VICTIM, function: 'x.y vault.secret', stage: 1 }));
      }
    }
  };
  work().catch(() => {});
  await pause(TWISTING);
});
