/** One ZMTP session over one socket: the greeting, the frames, signs of life, and the end. */
import type { Socket } from 'node:net';
import { atMost, startTimer } from '../../src/async/deadline.ts';
import { deferred } from '../../src/async/deferred.ts';
import { reasonText } from '../../src/protocol/errors.ts';
import type { Bytes } from '../../src/protocol/utf8.ts';
import {
  CONTROL_SIZE,
  errorCommand,
  type Introduction,
  latin1,
  parseCommand,
  pingCommand,
  pongCommand,
  readIntroduction,
  readReason,
  readyCommand,
  type SocketType,
} from './commands.ts';
import { COMMAND, FrameReader, type FrameTaker, MORE } from './frame-reader.ts';
import { GREETING, GreetingReader } from './greeting.ts';
import type { ZmtpSettings } from './options.ts';
import { Outbox } from './outbox.ts';
import type { OwnBytes } from './own-bytes.ts';
import { Violation } from './violation.ts';

/** Bytes that one turn of events may gather for one peer before whoever sends them waits for the next turn. */
const MOST_GATHERED = 65_536;
/** Bytes behind which nothing is answered or asked that is a sign of life by itself. */
const MOST_BEFORE_SIGNS = 65_536;
/** Signs of life that a peer may ask for within one heartbeat, or a second without heartbeats. libzmq asks for one. */
const MOST_PINGS = 1_000;
/** Milliseconds that a peer which was sent everything has to hang up, before it is hung up on. */
const LAST_WORD = 200;
/** Looks at a silent link within one heartbeat. */
const LOOKS = 2;

/** The longest delay a timer takes. */
const LONGEST_TIMER = 0x7fffffff;

/** What a link is for. One may have many links. */
export interface LinkRole {
  readonly socketType: SocketType;
  readonly settings: ZmtpSettings;
  readonly own: OwnBytes;
  /** Whether peers send nothing but handshakes and subscriptions. */
  readonly takesControlOnly: boolean;
  /** Whether peers may be slow on purpose: those that do not say so cannot be told from dead ones by their silence. */
  readonly isHeldUp: boolean;
  /** The handshake is done. */
  up(link: Link): void;
  /** Nothing more comes. Called once. */
  down(link: Link, end: LinkEnd): void;
  /** A frame of a message. The bytes are to be copied, unless they are `isOwn`. */
  frame(link: Link, flags: number, bytes: Uint8Array, start: number, end: number, isOwn: boolean): void;
  /** Everything that came in one piece was given. */
  pieceEnds(link: Link): void;
  /** The link takes more, after it did not. */
  writable(link: Link): void;
  /** The peer begins or ends a subscription. Where there are none, that is a violation. */
  subscription?(link: Link, topic: Uint8Array, isOn: boolean): void;
}

/** How a link ended. */
export interface LinkEnd {
  /** Whether its handshake was done. */
  readonly wasUp: boolean;
  /** Whether the peer greeted as one that can be talked to, before. */
  readonly wasGreeted: boolean;
  readonly reason: string;
  /** What one end did that the other does not take; nothing where the connection just ended. */
  readonly violation: Violation | undefined;
}

type Stage = 'greeting' | 'introduction' | 'up' | 'ending' | 'down';

export class Link implements FrameTaker {
  readonly #socket: Socket;
  readonly #role: LinkRole;
  readonly #greeting = new GreetingReader();
  readonly #reader: FrameReader;
  readonly #outbox = new Outbox();
  readonly #closed = deferred<void>();
  readonly #begun = performance.now();
  #stage: Stage = 'greeting';
  #wasUp = false;
  #isReadyOut = false;
  #introduction: Introduction | undefined;
  #violation: Violation | undefined;
  #reason: string | undefined;
  #stopHandshake = () => {};
  #lookTimer: NodeJS.Timeout | undefined;
  #isFlushing = false;
  #isBlocked = false;
  #isResuming = false;
  #received = true;
  #sent = false;
  #silentLooks = 0;
  #pings = 0;
  #pingsSince = 0;
  readonly #onGone = new Set<() => void>();
  /** Parts of a message that is not complete, for roles that take messages whole. */
  readonly parts: Bytes[] = [];
  partBytes = 0;

  /** @param socket - connected. */
  constructor(socket: Socket, role: LinkRole, isDialler: boolean) {
    this.#socket = socket;
    this.#role = role;
    const { maxMessageSize: largest, handshakeTimeout, heartbeatInterval } = role.settings;
    const isSmall = role.takesControlOnly && (largest === -1 || largest > CONTROL_SIZE);
    this.#reader = new FrameReader(this, isSmall ? CONTROL_SIZE : largest);
    socket.setNoDelay(true);
    socket.setKeepAlive(true, Math.max(1_000, heartbeatInterval));
    socket.on('data', (chunk: Buffer) => this.#read(chunk));
    socket.on('drain', () => this.#drained());
    socket.on('error', (error) => {
      this.#reason ??= reasonText(error);
    });
    socket.on('close', () => this.#end());
    this.#stopHandshake = startTimer(handshakeTimeout, () =>
      this.refuse(new Violation(`it did not introduce itself within ${handshakeTimeout} ms`)),
    );
    if (isDialler) this.#greet();
  }

  /** Bytes that wait for the peer here, in this process. */
  get waiting(): number {
    return this.#outbox.bytes + this.#socket.writableLength;
  }

  /** Whether more may be sent: what is beyond that waits where it can still be given up. */
  get hasRoom(): boolean {
    return this.#stage === 'up' && !this.#isBlocked && this.#outbox.bytes < MOST_GATHERED;
  }

  get isUp(): boolean {
    return this.#stage === 'up';
  }

  /** Whether a peer takes subscriptions as commands: one of ZMTP 3.0 takes them as messages. */
  get takesCommands(): boolean {
    return this.#greeting.minor >= 1;
  }

  /** Milliseconds since the socket was connected. */
  get age(): number {
    return performance.now() - this.#begun;
  }

  /** Calls `listener` when the link is gone. Gives the function that ends this. */
  onGone(listener: () => void): () => void {
    if (this.#stage === 'down') queueMicrotask(listener);
    else this.#onGone.add(listener);
    return () => this.#onGone.delete(listener);
  }

  /** Sends a frame with what else is sent in this turn of events. */
  send(frame: Uint8Array, more: boolean): void {
    this.#outbox.add(more ? MORE : 0, frame);
    this.#flushSoon();
  }

  sendCommand(body: Uint8Array): void {
    this.#outbox.add(COMMAND, body);
    this.#flushSoon();
  }

  /** Reads no more until {@link resume}. What was read and not given waits. */
  pause(): void {
    this.#reader.isPaused = true;
    this.#socket.pause();
  }

  /** Reads on in a later turn of events. */
  resumeSoon(): void {
    if (this.#reader.isPaused && !this.#isResuming) {
      this.#isResuming = true;
      setImmediate(() => {
        this.#isResuming = false;
        this.resume();
      });
    }
  }

  resume(): void {
    if (!this.#reader.isPaused || this.#stage === 'down') return;
    this.#reader.isPaused = false;
    this.#run(() => this.#reader.run());
    if (!this.#reader.isPaused) this.#socket.resume();
  }

  /** Ends the link for what the peer did, and tells it so. */
  refuse(violation: Violation): void {
    if (this.#stage === 'down' || this.#stage === 'ending') return;
    this.#violation ??= violation;
    if (this.#stage === 'introduction' && this.#isReadyOut) {
      this.#outbox.add(COMMAND, errorCommand(violation.message.slice(0, 255).replace(/[^ -~]/g, '?')));
      this.#flush();
      this.#stage = 'ending';
      this.#socket.end(() => this.#socket.destroy());
      return;
    }
    this.#stage = 'ending';
    this.#socket.destroy();
  }

  /** Ends the link. What was sent may still leave within `timeout` milliseconds. Resolves once it is gone. */
  async close(timeout: number): Promise<void> {
    if (this.#stage === 'down') return;
    const isUp = this.#stage === 'up';
    this.#reason ??= 'it was closed';
    if (isUp && timeout > 0) {
      this.#flush();
      this.#stage = 'ending';
      this.#reader.isPaused = false;
      const written = deferred<void>();
      this.#socket.end(() => written.resolve());
      // So that the end of the peer is seen, and nothing unread makes the system take back what it has not sent.
      this.#socket.resume();
      await atMost(timeout, Promise.race([written.promise, this.#closed.promise]));
      await atMost(Math.min(timeout, LAST_WORD), this.#closed.promise);
    }
    this.#stage = 'ending';
    this.#socket.destroy();
    await this.#closed.promise;
  }

  frame(flags: number, bytes: Uint8Array, start: number, end: number, isOwn: boolean): void {
    if (this.#stage === 'up') {
      if ((flags & COMMAND) === 0) this.#role.frame(this, flags, bytes, start, end, isOwn);
      else this.#command(bytes.subarray(start, end));
    } else if (this.#stage === 'introduction') {
      if ((flags & COMMAND) === 0) throw new Violation('it sent a message before it introduced itself');
      this.#introduced(bytes.subarray(start, end));
    }
  }

  #read(chunk: Uint8Array): void {
    this.#received = true;
    this.#run(() => {
      let rest = chunk;
      if (this.#stage === 'greeting') {
        rest = chunk.subarray(this.#greeting.read(chunk));
        if (this.#greeting.isSigned) this.#greet();
        if (!this.#greeting.isComplete) return;
        this.#stage = 'introduction';
      }
      if (rest.length > 0) this.#reader.read(rest);
    });
  }

  #run(read: () => void): void {
    if (this.#stage === 'ending' || this.#stage === 'down') return;
    try {
      read();
    } catch (error) {
      if (!(error instanceof Violation)) throw error;
      this.refuse(error);
    }
    this.#role.pieceEnds(this);
  }

  /** All at once: whoever speaks ZMTP 3 waits for the rest anyway. */
  #greet(): void {
    if (this.#isReadyOut) return;
    this.#isReadyOut = true;
    this.#outbox.addRaw(GREETING);
    this.#outbox.add(COMMAND, readyCommand(this.#role.socketType, this.#role.settings.busyTimeout));
    this.#flush();
  }

  #introduced(body: Uint8Array): void {
    const { name, data } = parseCommand(body);
    if (name === 'ERROR') {
      const reason = readReason(data);
      throw new Violation(
        `it refused this end: ${reason}`,
        /^[345]00/.test(reason) ? 'FORBIDDEN' : 'PROTOCOL',
      );
    }
    if (name !== 'READY') throw new Violation('it sent another command than READY first');
    this.#introduction = readIntroduction(data, this.#role.socketType);
    this.#stopHandshake();
    this.#stage = 'up';
    this.#wasUp = true;
    const { heartbeatInterval } = this.#role.settings;
    if (heartbeatInterval > 0) {
      this.#lookTimer = setInterval(() => this.#look(), Math.min(heartbeatInterval / LOOKS, LONGEST_TIMER));
    }
    this.#role.up(this);
  }

  #command(body: Uint8Array): void {
    const { name, data } = parseCommand(body);
    switch (name) {
      case 'PING':
        this.#countPing();
        if (data.length < 2) throw new Violation('it sent a malformed PING');
        if (this.waiting < MOST_BEFORE_SIGNS) this.sendCommand(pongCommand(data));
        return;
      case 'SUBSCRIBE':
      case 'CANCEL':
        if (this.#role.subscription === undefined)
          throw new Violation(`it sent ${name} to a ${this.#role.socketType}`);
        this.#role.subscription(this, data, name === 'SUBSCRIBE');
        return;
      case 'READY':
        throw new Violation('it introduced itself twice');
      case 'ERROR':
        throw new Violation(`it ended the link: ${readReason(data)}`);
      default:
      // PONG is a sign of life by itself. Others may have a meaning in a later version.
    }
  }

  #countPing(): void {
    const now = performance.now();
    const { heartbeatInterval } = this.#role.settings;
    if (now - this.#pingsSince > (heartbeatInterval || 1_000)) {
      this.#pingsSince = now;
      this.#pings = 0;
    }
    if (++this.#pings > MOST_PINGS) throw new Violation(`it sent more than ${MOST_PINGS} heartbeats at once`);
  }

  /** Looks are counted, and not milliseconds: those in which this process computed are not the peer's. */
  #look(): void {
    const { settings, isHeldUp } = this.#role;
    const { heartbeatInterval, busyTimeout } = settings;
    const isReading = !this.#reader.isPaused;
    this.#silentLooks = this.#received || !isReading ? 0 : this.#silentLooks + 1;
    const isQuiet = !this.#received || !this.#sent;
    this.#received = false;
    if (!this.#sent) this.#outbox.rest();
    this.#sent = false;
    const patience = this.#introduction?.busyTimeout;
    const limit = LOOKS * (patience === undefined ? 2 : Math.max(2, patience / heartbeatInterval));
    if (this.#silentLooks >= limit && (patience !== undefined || !isHeldUp)) {
      this.#reason = `it gave no sign of life for ${Math.round((limit / LOOKS) * heartbeatInterval)} ms`;
      this.#socket.destroy();
      return;
    }
    // A peer that reads nothing may still hear from this end, and the other way round.
    if (isQuiet && this.waiting < MOST_BEFORE_SIGNS) {
      this.sendCommand(pingCommand(busyTimeout + 2 * heartbeatInterval));
      this.#sent = false;
    }
  }

  #flushSoon(): void {
    this.#sent = true;
    if (this.#isFlushing) return;
    this.#isFlushing = true;
    // Behind what this turn of events still sends, and before the next.
    process.nextTick(() => this.#flush());
  }

  #flush(): void {
    this.#isFlushing = false;
    if (this.#stage === 'ending' || this.#stage === 'down' || this.#isBlocked) return;
    const hadRoom = this.#outbox.bytes < MOST_GATHERED;
    this.#write(this.#outbox.take());
    if (hadRoom || this.#isBlocked) return;
    this.#roomLater();
  }

  /** The system took it all. Whoever waits goes on in the next turn of events, so that others have theirs. */
  #roomLater(): void {
    setImmediate(() => {
      if (this.hasRoom) this.#role.writable(this);
    });
  }

  #write(pieces: readonly Uint8Array[]): void {
    const socket = this.#socket;
    if (pieces.length === 1 && pieces[0] !== undefined) {
      this.#isBlocked = !socket.write(pieces[0]);
      return;
    }
    if (pieces.length === 0) return;
    socket.cork();
    for (const piece of pieces) socket.write(piece);
    socket.uncork();
    this.#isBlocked = socket.writableNeedDrain;
  }

  #drained(): void {
    this.#isBlocked = false;
    if (this.#outbox.bytes > 0) this.#flush();
    this.#roomLater();
  }

  #end(): void {
    if (this.#stage === 'down') return;
    this.#stage = 'down';
    this.#stopHandshake();
    clearInterval(this.#lookTimer);
    this.#outbox.take();
    this.#outbox.rest();
    this.#role.down(this, {
      wasUp: this.#wasUp,
      wasGreeted: this.#greeting.isComplete,
      reason: this.#violation?.message ?? this.#reason ?? 'it hung up',
      violation: this.#violation,
    });
    for (const listener of this.#onGone) listener();
    this.#onGone.clear();
    this.#closed.resolve();
  }
}

/**
 * Gathers the parts of a message. Gives them when it is complete: the caller's own, also the array.
 * @throws Violation when it is too large, or has too many parts.
 */
export function gatherMessage(
  link: Link,
  { settings, own }: LinkRole,
  flags: number,
  bytes: Uint8Array,
  start: number,
  end: number,
  isOwn: boolean,
): Bytes[] | undefined {
  const { parts } = link;
  parts.push(isOwn ? (bytes as Bytes) : own.copy(bytes, start, end));
  if ((flags & MORE) === 0) {
    if (parts.length > 1) checkMessage(link, settings, end - start);
    link.partBytes = 0;
    return parts.splice(0);
  }
  checkMessage(link, settings, end - start);
  return undefined;
}

function checkMessage(link: Link, { maxMessageSize, maxMessageParts }: ZmtpSettings, bytes: number): void {
  link.partBytes += bytes;
  if (maxMessageSize !== -1 && link.partBytes > maxMessageSize) {
    throw new Violation(`it sent a message of more than ${maxMessageSize} bytes`, 'TOO_LARGE');
  }
  if (link.parts.length > maxMessageParts) {
    throw new Violation(`it sent a message of more than ${maxMessageParts} parts`, 'TOO_LARGE');
  }
}

/** Of a subscription as a message of ZMTP 3.0: 1 begins it and 0 ends it. */
export function readSubscription(bytes: Uint8Array, start: number, end: number) {
  const [kind] = bytes.subarray(start, end);
  if (kind !== 0 && kind !== 1) return undefined;
  return { topic: bytes.subarray(start + 1, end), isOn: kind === 1 };
}

/** A topic as the key of a map: each of its bytes a character. */
export function topicKey(topic: Uint8Array): string {
  return latin1(topic);
}
