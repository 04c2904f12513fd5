import type { Bytes } from '../../../src/protocol/bytes.ts';
import type { CancelNotice } from '../../../src/protocol/cancel.ts';
import { messageOf, PalmError } from '../../../src/protocol/errors.ts';
import { isProgressTopic } from '../../../src/protocol/progress.ts';
import type { Delivery } from '../../../src/transport.ts';
import * as CloseCode from '../../relay-protocol/close-codes.ts';
import {
  type ClientFrame,
  type Frame,
  type Message,
  type Request,
  readClientFrame,
  Type,
} from '../../relay-protocol/frames.ts';
import { Incoming } from '../../relay-protocol/pieces.ts';
import { MESSAGE_ROOM, ReliableLog } from '../../relay-protocol/reliable-log.ts';
import { parseRelayedAddress } from '../../relay-protocol/server-address.ts';
import type { CallGuard } from '../auth/call-guard.ts';
import type { ConnectionInfo, Identity } from '../auth/identity.ts';
import type { RequestGuard } from '../auth/request-guard.ts';
import type { Upstream } from '../upstream/upstream.ts';
import { AnswerBudget, type AnswerTaker } from './answer-budget.ts';
import { WorkAssignments } from './assigned-work.ts';
import type { ChannelContext, SessionSubscription } from './channel.ts';
import { SessionChannels, type SessionChannelsSettings } from './channels.ts';
import { ClientMemory } from './client-memory.ts';
import type { MemoryBudget } from './memory-budget.ts';
import { type RequestContext, SessionRequests } from './requests.ts';
import type { RetainedMessage } from './retained-message.ts';

/** Bytes of the objects around a message that waits for its confirmation. */
const SENT_COST = 192;

/** Bytes of memory for each byte of an incomplete frame: its buffer doubles as it grows. */
const PIECE_COST = 2;

/** What the sessions of a relay share. */
export interface SessionSettings extends SessionChannelsSettings {
  readonly calls: CallGuard;
  readonly requests: RequestGuard;
  readonly budget: MemoryBudget;
  /** Takes a session that has ended out of the relay's table, which frees it. */
  readonly forget: (session: ClientSession) => void;
}

/** The WebSocket that a client is connected by, as far as its session uses it. */
export interface SessionSocket {
  /** Bytes that the client's side has not taken. */
  readonly unsent: number;
  send(message: Bytes): void;
  /** Closes the connection with a close code and its reason. */
  close(code: number, reason: string): void;
}

/** What a client showed when it connected. */
export interface Credentials {
  readonly token: string | undefined;
  readonly info: ConnectionInfo;
}

/** What a session begins with: see {@link ClientSession}. */
export type NewSession = Pick<ClientSession, 'id' | 'isAdopted' | 'secret' | 'identity' | 'group'>;

/** The session of one client, which outlives its sockets. */
export class ClientSession implements ChannelContext, RequestContext, AnswerTaker {
  /** The id that the relay gave the client. */
  readonly id: string;
  readonly isAdopted: boolean;
  /** What the client must show to resume the session on another socket. */
  readonly secret: string;
  identity: Identity;
  /** The group that it is counted with: its network and its identity's name. */
  readonly group: string;
  readonly log: ReliableLog = new ReliableLog();
  readonly #incoming: Incoming<ClientFrame>;
  readonly assignments: WorkAssignments = new WorkAssignments(() => this.#settings.onRefused('result'));
  readonly callGuard: CallGuard;
  readonly #settings: SessionSettings;
  readonly #channels: SessionChannels;
  readonly #requests: SessionRequests;
  #callBudget: AnswerBudget | undefined;
  #replyBudget: AnswerBudget | undefined;
  /** Whether envelopes count for half a window at most: by the first greeting, so that one is taken off as it was counted. */
  #isPaced: boolean | undefined;
  #pongs = 0;
  /** Calls that left and have no answer yet, as far as the number of answers shows. */
  #openCalls = 0;
  /** Servers that the client has called. */
  readonly #called = new Set<Upstream>();
  readonly #memory: ClientMemory;
  /** The one that the client is connected by; undefined while it is away. */
  #socket: SessionSocket | undefined;
  /** Kept as long as the session, so that the client can be authenticated again. Nothing else holds a token. */
  #credentials: Credentials | undefined;
  #isClosed = false;
  /** Since when the client is away. */
  #awaySince = 0;

  constructor({ id, isAdopted, secret, identity, group }: NewSession, settings: SessionSettings) {
    this.id = id;
    this.isAdopted = isAdopted;
    this.secret = secret;
    this.identity = identity;
    this.group = group;
    this.callGuard = settings.calls;
    this.#settings = settings;
    this.#incoming = new Incoming(readClientFrame, settings.limits.maxFrame + MESSAGE_ROOM);
    this.#requests = new SessionRequests(settings.requests, this);
    this.#memory = new ClientMemory({
      group,
      budget: settings.budget,
      most: settings.limits.maxHeld,
      // Bytes in the socket count even when they were confirmed, because the client cannot have read them.
      outgoing: () => Math.max(this.log.held + this.log.unconfirmed * SENT_COST, this.#socket?.unsent ?? 0),
      working: () => this.assignments.bytes + this.#requests.workerBytes,
      end: (reason) => this.end(CloseCode.slowConsumer, reason),
    });
    this.#channels = new SessionChannels(this, this.#memory, settings);
  }

  get window(): number {
    return this.#settings.limits.window;
  }

  counted({ length }: Bytes): number {
    return this.#isPaced === true ? Math.min(length, Math.ceil(this.window / 2)) : length;
  }

  get callBudget(): AnswerBudget {
    this.#callBudget ??= this.#newAnswerBudget();
    return this.#callBudget;
  }

  get replyBudget(): AnswerBudget {
    this.#replyBudget ??= this.#newAnswerBudget();
    return this.#replyBudget;
  }

  get held(): number {
    return this.log.held;
  }

  /** Whether all calls and requests of the client are answered, as far as the relay can tell. */
  get isIdle(): boolean {
    return this.#openCalls === 0 && this.#requests.size === 0;
  }

  /** Pings that the client has answered. */
  get pongs(): number {
    return this.#pongs;
  }

  get isConnected(): boolean {
    return this.#socket !== undefined;
  }

  /** Milliseconds that the client has been away; undefined while it is connected. */
  get absence(): number | undefined {
    return this.#socket === undefined ? performance.now() - this.#awaySince : undefined;
  }

  get credentials(): Credentials | undefined {
    return this.#credentials;
  }

  /** The client is connected by this socket from now on. One that it was connected by before is closed. */
  attach(socket: SessionSocket): void {
    this.#socket?.close(CloseCode.replaced, 'another connection took the session over');
    this.#socket = socket;
  }

  /** The socket has ended. @returns whether the client was connected by it. */
  detach(socket: SessionSocket): boolean {
    if (this.#socket !== socket) return false;
    this.#socket = undefined;
    return true;
  }

  /** The client was let in with these. */
  admitted(credentials: Credentials): void {
    this.#memory.holds((credentials.token?.length ?? 0) - (this.#credentials?.token?.length ?? 0));
    this.#credentials = credentials;
  }

  /** The client's grants may have changed. */
  identified(identity: Identity): void {
    this.identity = identity;
    this.#channels.review();
    this.#requests.review();
  }

  /**
   * Sends over this socket from now on, beginning with what the client has not received.
   * @param received - messages of the session that the client has.
   * @param isPaced - whether it takes pieces.
   * @throws PalmError `PROTOCOL` when the client cannot have so many.
   */
  resume(socket: SessionSocket, received: number, isPaced: boolean): void {
    this.#isPaced ??= isPaced;
    this.log.resume((message) => socket.send(message), received, isPaced);
    this.#moved();
  }

  /** Handles a message. @throws PalmError for a message that no well-behaved client sends. */
  take(message: Message<ClientFrame>, size: number): void {
    const isNew = this.log.take(message, size);
    if (isNew) {
      const before = this.#incoming.bytes;
      const frames = this.#incoming.whole(message.frames);
      const more = this.#incoming.bytes - before;
      this.#memory.holds(PIECE_COST * more);
      // Frames that came in pieces are views of those.
      const kept = this.#memory.message(
        frames === message.frames ? size : 2 * size - Math.min(size, more),
        framesIn(frames),
      );
      for (const frame of frames) this.#takeFrame(frame, kept);
      kept.release();
    }
    this.#moved();
  }

  /** So many bytes have arrived of an incomplete message. */
  arriving(bytes: number): void {
    this.#memory.arriving(bytes);
  }

  /** Sends a server's answers to the client. */
  deliver(upstream: Upstream, deliveries: readonly Delivery[]): void {
    this.#pass(deliveries, () => this.#distribute(upstream, deliveries));
  }

  came(deliveries: readonly Delivery[], channel: SessionSubscription): void {
    this.#pass(deliveries, () => channel.deliver(deliveries.map((delivery) => this.#fitting(delivery))));
  }

  #pass(deliveries: readonly Delivery[], send: () => void): void {
    let count = 0;
    let bytes = 0;
    for (const { topic, frames } of deliveries) {
      // No answers: the calls go on.
      if (isProgressTopic(topic)) continue;
      count += frames.length;
      for (const { length } of frames) bytes += length;
    }
    this.#openCalls = Math.max(0, this.#openCalls - count);
    this.#channels.payCredit();
    send();
    if (count > 0) this.callBudget.answered(count, bytes);
  }

  answer(topic: string, answer: Bytes): void {
    this.#settings.onRefused('call');
    this.#distribute(undefined, [{ topic, frames: [answer] }]);
  }

  called(count: number, upstream: Upstream): void {
    this.#openCalls += count;
    this.#called.add(upstream);
  }

  async cancelCalls(upstream: Upstream, notice: CancelNotice): Promise<number> {
    this.#channels.cancel(upstream, notice);
    const count = await upstream.cancel(notice);
    this.#openCalls = Math.max(0, this.#openCalls - count);
    this.#callBudget?.release(count);
    return count;
  }

  violated(error: unknown): void {
    const { code, reason } = closeFor(error);
    this.end(code, reason);
  }

  #distribute(upstream: Upstream | undefined, deliveries: readonly Delivery[]): void {
    this.#channels.deliver(upstream, deliveries, (delivery) => this.#fitting(delivery));
  }

  /** The client has lost its connection, and may come back. */
  away(): void {
    this.#awaySince = performance.now();
    this.#memory.arriving(0);
    this.log.suspend();
    this.#requests.away();
  }

  takes(bytes: number): boolean {
    return !this.log.isBusy && bytes <= this.log.large;
  }

  /** Closes the connection, if there is one. The client may come back to the session. */
  disconnect(code: number, reason: string): void {
    this.#socket?.close(code, reason);
  }

  /** Closes the connection, and ends the session for good. */
  end(code: number, reason: string): void {
    this.disconnect(code, reason);
    this.#settings.forget(this);
  }

  /** Sends what keeps the client's connection up, and its knowledge of what it has. */
  beat(): void {
    this.#channels.tellReached();
    this.log.tell([Type.ping]);
  }

  /** Frees all that the session holds. @param mayGoOn - whether the client may go on at another relay, and wait for its answers. */
  close(mayGoOn: boolean): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.log.suspend();
    this.#callBudget?.close();
    this.#replyBudget?.close();
    this.#channels.closeAll();
    if (!mayGoOn) this.#cancelAll();
    this.#requests.close();
    this.#memory.close();
  }

  /** Nobody can read the answers any more. */
  #cancelAll(): void {
    const notice = {
      client: this.id,
      calls: [],
      code: 'DISCONNECTED',
      reason: 'its session with the relay has ended',
    } as const;
    // A server that cannot be told has lost the calls, or is asked by the end of the relay's subscription.
    for (const upstream of this.#called) upstream.cancel(notice).catch(() => {});
  }

  replied(id: number, reply: Bytes): void {
    const { maxFrame } = this.#settings.limits;
    if (reply.length <= maxFrame) {
      this.post([Type.reply, id, reply]);
      return;
    }
    const text = `the reply has ${reply.length} bytes, more than the relay's limit of ${maxFrame} (maxFrame)`;
    this.post([Type.failed, id, 'TOO_LARGE', text]);
  }

  failed(id: number, { code, message }: PalmError): void {
    if (code === 'FORBIDDEN') this.#settings.onRefused('request');
    this.post([Type.failed, id, code, message]);
  }

  post(frame: Frame, flow?: () => string): void {
    if (this.#isClosed) return;
    this.log.post(frame, flow);
    this.#memory.changed();
  }

  holds(bytes: number): void {
    this.#memory.holds(bytes);
  }

  /** Bytes may have reached the client, or its queue has grown. */
  #moved(): void {
    this.#memory.changed();
    this.#callBudget?.moved();
    this.#replyBudget?.moved();
  }

  /** A quarter of the memory each for calls and for requests. The other half is for answers larger than expected, and all else. */
  #newAnswerBudget(): AnswerBudget {
    return new AnswerBudget(this.#settings.limits.maxHeld / 4, this);
  }

  #takeFrame(frame: ClientFrame, message: RetainedMessage): void {
    switch (frame[0]) {
      case Type.request:
        this.#takeRequest(frame, message);
        return;
      case Type.cancel:
        this.#requests.cancel(frame[1]);
        return;
      case Type.open:
      case Type.openFrom:
        this.#channels.open(frame);
        return;
      case Type.close:
        this.#channels.close(frame[1]);
        return;
      case Type.send:
        for (const own of frame[3]) this.#checkSize(own);
        this.#channels.send(frame, message);
        return;
      case Type.store:
        for (const own of frame[4]) this.#checkSize(own);
        this.#channels.store(frame, message);
        return;
      case Type.taken:
        this.#channels.taken(frame);
        return;
      case Type.ping:
        this.log.tell([Type.pong]);
        return;
      case Type.pong:
        this.#pongs++;
        return;
      default:
        throw new PalmError('PROTOCOL', 'a second greeting came');
    }
  }

  #takeRequest([, id, address, frame]: Request, message: RetainedMessage): void {
    const { limits, find } = this.#settings;
    this.#checkSize(frame);
    const isOver = this.#requests.size >= limits.maxRequests || this.#requests.outstanding >= limits.window;
    if (isOver || this.#requests.has(id))
      throw new PalmError(
        'PROTOCOL',
        'the client has more requests under way than it may, or used a number twice',
      );
    const { server } = parseRelayedAddress(address);
    const upstream = this.identity.mayUse(server) ? find(server) : undefined;
    if (upstream === undefined) {
      this.#settings.onRefused('server');
      this.post([Type.failed, id, 'FORBIDDEN', this.identity.serverRefusal(server)]);
      return;
    }
    this.#requests.ask(id, upstream, frame, message);
  }

  #checkSize({ length }: Bytes): void {
    const { maxFrame } = this.#settings.limits;
    if (length > maxFrame)
      throw new PalmError(
        'TOO_LARGE',
        `a frame has ${length} bytes, more than the relay's limit of ${maxFrame}`,
      );
  }

  /** Replaces answers that are larger than the limit by failures that say so. */
  #fitting(delivery: Delivery): Delivery {
    const { maxFrame } = this.#settings.limits;
    if (delivery.frames.every(({ length }) => length <= maxFrame)) return delivery;
    const frames = delivery.frames.map((frame) =>
      frame.length <= maxFrame ? frame : this.callGuard.tooLarge(frame, maxFrame),
    );
    return { ...delivery, frames };
  }
}

/** How many frames a message has, including the PALM frames within them. */
function framesIn(frames: readonly ClientFrame[]): number {
  let count = frames.length;
  for (const frame of frames) {
    if (frame[0] === Type.send) count += frame[3].length;
    else if (frame[0] === Type.store) count += frame[4].length;
  }
  return count;
}

/** The close code and reason for an error that a client caused. */
export function closeFor(error: unknown): { readonly code: number; readonly reason: string } {
  const reason = messageOf(error);
  if (!(error instanceof PalmError)) return { code: CloseCode.relayFailed, reason: 'the relay failed' };
  if (error.code === 'FORBIDDEN') return { code: CloseCode.forbidden, reason };
  if (error.code === 'TOO_LARGE') return { code: CloseCode.tooBig, reason };
  return { code: CloseCode.badFrame, reason };
}
