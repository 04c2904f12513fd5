/**
 * What a client keeps of its session so that another relay can adopt it, when the one that had it is gone: frames that may not be stored, and
 * up to where it has the answers (docs/protocol/relay.md, "A relay that is gone"). The rest of the transport sees a session that goes on.
 */
import type { Bytes } from '../../src/protocol/bytes.ts';
import { EnvelopeCodec } from '../../src/protocol/envelope.ts';
import type { Delivery } from '../../src/transport.ts';
import {
  ChannelKind,
  type Frame,
  type Open,
  type Placed,
  type RelayFrame,
  type Request,
  type Send,
  Type,
} from '../relay-protocol/frames.ts';
import { RESULTS } from '../relay-protocol/server-address.ts';

/** Sends a frame. `flow` names the frames that it must stay in order with. */
type Post = (frame: Frame, flow?: () => string) => void;

export class AdoptableSession {
  readonly #post: Post;
  readonly #arrived: (frames: readonly RelayFrame[]) => void;
  readonly #codec = new EnvelopeCodec();
  readonly #channels = new Map<number, KeptChannel>();
  /** Requests without a reply, by id. */
  readonly #requests = new Map<number, Request>();

  /**
   * @param post - sends a frame to the relay that has the session now.
   * @param arrived - takes frames that the relay which is gone can no longer send.
   */
  constructor(post: Post, arrived: (frames: readonly RelayFrame[]) => void) {
    this.#post = post;
    this.#arrived = arrived;
  }

  /** Sends a frame of the client's. */
  post(frame: Frame, flow?: () => string): void {
    switch (frame[0]) {
      case Type.open:
        this.#open(frame);
        return;
      case Type.close:
        this.#channels.delete(frame[1]);
        break;
      case Type.send: {
        const own = this.#channels.get(frame[1])?.keep(frame, flow);
        if (own !== undefined) {
          if (own !== 'kept') this.#post(own, flow);
          return;
        }
        break;
      }
      case Type.request:
        this.#requests.set(frame[1], frame);
        break;
      case Type.cancel:
        this.#requests.delete(frame[1]);
    }
    this.#post(frame, flow);
  }

  /** Takes the frames that came. @returns those that the channels understand. */
  took(frames: readonly RelayFrame[]): readonly RelayFrame[] {
    return frames.flatMap((frame) => {
      if (frame[0] === Type.reply || frame[0] === Type.failed) this.#requests.delete(frame[1]);
      else if (frame[0] !== Type.welcome && frame[0] !== Type.ping && frame[0] !== Type.pong) {
        return this.#channels.get(frame[1])?.took(frame, this.#post) ?? [frame];
      }
      return [frame];
    });
  }

  /** Another relay has adopted the session. */
  adopted(): void {
    const channels = [...this.#channels.values()];
    const left = channels.flatMap((channel) => channel.left());
    for (const channel of channels) this.#post(channel.openFrame);
    const failed = [...this.#requests.values()].flatMap((request) => this.#askAgain(request));
    // At the end: who hears of it may use any channel at once.
    this.#arrived([...left, ...failed]);
  }

  #open(frame: Open): void {
    const [, number, kind, address] = frame;
    const channel =
      kind === ChannelKind.subscribe
        ? new KeptSubscription(frame)
        : kind === ChannelKind.push && !address.endsWith(RESULTS)
          ? new KeptPush(frame)
          : new PlainChannel(frame);
    this.#channels.set(number, channel);
    this.#post(channel.openFrame);
  }

  /** What only reads is asked again. Nobody knows what became of the rest. @returns what failed. */
  #askAgain(request: Request): readonly RelayFrame[] {
    const [, id, , frame] = request;
    if (this.#codec.decode(frame).function.endsWith('.get')) {
      this.#post(request);
      return [];
    }
    this.#requests.delete(id);
    return [[Type.failed, id, 'DISCONNECTED', GONE]];
  }
}

const GONE = 'the relay is gone, and nobody knows what became of the request';

/** A channel, as its relay opened it. */
abstract class KeptChannel {
  protected readonly opened: Open;
  protected readonly number: number;

  constructor(opened: Open) {
    this.opened = opened;
    this.number = opened[1];
  }

  /** The frame that opens it at a relay. */
  abstract readonly openFrame: Frame;

  /** The relay that opened it is gone. @returns what the channel has to know of that. */
  abstract left(): readonly RelayFrame[];

  /** Takes a frame that came for it. @returns what the channel is to have of that. */
  abstract took(frame: RelayFrame, post: Post): readonly RelayFrame[];

  /** Keeps what the channel sends. @returns what to send in its place; undefined for the frame as it is. */
  keep(_frame: Send, _flow?: () => string): Frame | 'kept' | undefined {
    return undefined;
  }
}

/** A channel that breaks with its relay: a worker's. */
class PlainChannel extends KeptChannel {
  get openFrame(): Frame {
    return this.opened;
  }

  left(): readonly RelayFrame[] {
    return [[Type.broken, this.number, 'LOST', 'the relay is gone']];
  }

  took(frame: RelayFrame): readonly RelayFrame[] {
    return [frame];
  }
}

/** A channel that goes on at another relay, without a break that anybody sees. */
abstract class GoingOn extends KeptChannel {
  /** Whether the channel is ready, as far as its user knows. */
  #isReady = false;
  /** Whether it waits until the relay that has adopted the session has it ready. */
  protected isPending = false;
  /** The last generation that the channel's user knows, and what it is ahead of the relay's. */
  #generation = 0;
  #ahead = 0;

  /** Where it begins at a relay: the last part of `openFrom`. */
  protected abstract readonly from: number;

  get openFrame(): Frame {
    return [Type.openFrom, ...parts(this.opened), this.from];
  }

  left(): readonly RelayFrame[] {
    this.isPending = this.#isReady;
    this.#ahead = this.#isReady ? this.#generation - 1 : this.#generation;
    return [];
  }

  took(frame: RelayFrame, post: Post): readonly RelayFrame[] {
    switch (frame[0]) {
      case Type.ready: {
        this.#generation = frame[2] + this.#ahead;
        this.#isReady = true;
        if (!this.isPending) return [[Type.ready, this.number, this.#generation, frame[3]]];
        this.isPending = false;
        this.goOn(post);
        return [];
      }
      case Type.broken:
      case Type.refused:
        this.#isReady = false;
        this.isPending = false;
        this.ended();
        return [frame];
      default:
        return this.given(frame);
    }
  }

  /** The generation that the relay knows. */
  protected relayed(generation: number): number {
    return generation - this.#ahead;
  }

  protected get generation(): number {
    return this.#generation;
  }

  /** It is ready at the relay that has adopted the session. */
  protected goOn(_post: Post): void {}

  /** What was sent is over. */
  protected ended(): void {}

  protected abstract given(frame: RelayFrame): readonly RelayFrame[];
}

function parts([, number, kind, address, topic]: Open) {
  return [number, kind, address, topic] as const;
}

/** A frame that was pushed. */
interface KeptFrame {
  readonly frame: Bytes;
  /** Of those that were pushed together it is the same function. */
  readonly flow: (() => string) | undefined;
}

/** Keeps what was pushed until it is stored. */
class KeptPush extends GoingOn {
  /** By number, in order. */
  readonly #kept = new Map<number, KeptFrame>();
  #next = 0;
  protected readonly from = 0;

  override keep([, , generation, frames]: Send, flow?: () => string): Frame | 'kept' {
    const first = this.#next;
    for (const frame of frames) this.#kept.set(this.#next++, { frame, flow });
    return this.isPending ? 'kept' : this.#store(this.relayed(generation), first, frames);
  }

  protected override goOn(post: Post): void {
    const generation = this.relayed(this.generation);
    let first = 0;
    let frames: Bytes[] = [];
    let together: KeptFrame['flow'];
    const leave = () => {
      if (frames.length > 0) post(this.#store(generation, first, frames), together);
      frames = [];
    };
    for (const [number, { frame, flow }] of this.#kept) {
      if (flow !== together || number !== first + frames.length) leave();
      if (frames.length === 0) first = number;
      together = flow;
      frames.push(frame);
    }
    leave();
  }

  protected override ended(): void {
    this.#kept.clear();
  }

  protected given(frame: RelayFrame): readonly RelayFrame[] {
    if (frame[0] !== Type.stored) return [frame];
    const [, channel, count, ranges] = frame;
    for (let i = 0; i + 1 < ranges.length; i += 2) {
      const [first = 0, many = 0] = ranges.slice(i, i + 2);
      // No more than were sent, whatever the relay says.
      const end = Math.min(first + many, this.#next);
      for (let number = first; number < end; number++) this.#kept.delete(number);
    }
    return [[Type.taken, channel, count]];
  }

  #store(generation: number, first: number, frames: readonly Bytes[]): Frame {
    return [Type.store, this.number, generation, first, frames];
  }
}

/** Knows up to where answers have come, so that none is missed and none comes twice. */
class KeptSubscription extends GoingOn {
  /** Up to this position everything has come; -1 before that is known. */
  #place = -1;
  /** The frames of this relay that come next in order, and those that came before one: the position each reached. */
  #next = 1;
  readonly #early = new Map<number, number>();
  /** How many envelopes have come of deliveries behind the place, and how many of them from this relay, by position. */
  readonly #came = new Map<number, number>();
  readonly #fromHere = new Map<number, number>();

  protected get from(): number {
    return this.#place + 1;
  }

  override left(): readonly RelayFrame[] {
    this.#next = 1;
    this.#early.clear();
    this.#fromHere.clear();
    return super.left();
  }

  protected given(frame: RelayFrame): readonly RelayFrame[] {
    if (frame[0] !== Type.placed) return [frame];
    const [, number, count, reached] = frame;
    const deliveries = this.#new(frame);
    this.#early.set(count, reached);
    for (let to = this.#early.get(this.#next); to !== undefined; to = this.#early.get(this.#next)) {
      this.#early.delete(this.#next++);
      this.#place = Math.max(this.#place, to);
    }
    for (const counts of [this.#came, this.#fromHere]) {
      for (const position of counts.keys()) {
        // They come nearly in order.
        if (position > this.#place) break;
        counts.delete(position);
      }
    }
    return deliveries.length === 0 ? [] : [[Type.results, number, deliveries]];
  }

  /** The deliveries without what has come already. */
  #new([, , , , positions, deliveries]: Placed): Delivery[] {
    return deliveries.flatMap(({ topic, frames }, i) => {
      const position = positions[i] ?? 0;
      // The relay's own answer, which is stored nowhere.
      if (position === 0) return [{ topic, frames }];
      const before = this.#fromHere.get(position) ?? 0;
      const known = this.#came.get(position) ?? 0;
      const now = before + frames.length;
      this.#fromHere.set(position, now);
      this.#came.set(position, Math.max(known, now));
      const fresh = frames.slice(Math.max(0, known - before));
      return fresh.length === 0 ? [] : [{ topic, frames: fresh }];
    });
  }
}
