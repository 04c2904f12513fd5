import { PalmError, show } from '../../src/protocol/errors.ts';
import type { Bytes } from '../../src/protocol/utf8.ts';
import type { Delivery } from '../../src/transport.ts';
import { parseRelayedAddress } from '../websocket/address.ts';
import { CloseCode } from '../websocket/codes.ts';
import {
  ChannelKind,
  type ClientFrame,
  type Frame,
  type Message,
  type Open,
  type Request,
  type Send,
  Type,
} from '../websocket/frames.ts';
import { Ledger } from '../websocket/ledger.ts';
import { AnswerRoom, type AnswerTaker } from './answer-room.ts';
import type { CallGuard, Verdict } from './call-guard.ts';
import { ClientMemory } from './client-memory.ts';
import { closeFor } from './close-for.ts';
import { GivenWorks } from './given-work.ts';
import { isOf } from './guest.ts';
import type { Identity } from './identity.ts';
import type { KeptMessage } from './kept-message.ts';
import type { MemoryBudget } from './memory-budget.ts';
import { type PeerChannel, type PeerContext, PeerSubscription } from './peer-channels.ts';
import { PeerPuller } from './peer-puller.ts';
import { PeerPusher } from './peer-pusher.ts';
import { PeerRequests, type Requester } from './peer-requests.ts';
import { PushAccount } from './push-account.ts';
import type { RequestGuard } from './request-guard.ts';
import type { Limits } from './settings.ts';
import type { Upstream } from './upstream.ts';

/** Bytes that no call is smaller than, since its client's id is in it: what is smaller is counted as so many. */
const SMALLEST_CALL = 16;

/**
 * Characters of a topic that a client subscribes to, which begins with the client's id. Nobody needs more, and the relay keeps
 * it as long as the channel is there.
 */
const LONGEST_TOPIC = 1_024;

/** Bytes that the objects around a message cost that waits to be confirmed. */
const SENT_COST = 192;

/** What clients need of their relay, one for all of them. */
export interface PeerSettings {
  readonly limits: Limits;
  readonly calls: CallGuard;
  readonly requests: RequestGuard;
  /** @returns undefined for a server that there is not. */
  readonly find: (name: string) => Upstream | undefined;
  /** Ends the client's socket, for a reason; `isOver` when the session ends with it. */
  readonly end: (peer: Peer, code: number, reason: string, isOver: boolean) => void;
  /** Bytes that the client's socket has not taken. */
  readonly unsent: (peer: Peer) => number;
  readonly budget: MemoryBudget;
  readonly onRefused: (what: string) => void;
  readonly onLostWork: (count: number) => void;
}

/** One client: its session, over as many sockets as it takes. */
export class Peer implements PeerContext, Requester, AnswerTaker {
  /** Which the relay gave it. */
  readonly id: string;
  /** What it must show to go on with the session on another socket. */
  readonly session: string;
  identity: Identity;
  /** Whom it is counted with. */
  readonly group: string;
  readonly ledger = new Ledger();
  readonly given = new GivenWorks(() => this.#settings.onRefused('result'));
  readonly #settings: PeerSettings;
  readonly #channels = new Map<number, PeerChannel>();
  /** By the address that is pushed to. */
  readonly #accounts = new Map<string, PushAccount>();
  readonly #requests: PeerRequests;
  #callRoom: AnswerRoom | undefined;
  #replyRoom: AnswerRoom | undefined;
  /** Calls that left and were not answered, as far as answers tell. */
  #open = 0;
  readonly #memory: ClientMemory;
  #isClosed = false;

  /** @param group - whom it is counted with: where it comes from, and who it is. */
  constructor(id: string, session: string, identity: Identity, group: string, settings: PeerSettings) {
    this.id = id;
    this.session = session;
    this.identity = identity;
    this.group = group;
    this.#settings = settings;
    this.#requests = new PeerRequests(settings.requests, this);
    this.#memory = new ClientMemory({
      group,
      budget: settings.budget,
      most: settings.limits.maxHeld,
      // What its socket has not taken counts also when it was confirmed: nobody can have read it.
      outgoing: () => Math.max(this.ledger.held + this.ledger.unconfirmed * SENT_COST, settings.unsent(this)),
      end: (reason) => settings.end(this, CloseCode.slowConsumer, reason, true),
    });
  }

  get window(): number {
    return this.#settings.limits.window;
  }

  get callRoom(): AnswerRoom {
    this.#callRoom ??= this.#room();
    return this.#callRoom;
  }

  get replyRoom(): AnswerRoom {
    this.#replyRoom ??= this.#room();
    return this.#replyRoom;
  }

  get held(): number {
    return this.ledger.held;
  }

  /** Whether nothing that the client has asked for is still to come, as far as can be told. */
  get isIdle(): boolean {
    return this.#open === 0 && this.#requests.size === 0;
  }

  /** The client is who it was, but what it may do may be another thing. */
  identified(identity: Identity): void {
    this.identity = identity;
    for (const [number, { upstream, isForWork }] of this.#channels) {
      const against = this.#againstChannel(upstream.name, isForWork);
      if (against === undefined) continue;
      this.#closeChannel(number);
      this.#refuseChannel(number, against);
    }
  }

  /** It has a socket, over which so many messages came before. @throws PalmError `PROTOCOL` when that cannot be. */
  resume(out: (message: Bytes) => void, received: number): void {
    this.ledger.resume(out, received);
    this.#moved();
  }

  /** A message came. @throws PalmError for what no well-behaved client sends. */
  take(message: Message<ClientFrame>, size: number): void {
    const isNew = this.ledger.take(message, size);
    if (isNew) {
      const kept = this.#memory.message(size, framesIn(message));
      for (const frame of message.frames) this.#takeFrame(frame, kept);
      kept.done();
    }
    this.#moved();
  }

  /** So many bytes have come of a message that is not whole. */
  arriving(bytes: number): void {
    this.#memory.arriving(bytes);
  }

  /** A server's answers for the client. */
  deliver(upstream: Upstream, deliveries: readonly Delivery[]): void {
    let count = 0;
    let bytes = 0;
    for (const { frames } of deliveries) {
      count += frames.length;
      for (const { length } of frames) bytes += length;
    }
    this.#open = Math.max(0, this.#open - count);
    for (const channel of this.#channels.values()) if (channel instanceof PeerPusher) channel.payCredit();
    this.#distribute(upstream, deliveries);
    if (count > 0) this.callRoom.answered(count, bytes);
  }

  judge(upstream: Upstream, frame: Bytes): Verdict | Promise<Verdict> {
    return this.#settings.calls.judge(this, upstream, frame);
  }

  answer(topic: string, answer: Bytes): void {
    this.#settings.onRefused('call');
    this.#distribute(undefined, [{ topic, frames: [answer] }]);
  }

  called(count: number): void {
    this.#open += count;
  }

  violated(error: unknown): void {
    const { code, reason } = closeFor(error);
    this.#settings.end(this, code, reason, true);
  }

  /** @param upstream - who published; undefined for the relay itself, whose answers are to calls that never left. */
  #distribute(upstream: Upstream | undefined, deliveries: readonly Delivery[]): void {
    for (const channel of this.#channels.values()) {
      if (!(channel instanceof PeerSubscription)) continue;
      if (upstream !== undefined && channel.upstream !== upstream) continue;
      const own = deliveries.filter(({ topic }) => topic.startsWith(channel.topic));
      if (own.length > 0) channel.deliver(own.map((delivery) => this.#fitting(delivery)));
    }
  }

  /** Its socket is gone. It may be back. */
  away(): void {
    this.#memory.arriving(0);
    this.ledger.suspend();
    this.#requests.away();
  }

  /** Frees everything. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.ledger.suspend();
    this.#callRoom?.close();
    this.#replyRoom?.close();
    for (const channel of this.#channels.values()) channel.close();
    this.#channels.clear();
    this.#requests.close();
    this.#memory.close();
  }

  replied(id: number, reply: Bytes): void {
    const { maxFrame } = this.#settings.limits;
    if (reply.length <= maxFrame) {
      this.post([Type.reply, id, reply]);
      return;
    }
    const text = `the reply has ${reply.length} bytes, which is over the relay's limit of ${maxFrame}`;
    this.post([Type.failed, id, 'TOO_LARGE', text]);
  }

  failed(id: number, { code, message }: PalmError): void {
    if (code === 'FORBIDDEN') this.#settings.onRefused('request');
    this.post([Type.failed, id, code, message]);
  }

  post(frame: Frame): void {
    if (this.#isClosed) return;
    this.ledger.post(frame);
    this.#memory.changed();
  }

  /** Some of what was held for it is with the client. */
  #moved(): void {
    this.#memory.changed();
    this.#callRoom?.moved();
    this.#replyRoom?.moved();
  }

  /** For calls and for requests each a half of the half that is left to what comes unasked, or larger than it was thought. */
  #room(): AnswerRoom {
    return new AnswerRoom(this.#settings.limits.maxHeld / 4, this);
  }

  #takeFrame(frame: ClientFrame, message: KeptMessage): void {
    switch (frame[0]) {
      case Type.request:
        this.#takeRequest(frame, message);
        return;
      case Type.cancel:
        this.#requests.cancel(frame[1]);
        return;
      case Type.open:
        this.#openChannel(frame);
        return;
      case Type.close:
        this.#closeChannel(frame[1]);
        return;
      case Type.send:
        this.#takeSend(frame, message);
        return;
      case Type.taken: {
        const channel = this.#channels.get(frame[1]);
        if (channel instanceof PeerPuller && channel.taken(frame[2])) return;
        throw new PalmError('PROTOCOL', 'credit came that nothing was given for');
      }
      case Type.pong:
        return;
      default:
        throw new PalmError('PROTOCOL', 'a second greeting came');
    }
  }

  #takeRequest([, id, address, frame]: Request, message: KeptMessage): void {
    const { limits, find } = this.#settings;
    this.#checkSize(frame);
    const isOver = this.#requests.size >= limits.maxRequests || this.#requests.outstanding >= limits.window;
    if (isOver || this.#requests.has(id))
      throw new PalmError('PROTOCOL', 'more requests came than may be under way');
    const { server } = parseRelayedAddress(address);
    const upstream = this.identity.mayUse(server) ? find(server) : undefined;
    if (upstream === undefined) {
      this.#settings.onRefused('server');
      this.post([Type.failed, id, 'FORBIDDEN', this.#noServer(server)]);
      return;
    }
    this.#requests.ask(id, upstream, frame, message);
  }

  #openChannel([, number, kind, address, topic]: Open): void {
    const { limits, find, onLostWork } = this.#settings;
    if (this.#channels.has(number)) throw new PalmError('PROTOCOL', `channel ${number} is open already`);
    if (this.#channels.size >= limits.maxChannels)
      throw new PalmError('PROTOCOL', 'more channels were opened than a client may have');
    const { server, isForResults } = parseRelayedAddress(address);
    const against = this.#againstChannel(server, kind === ChannelKind.pull || isForResults);
    const upstream = against === undefined ? find(server) : undefined;
    if (upstream === undefined) {
      this.#refuseChannel(number, against ?? this.#noServer(server));
    } else if (kind === ChannelKind.push) {
      const account = this.#accountOf(address);
      const channel = new PeerPusher(number, this, upstream, !isForResults, account);
      this.#keep(number, channel);
      channel.attach(isForResults ? upstream.results : upstream.calls);
    } else if (kind === ChannelKind.subscribe) {
      if (!isOf(this.id, topic)) {
        throw new PalmError('FORBIDDEN', "a subscription is to topics that are another's");
      }
      if (topic.length > LONGEST_TOPIC) {
        throw new PalmError(
          'PROTOCOL',
          `a topic has ${topic.length} characters, of ${LONGEST_TOPIC} at most`,
        );
      }
      const channel = new PeerSubscription(number, this, upstream, topic);
      this.#keep(number, channel);
      channel.attach(upstream.answers);
    } else if (kind === ChannelKind.pull) {
      const channel = new PeerPuller(number, this, upstream, onLostWork);
      this.#keep(number, channel);
      channel.attach();
    } else throw new PalmError('PROTOCOL', `there is no channel of kind ${kind}`);
  }

  #keep(number: number, channel: PeerChannel): void {
    this.#channels.set(number, channel);
    this.#memory.opened(channel.size);
  }

  #refuseChannel(number: number, why: string): void {
    this.#settings.onRefused('channel');
    this.post([Type.refused, number, 'FORBIDDEN', why]);
  }

  #againstChannel(server: string, isForWork: boolean): string | undefined {
    const { identity } = this;
    if (!identity.mayUse(server)) return this.#noServer(server);
    return isForWork && !identity.mayWork ? `${identity.name} may not work for ${server}` : undefined;
  }

  #closeChannel(number: number): void {
    const channel = this.#channels.get(number);
    channel?.close();
    this.#channels.delete(number);
    if (channel !== undefined) this.#memory.closed(channel.size);
  }

  #accountOf(address: string): PushAccount {
    const account = this.#accounts.get(address) ?? new PushAccount();
    this.#accounts.set(address, account);
    return account;
  }

  #takeSend([, number, generation, frames]: Send, message: KeptMessage): void {
    const channel = this.#channels.get(number);
    if (!(channel instanceof PeerPusher) || frames.length === 0)
      throw new PalmError('PROTOCOL', `channel ${number} takes no frames, or none came`);
    for (const frame of frames) this.#checkSize(frame);
    const { window } = this.#settings.limits;
    const { outstanding, waiting } = channel.account;
    if (outstanding >= window || waiting >= window / SMALLEST_CALL) {
      throw new PalmError('PROTOCOL', 'more bytes came than may be under way');
    }
    channel.take(generation, frames, message);
  }

  #checkSize({ length }: Bytes): void {
    const { maxFrame } = this.#settings.limits;
    if (length > maxFrame)
      throw new PalmError('TOO_LARGE', `a frame of ${length} bytes is over the limit of ${maxFrame}`);
  }

  /** Results are as large as servers make them; one that is over the limit is said to be. */
  #fitting(delivery: Delivery): Delivery {
    const { maxFrame } = this.#settings.limits;
    if (delivery.frames.every(({ length }) => length <= maxFrame)) return delivery;
    const frames = delivery.frames.map((frame) =>
      frame.length <= maxFrame ? frame : this.#settings.calls.tooLarge(frame, maxFrame),
    );
    return { topic: delivery.topic, frames };
  }

  #noServer(server: string): string {
    return `${this.identity.name} may not use a server ${show(server)} here, or there is none`;
  }
}

/** Frames of a message, and PALM frames within them. */
function framesIn({ frames }: Message<ClientFrame>): number {
  let count = frames.length;
  for (const frame of frames) if (frame[0] === Type.send) count += frame[3].length;
  return count;
}
