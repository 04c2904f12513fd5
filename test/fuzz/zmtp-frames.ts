/** Mutated frames of ZMTP for one end at one stage of the handshake. */
import { Random } from '../support/random.ts';
import { frameOf, GREETING, headOf, readyOf, subscriptionTo } from '../support/zmtp.ts';
import { ENDS, MemoryLink } from '../support/zmtp-ends.ts';

/** How far a peer is when its frames begin to be damaged. */
const STAGES = ['before the greeting', 'before READY', 'after READY', 'within a message'] as const;
type Stage = (typeof STAGES)[number];

/** Every kind of end at every stage that its peers can reach. */
export const PLACES: readonly (readonly [kind: string, stage: Stage])[] = Object.entries(ENDS).flatMap(
  ([kind, { takesMessages }]) =>
    STAGES.slice(0, takesMessages ? undefined : -1).map((stage) => [kind, stage] as const),
);

export interface Damage {
  /** Frames that an end has read, or refused to. */
  readonly frames: number;
  readonly links: number;
  /** How often each reason ended a link. */
  readonly refusals: ReadonlyMap<string, number>;
}

const command = (name: string, data = '') => {
  const body = Buffer.from(`${String.fromCharCode(name.length)}${name}${data}`, 'latin1');
  return Buffer.concat([Buffer.from([4, body.length]), body]);
};

/** Most frames for one link. */
const FRAMES = 40;
/** Links that are damaged at the same time, each with chances of its own: a turn of events for each alone would take longer than its frames. */
const ABREAST = 64;

/** Sends `count` mutated frames to one kind of end, over as many links as that takes. Rejects as {@link damageInTurn} does. */
export async function damage(kind: string, stage: Stage, count: number, random: Random): Promise<Damage> {
  const lanes = Array.from({ length: ABREAST }, () => new Random(random.below(0xffff_ffff)));
  const each = Math.ceil(count / ABREAST);
  const all = await Promise.all(lanes.map((own) => damageInTurn(kind, stage, each, own)));
  const refusals = new Map<string, number>();
  for (const own of all)
    for (const [reason, times] of own.refusals) refusals.set(reason, (refusals.get(reason) ?? 0) + times);
  const sum = (of: 'frames' | 'links') => all.reduce((total, own) => total + own[of], 0);
  return { frames: sum('frames'), links: sum('links'), refusals };
}

/**
 * Sends mutated frames over one link after another.
 * @throws Error when a link throws, ends twice or without a reason, or keeps more of a message than its bounds.
 */
async function damageInTurn(kind: string, stage: Stage, count: number, random: Random): Promise<Damage> {
  const peer = ENDS[kind]?.peer ?? '';
  const refusals = new Map<string, number>();
  let frames = 0;
  let links = 0;
  for (; frames < count; links++) {
    const link = new MemoryLink(kind, { maxMessageSize: 4_096, maxMessageParts: 8 }, random.oneIn(8));
    const before = STAGES.indexOf(stage);
    const greeting = Uint8Array.from(GREETING);
    greeting[11] = random.below(2);
    if (before > 0) await link.receive(greeting);
    if (before > 1) await link.receive(new Uint8Array(readyOf(peer)));
    if (before > 2) await link.receive(Uint8Array.of(1, 1, 7));
    const opening = [greeting, readyOf(peer)].slice(before);
    for (let sent = 0; sent < FRAMES && !link.isOver; sent++, frames++) {
      const frame = opening.shift() ?? oneFrame(random, peer);
      const mutated = random.oneIn(25) ? mutate(random, frame) : frame;
      const cut = random.oneIn(3) ? random.below(mutated.length) : mutated.length;
      for (const piece of [mutated.subarray(0, cut), mutated.subarray(cut)]) {
        const reading = piece.length > 0 ? link.receive(Uint8Array.from(piece)) : undefined;
        if (reading !== undefined) await reading;
      }
    }
    const { end, ends, mostParts, mostPartBytes } = await link.outcome();
    if (ends > 1) throw new Error(`the end of a link was told ${ends} times`);
    if (mostParts > 9 || mostPartBytes > 4_096)
      throw new Error(`${mostParts} parts of ${mostPartBytes} bytes are kept`);
    if (end === undefined) continue;
    if (end.violation === undefined) throw new Error(`a link ended without a violation: ${end.reason}`);
    refusals.set(end.reason, (refusals.get(end.reason) ?? 0) + 1);
  }
  return { frames, links, refusals };
}

function oneFrame(random: Random, peer: string): Buffer {
  switch (random.below(12)) {
    case 0:
      return command('PING', `${String.fromCharCode(0, random.below(256))}${'c'.repeat(random.below(20))}`);
    case 1:
      return command('PONG', 'context');
    case 2:
      return command(random.pick(['SUBSCRIBE', 'CANCEL']), random.pick(['', 'a', 'a/', 'b'.repeat(200)]));
    case 3:
      return subscriptionTo(random.bytes(random.below(40)));
    case 4:
      return random.oneIn(20) ? readyOf(peer) : command('UNHEARD', 'of');
    case 5:
      return headOf(random.pick([300n, 70_000n, 1n << 32n, 1n << 63n, (1n << 64n) - 1n]), random.oneIn(2));
    case 6:
      return frameOf(new Uint8Array(0), random.oneIn(2));
    case 7:
      return frameOf(Uint8Array.of(0, 0, 0, random.below(5)), true);
    default:
      return frameOf(random.bytes(random.below(random.oneIn(8) ? 600 : 30)), random.oneIn(3));
  }
}

function mutate(random: Random, frame: Uint8Array): Uint8Array {
  const mutated = Buffer.from(frame);
  const at = random.below(mutated.length);
  switch (random.below(4)) {
    case 0:
      return Buffer.concat([mutated.subarray(0, at), mutated.subarray(at + 1)]);
    case 1:
      return Buffer.concat([mutated.subarray(0, at), mutated]);
    case 2:
      return Buffer.concat([mutated.subarray(0, at), random.bytes(1 + random.below(8))]);
    default:
      mutated[at] = random.below(256);
      return mutated;
  }
}
