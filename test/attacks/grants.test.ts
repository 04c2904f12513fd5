/** Envelopes that two readers read differently: what a server gets is what the relay has judged, in the relay's own bytes. */
import { createRequire } from 'node:module';
import { EnvelopeCodec } from '../../src/protocol/envelope.ts';
import { palmMessage } from '../../src/protocol/message.ts';
import { ChannelKind, Type } from '../../transports/relay-protocol/frames.ts';
import { bytes } from '../support/bytes.ts';
import { frond } from '../support/command.ts';
import { freeAddress } from '../support/ports.ts';
import type { Random } from '../support/random.ts';
import { envelope, type RawPeer } from '../support/relay-peer.ts';
import { enter } from './clients.ts';
import { attack, pause, times } from './field.ts';
import { ATTACKER_TOKEN, EVERYTHING, HONEST_TOKEN, oneServer, SERVER, tokens } from './parts.ts';

const codec = new EnvelopeCodec();
const GRANTED = `${SERVER}.upper`;
const SECRET = `${SERVER}.secret`;
/** The server again, with a port in between that shows what the relay sends it. */
const WATCHED = 'watched';

const CLIENT = 2;
const STAGE = 3;
const FUNCTION = 4;

/** A number that takes so many bytes more than it must. */
function longVarint(value: number, more: number): number[] {
  const all: number[] = [];
  let rest = value;
  for (; rest >= 0x80; rest >>>= 7) all.push((rest & 0x7f) | 0x80);
  all.push(rest);
  for (let i = 0; i < more; i++) {
    all[all.length - 1] = (all.at(-1) ?? 0) | 0x80;
    all.push(0);
  }
  return all;
}

function field(number: number, text: string, more = 0, lengthMore = 0): number[] {
  const value = bytes(text);
  return [...longVarint(number * 8 + 2, more), ...longVarint(value.length, lengthMore), ...value];
}

/** What is around a field that some readers pass over: a group of a number that nobody knows. */
const grouped = (inner: readonly number[]) => [
  ...longVarint(77 * 8 + 3, 0),
  ...inner,
  ...longVarint(77 * 8 + 4, 0),
];

/** An envelope with what no writer writes, at one place or several of it. */
function mutant(random: Random, topic: string): Uint8Array {
  const [first, second] = random.oneIn(2) ? [GRANTED, SECRET] : [SECRET, GRANTED];
  const more = 1 + random.below(3);
  const parts: number[][] = [
    field(CLIENT, topic),
    field(FUNCTION, first),
    random.pick([
      () => field(FUNCTION, second, more),
      () => field(FUNCTION, second, 0, more),
      () => field(FUNCTION, second),
      () => grouped(field(FUNCTION, second)),
      () => [...longVarint(STAGE * 8, more), 1],
      () => [STAGE * 8, ...longVarint(0, more)],
      () => field(CLIENT, 'another/1', more),
      () => grouped(grouped([])),
      () => [...longVarint(FUNCTION * 8, 0), 1],
      () => [...longVarint(FUNCTION * 8 + 5, 0), 1, 2, 3, 4],
    ])(),
  ];
  if (random.oneIn(3)) parts.reverse();
  return new Uint8Array(parts.flat());
}

/** Whether a frame is what our own writer makes of what our own reader reads in it. */
function isCanonical(frame: Uint8Array<ArrayBuffer>): boolean {
  try {
    return Buffer.compare(codec.encode(palmMessage(codec.decode(frame))), frame) === 0;
  } catch {
    return false;
  }
}

const MUTANTS = times(600, 50_000);
const IN_ONE_SESSION = 20;

attack('1 grants and envelopes that are read in two ways', async (scene) => {
  const { target, ups } = await scene.serve(oneServer());
  const db = ups[0]?.addresses.db_address ?? '';
  const { Pull } = createRequire(import.meta.url)('zeromq') as typeof import('zeromq');
  const watch = scene.own(new Pull());
  const pushAddress = await freeAddress();
  await watch.bind(pushAddress);
  const seen: Uint8Array<ArrayBuffer>[] = [];
  const read = async () => {
    for await (const parts of watch) seen.push(...parts.map((part) => new Uint8Array(part)));
  };
  read().catch(() => {});
  const relay = await scene.relay({
    servers: { [SERVER]: db, [WATCHED]: { dbAddress: db, pushAddress } },
    tokens: tokens(0, { ...EVERYTHING, cache: 'none', functions: [GRANTED] }),
  });
  const honest = [{ url: relay.url, token: HONEST_TOKEN, server: SERVER, path: GRANTED }];
  const sent = `${MUTANTS} envelopes with doubled fields, groups, and tags and lengths longer than they must be, to a relay`;
  const bounds = { growth: 96, descriptors: 200 };
  await scene.besiege(relay.target, { sent, bounds, honest }, async (fell) => {
    let peer: RawPeer | undefined;
    for (let i = 0; i < MUTANTS; i++) {
      // A relay may hang up on who sends such a thing.
      if (peer === undefined || peer.socket.readyState !== peer.socket.OPEN || i % IN_ONE_SESSION === 0) {
        peer?.socket.terminate();
        peer = await enter(scene, relay.url, 0, ATTACKER_TOKEN);
        if (peer === undefined) throw new Error('the relay lets nobody in any more');
        for (const [channel, server] of [
          [1, SERVER],
          [2, WATCHED],
        ] as const) {
          peer.send([Type.open, channel, ChannelKind.push, server, '']);
          await peer.next((own) => own[0] === Type.ready && own[1] === channel).catch(() => {});
        }
      }
      const frame = mutant(scene.random, `${peer.id}/1`) as Uint8Array<ArrayBuffer>;
      peer.send([Type.send, 1 + (i % 2), 1, [frame]]);
      if (i % 4 === 0) await pause(1);
    }
    // One that is as it should be is there last.
    const last = await enter(scene, relay.url, 0, ATTACKER_TOKEN);
    last?.send([Type.open, 1, ChannelKind.push, WATCHED, '']);
    await last?.next((own) => own[0] === Type.ready);
    last?.send([Type.send, 1, 1, [envelope({ client: `${last.id}/1`, function: GRANTED })]]);
    await pause(300);
    if (!seen.some(isCanonical)) fell('nothing was seen of what the relay sends');
    const passed = seen.filter((frame) => !isCanonical(frame));
    if (passed.length > 0) {
      fell(`${passed.length} envelopes reached the server in bytes of the client's`);
      const judged = passed.filter((frame) => Buffer.from(frame).includes(SECRET));
      if (judged.length > 0) fell(`${judged.length} of them name a function that was not granted`);
    }
    const { code } = await frond(['get', 'secret ran', '--db', db]);
    if (code === 0) fell('the function ran that was not granted');
  });
  if (target.hasEnded) throw new Error('the server ended');
});
