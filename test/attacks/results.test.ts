/** Results that nobody asked for: given to a Master or a Hub, leased or pushed, straight or through the relay. */
import { createRequire } from 'node:module';
import { EnvelopeCodec } from '../../src/protocol/envelope.ts';
import { palmMessage } from '../../src/protocol/message.ts';
import type { Bytes } from '../../src/protocol/utf8.ts';
import { encodeWorkRequest, readWorkReply, type WorkItem, WorkKind } from '../../src/protocol/work.ts';
import { ChannelKind, Type } from '../../transports/websocket/frames.ts';
import { bytes, textOf } from '../bytes.ts';
import { frond } from '../cli/command.ts';
import { freeAddress } from '../cli/ports.ts';
import type { Up } from '../cli/service.ts';
import { envelope, type RawPeer } from '../relay/attacks/raw-peer.ts';
import { enter } from './clients.ts';
import { attack, type Field, pause, times } from './field.ts';
import { EVERYTHING, MASTER, pipeline, QUIET, tokens, WORKER } from './parts.ts';

const codec = new EnvelopeCodec();
const { Dealer, Push, Pull, Subscriber } = createRequire(import.meta.url)(
  'zeromq',
) as typeof import('zeromq');

const COUNT = times(200, 20_000);
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
  readonly ups: readonly Up[];
  readonly addressOf: (name: string, key: string) => string;
  /** What comes under the victim's topic, and that of the whole Master. */
  readonly heard: string[];
  readonly url: string;
}

function forge(name: string, sent: string, run: (scene: Scene) => Promise<void>): void {
  attack(`7 ${name}`, async (field) => {
    const { target, ups } = await field.serve(pipeline(await freeAddress(), await freeAddress()), 5);
    const addressOf = (role: string, key: string) =>
      ups.find((up) => up.name === role)?.addresses[`${key}_address`] ?? '';
    const worker = await field.worker(WORKER, addressOf(MASTER, 'db'));
    const names = [MASTER, 'hub', 'first', 'vault', QUIET];
    const relay = await field.relay({
      servers: Object.fromEntries(names.map((own) => [own, addressOf(own, 'db')])),
      tokens: tokens(0, { ...EVERYTHING, cache: 'none', functions: [] }),
    });
    const heard: string[] = [];
    const ear = field.own(new Subscriber({ linger: 0 }));
    for (const own of [MASTER, 'hub', 'vault']) ear.connect(addressOf(own, 'pub'));
    ear.subscribe(VICTIM);
    const hear = async () => {
      for await (const [topic] of ear) heard.push(String(topic));
    };
    hear().catch(() => {});
    const honest = [
      { db: addressOf(QUIET, 'db'), server: QUIET, path: `${QUIET}.upper` },
      { db: addressOf(MASTER, 'db'), server: MASTER, path: `${MASTER}.upper` },
    ];
    const bounds = { growth: 64, descriptors: 100 };
    await field.besiege(target, { sent, bounds, honest }, async (fell) => {
      await run({ field, ups, addressOf, heard, url: relay.url });
      await pause(ARRIVAL);
      if (heard.length > 0) fell(`a client got ${heard.length} results that nobody had worked for`);
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

forge(
  'results that are pushed straight',
  `${COUNT} results that nobody asked for, to where a Master and a Hub take results`,
  async ({ addressOf, field }) => {
    for (const [name, frame] of BOTH) {
      const push = field.own(new Push({ linger: 0, sendTimeout: 5_000 }));
      push.connect(addressOf(name, 'worker_pull'));
      for (let i = 0; i < COUNT / 2; i++) await push.send(frame);
    }
    await pause(ARRIVAL);
  },
);

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
  const end = performance.now() + times(1_500, 20_000);
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
function straight(field: Field, addressOf: Scene['addressOf']): Ask {
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

forge(
  'results of leases that are not held',
  `${COUNT} results under numbers that were never given, to a Master and a Hub`,
  ({ addressOf, field }) => forgeLeases(straight(field, addressOf), 'forger'),
);

forge(
  'results in another name, through the relay',
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
function twistedWork(name: string, asker: (scene: Scene) => Promise<{ ask: Ask; worker: string }>): void {
  attack(`7 ${name}`, async (field) => {
    const { target, ups } = await field.serve(pipeline(await freeAddress(), await freeAddress()), 5);
    const addressOf = (role: string, key: string) =>
      ups.find((up) => up.name === role)?.addresses[`${key}_address`] ?? '';
    await field.worker(WORKER, addressOf(MASTER, 'db'));
    const relay = await field.relay({
      servers: { [MASTER]: addressOf(MASTER, 'db') },
      tokens: tokens(0, { ...EVERYTHING, cache: 'none', functions: [] }),
    });
    const ear = field.own(new Subscriber({ linger: 0 }));
    ear.connect(addressOf(MASTER, 'pub'));
    ear.subscribe();
    const astray = new Set<string>();
    const hear = async () => {
      for await (const [topic, ...frames] of ear) {
        for (const frame of frames.filter(({ length }) => length > 0)) {
          const message = codec.decode(new Uint8Array(frame));
          const isForged = String(topic) === VICTIM || message.client === VICTIM;
          if (isForged) astray.add("another client's topic");
          if (message.function !== `${MASTER}.upper` || message.stage !== 0) astray.add('another path');
        }
      }
    };
    hear().catch(() => {});
    const honest = [{ db: addressOf(QUIET, 'db'), server: QUIET, path: `${QUIET}.upper` }];
    const calling = [{ db: addressOf(MASTER, 'db'), server: MASTER, path: `${MASTER}.upper` }];
    const sent = 'results of work that is held, in the name of another client and of another path';
    const bounds = { growth: 64, descriptors: 100 };
    await field.besiege(target, { sent, bounds, honest }, async (fell) => {
      const stop = await field.callOn(calling);
      const scene = { field, ups, addressOf, heard: [], url: relay.url };
      const { ask, worker } = await asker(scene);
      await twist(ask, worker);
      await pause(ARRIVAL);
      await stop();
      for (const where of astray) fell(`what a worker said led a result to ${where}`);
    });
  });
}

twistedWork('work that is held, twisted straight', async ({ field, addressOf }) => ({
  ask: straight(field, addressOf),
  worker: 'twister',
}));

twistedWork('work that is held, twisted through the relay', async ({ field, url }) => {
  const peer = await enter(field, url);
  if (peer === undefined) throw new Error('the relay lets nobody in');
  return { ask: relayed(peer), worker: `${peer.id}/twister` };
});

/** Pushed work, as pylm's workers take it. */
twistedWork('work that was pushed, twisted', async ({ field, addressOf }) => {
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
  await pause(times(1_500, 20_000));
  return { ask: async () => undefined, worker: '' };
});
