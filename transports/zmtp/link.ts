/** One ZMTP session over one socket: its frames, signs of life, and the end. */

import type { Socket } from 'node:net';
import { deferred } from '../../src/async/deferred.ts';
import type { ReadTurns } from '../../src/async/read-turns.ts';
import { atMost, startTimer } from '../../src/async/timers.ts';
import { GATHERED_BYTES, UNTIMED_BYTES, UNTIMED_FRAMES } from '../../src/flow-control.ts';
import type { Bytes } from '../../src/protocol/bytes.ts';
import { messageOf } from '../../src/protocol/errors.ts';
import {
  CONTROL_SIZE,
  errorCommand,
  parseCommand,
  pingCommand,
  pongCommand,
  readReason,
} from './commands.ts';
import { COMMAND, FrameReader, type FrameTaker, MORE } from './frame-reader.ts';
import { Heartbeat } from './heartbeat.ts';
import { type HandshakeRole, type HandshakeSteps, LinkHandshake } from './link-handshake.ts';
import type { SealedFrames } from './mechanism.ts';
import { Outbox } from './outbox.ts';
import type { FrameBytes } from './own-bytes.ts';
import { hasEnded } from './process-mark.ts';
import { Violation } from './violation.ts';

/** Milliseconds that a peer gets to hang up after everything was sent to it. */
const LAST_WORD = 200;

type Stage = 'opening' | 'up' | 'ending' | 'down';

/** The bound or dialling end that a link belongs to. One role may have many links. */
export interface LinkRole extends HandshakeRole {
  readonly own: FrameBytes;
  /** Shared by all links of the transport. */
  readonly turns: ReadTurns;
  /** Whether peers send only handshakes and subscriptions. */
  readonly takesControlOnly: boolean;
  /** Whether the protocol makes peers wait. A silent one may then be alive, unless it announced how long it may be silent. */
  readonly isHeldUp: boolean;
  /** Called when the handshake is done. */
  up(link: Link): void;
  /** Called once, when the link has ended. */
  down(link: Link, end: LinkEnd): void;
  /** Takes a frame of a message. It must copy the bytes, unless `isOwn` is true. */
  frame(link: Link, flags: number, bytes: Uint8Array, start: number, end: number, isOwn: boolean): void;
  /** Called after all frames of one piece were passed on. */
  pieceEnds(link: Link): void;
  /** Called when the link has room again. */
  writable(link: Link): void;
  /** Called when the peer has answered a PING: it has read what was sent before that. */
  answered?(link: Link): void;
  /** Begins or ends a subscription of the peer. A role without this method refuses subscriptions. */
  subscription?(link: Link, topic: Uint8Array, isOn: boolean): void;
}

/** How a link ended. */
export interface LinkEnd {
  /** Whether its handshake was done. */
  readonly wasUp: boolean;
  /** Whether the peer had sent a valid greeting. */
  readonly wasGreeted: boolean;
  /** Whether the peer ended the handshake of the mechanism before it showed that it has the expected key. */
  readonly isUnproved: boolean;
  readonly reason: string;
  /** What one end did against the protocol; undefined when the connection just ended. */
  readonly violation: Violation | undefined;
}

export class Link implements FrameTaker {
  readonly #socket: Socket;
  readonly #role: LinkRole;
  readonly #handshake: LinkHandshake;
  readonly #reader: FrameReader;
  readonly #outbox = new Outbox();
  readonly #closed = deferred<void>();
  readonly #begun = performance.now();
  #stage: Stage = 'opening';
  #wasUp = false;
  readonly #isDialler: boolean;
  #violation: Violation | undefined;
  #reason: string | undefined;
  /** Seals and opens all frames once the handshake of a mechanism is done. */
  #sealed: SealedFrames | undefined;
  readonly #largest: number;
  #isFlushing = false;
  #isBlocked = false;
  #isResuming = false;
  /** Whether the role stopped reading. */
  #isHeld = false;
  /** Stops the timer of a pause; undefined while there is none. */
  #stopPause: (() => void) | undefined;
  /** Whether it waits for its turn to read on. */
  #isInLine = false;
  /** Whether the socket has closed. */
  #isClosed = false;
  /** Frames that were passed on since the clock was looked at, and what it showed; 0 when it was not looked at in this run. */
  #untimed = 0;
  #timed = 0;
  readonly #heartbeat = new Heartbeat();
  readonly #onGone = new Set<() => void>();
  /** Parts of an incomplete message, for roles that take complete messages. */
  readonly parts: Bytes[] = [];
  partBytes = 0;
  /** Parts of an incomplete message that were passed on, for roles that take each part. */
  passedParts = 0;

  /** @param isWary - whether a dialler waits for the greeting before it introduces itself. */
  constructor(socket: Socket, role: LinkRole, isDialler: boolean, isWary = false) {
    this.#socket = socket;
    this.#role = role;
    this.#isDialler = isDialler;
    const { mechanism } = role;
    const { maxMessageSize: largest, heartbeatInterval } = role.settings;
    const isSmall = role.takesControlOnly && (largest === -1 || largest > CONTROL_SIZE);
    this.#largest = isSmall ? CONTROL_SIZE : largest;
    // A peer that is to prove who it is sends nothing large before.
    this.#reader = new FrameReader(this, mechanism === undefined ? this.#largest : CONTROL_SIZE);
    socket.setNoDelay(true);
    socket.setKeepAlive(true, Math.max(1_000, heartbeatInterval));
    socket.on('data', (chunk: Buffer) => this.#read(chunk));
    socket.on('drain', () => this.#drained());
    socket.on('error', (error) => {
      this.#reason ??= messageOf(error);
    });
    socket.on('close', () => {
      this.#readRest();
      this.#end();
    });
    this.#handshake = new LinkHandshake(role, this.#handshakeSteps(), isDialler, isWary);
    this.#handshake.begin();
  }

  /** Bytes that wait for the peer in this process. */
  get waiting(): number {
    return this.#outbox.bytes + this.#socket.writableLength;
  }

  /** Whether the handshake is done and the peer has not hung up. */
  get isUp(): boolean {
    const { destroyed, readableEnded } = this.#socket;
    return this.#stage === 'up' && !destroyed && !readableEnded;
  }

  /** Whether more should be sent. Without room, frames should wait where they can still be dropped. */
  get hasRoom(): boolean {
    return this.#stage === 'up' && !this.#isBlocked && this.#outbox.bytes < GATHERED_BYTES;
  }

  /** Whether the peer takes subscriptions as commands. A peer of ZMTP 3.0 takes them as messages. */
  get takesCommands(): boolean {
    return this.#handshake.minor >= 1;
  }

  /** Whether the peer's process is known to have ended. */
  get isPeerDead(): boolean {
    const { process: mark = '' } = this.#handshake.introduction ?? {};
    return mark !== '' && hasEnded(mark);
  }

  /** Milliseconds since the socket was connected. */
  get age(): number {
    return performance.now() - this.#begun;
  }

  /**
   * Calls `listener` when the link is gone.
   * @returns the function that removes the listener.
   */
  onGone(listener: () => void): () => void {
    if (this.#stage === 'down') queueMicrotask(listener);
    else this.#onGone.add(listener);
    return () => this.#onGone.delete(listener);
  }

  /** Sends a frame, together with all that this turn of events sends. */
  send(frame: Uint8Array, more: boolean): void {
    if (this.#sealed === undefined) this.#outbox.add(more ? MORE : 0, frame);
    else this.#outbox.add(0, this.#sealed.seal(frame, false, more));
    this.#flushSoon();
  }

  sendCommand(body: Uint8Array): void {
    if (this.#sealed === undefined) this.#outbox.add(COMMAND, body);
    else this.#outbox.add(0, this.#sealed.seal(body, true, false));
    this.#flushSoon();
  }

  /** Stops reading until {@link resume}. What was read but not passed on waits. */
  pause(): void {
    this.#isHeld = true;
    this.#stopReading();
  }

  /** Stops reading for so many milliseconds. */
  pauseFor(milliseconds: number): void {
    if (this.#stopPause !== undefined || this.#stage !== 'up') return;
    this.#stopReading();
    this.#stopPause = startTimer(milliseconds, () => {
      this.#stopPause = undefined;
      if (this.#stage === 'up') this.#readOn();
    });
  }

  /** Resumes in a later turn of events. */
  resumeSoon(): void {
    if (this.#isHeld && !this.#isResuming) {
      this.#isResuming = true;
      setImmediate(() => {
        this.#isResuming = false;
        this.resume();
      });
    }
  }

  resume(): void {
    if (!this.#isHeld || this.#stage === 'down') return;
    this.#isHeld = false;
    this.#readOn();
  }

  /** Ends the link because of a violation, and sends the peer the reason. */
  refuse(violation: Violation): void {
    if (this.#stage === 'down' || this.#stage === 'ending') return;
    this.#violation ??= violation;
    if (this.#stage === 'opening' && this.#handshake.tells(violation)) {
      if (this.#handshake.isGreeted) {
        this.#outbox.add(COMMAND, errorCommand(violation.told.slice(0, 255).replace(/[^ -~]/g, '?')));
      }
      this.#flush();
      this.#stage = 'ending';
      this.#socket.end(() => this.#socket.destroy());
      return;
    }
    this.#stage = 'ending';
    this.#socket.destroy();
  }

  /** Ends the link. What was sent may still leave within `timeout` milliseconds. Resolves when the link is gone. */
  async close(timeout: number): Promise<void> {
    if (this.#stage === 'down') return;
    this.#reason ??= 'it was closed';
    if (this.#stage === 'up' && timeout > 0) {
      this.#write(this.#outbox.take());
      this.#stage = 'ending';
      this.#reader.isPaused = false;
      const written = deferred<void>();
      this.#socket.end(() => written.resolve());
      // Reading shows the end of the peer. Unread data would make the system discard what it has not sent.
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
      if (this.#sealed !== undefined) this.#open(this.#sealed, bytes.subarray(start, end));
      else if ((flags & COMMAND) === 0) this.#role.frame(this, flags, bytes, start, end, isOwn);
      else this.#command(bytes.subarray(start, end));
      if (++this.#untimed === UNTIMED_FRAMES || end - start > UNTIMED_BYTES) this.#lookAtClock();
    } else if (this.#stage === 'opening') {
      if ((flags & COMMAND) === 0) throw new Violation('it sent a message before it introduced itself');
      this.#handshake.take(bytes.subarray(start, end));
    }
  }

  #stopReading(): void {
    this.#reader.isPaused = true;
    this.#socket.pause();
  }

  /** Goes on where reading stopped, unless it has another reason to wait. */
  #readOn(): void {
    if (this.#isHeld || this.#isInLine || this.#stopPause !== undefined) return;
    this.#reader.isPaused = false;
    this.#run(() => this.#reader.run());
    if (!this.#reader.isPaused) this.#socket.resume();
  }

  /** Stops reading until its next turn when all links together have read for long enough. */
  #lookAtClock(): void {
    const [before, now] = [this.#timed, performance.now()];
    this.#untimed = 0;
    this.#timed = now;
    const { turns } = this.#role;
    if (before === 0 || turns.spend(now - before) || this.#isInLine || this.#isClosed) return;
    this.#isInLine = true;
    this.#stopReading();
    turns.wait(() => {
      this.#isInLine = false;
      if (this.#stage === 'up') this.#readOn();
    });
  }

  /** The socket has closed while its last piece waited for a turn: what was sent before the end is passed on. */
  #readRest(): void {
    this.#isClosed = true;
    if (!this.#isInLine || this.#stage !== 'up') return;
    this.#isInLine = false;
    this.#readOn();
  }

  /** Takes a sealed frame. */
  #open(sealed: SealedFrames, box: Uint8Array): void {
    const { isCommand, hasMore, bytes, start, end } = sealed.open(box);
    if (!isCommand) {
      this.#role.frame(this, hasMore ? MORE : 0, bytes, start, end, false);
      return;
    }
    if (hasMore) throw new Violation('it sent a command of several parts');
    if (end - start > CONTROL_SIZE) {
      throw new Violation(`it sent a command of ${end - start} bytes`, 'TOO_LARGE');
    }
    this.#command(bytes.subarray(start, end));
  }

  #read(chunk: Uint8Array): void {
    this.#heartbeat.received();
    this.#run(() => {
      const rest = this.#stage === 'opening' ? this.#handshake.readGreeting(chunk) : chunk;
      if (rest.length > 0) this.#reader.read(rest);
    });
  }

  #run(read: () => void): void {
    if (this.#stage === 'ending' || this.#stage === 'down') return;
    this.#untimed = 0;
    this.#timed = 0;
    try {
      read();
    } catch (error) {
      if (!(error instanceof Violation)) throw error;
      this.refuse(error);
    }
    this.#role.pieceEnds(this);
    this.#role.own.rest();
  }

  #handshakeSteps(): HandshakeSteps {
    return {
      sendRaw: (bytes) => this.#outbox.addRaw(bytes),
      sendCommand: (body) => this.sendCommand(body),
      flush: () => this.#flush(),
      hold: () => this.pause(),
      letOn: (proceed) => this.#readOnAfter(proceed),
      done: (sealed) => this.#opened(sealed),
      late: (reason) => this.#late(reason),
    };
  }

  #readOnAfter(proceed: () => void): void {
    if (this.#stage !== 'opening') return;
    this.#isHeld = false;
    this.#reader.isPaused = false;
    this.#run(() => {
      proceed();
      this.#reader.run();
    });
    // The role may hold the link up from the beginning.
    if (!this.#reader.isPaused) this.#socket.resume();
  }

  #opened(sealed: SealedFrames | undefined): void {
    if (sealed !== undefined) {
      const { overhead = 0 } = this.#role.mechanism ?? {};
      this.#sealed = sealed;
      this.#reader.takeUpTo(this.#largest === -1 ? -1 : this.#largest + overhead);
    }
    this.#stage = 'up';
    this.#wasUp = true;
    this.#startHeartbeat();
    this.#role.up(this);
  }

  /** The server may be busy, so a dialler tries again. A bound end has no place for a silent peer. */
  #late(reason: string): void {
    this.#reason ??= reason;
    if (this.#isDialler) this.#socket.destroy();
    else this.refuse(new Violation(this.#reason));
  }

  #command(body: Uint8Array): void {
    const { name, data } = parseCommand(body);
    switch (name) {
      case 'PING':
        this.#heartbeat.asked();
        if (data.length < 2) throw new Violation('it sent a malformed PING');
        if (this.waiting < GATHERED_BYTES) this.sendCommand(pongCommand(data));
        return;
      case 'SUBSCRIBE':
      case 'CANCEL':
        if (this.#role.subscription === undefined)
          throw new Violation(`it sent ${name} to a ${this.#role.socketType}`);
        this.#role.subscription(this, data, name === 'SUBSCRIBE');
        return;
      case 'PONG':
        this.#role.answered?.(this);
        return;
      case 'READY':
        throw new Violation('it introduced itself twice');
      case 'ERROR':
        throw new Violation(`it ended the link: ${readReason(data)}`);
      default:
      // Later versions may have other commands.
    }
  }

  #startHeartbeat(): void {
    const { settings, isHeldUp } = this.#role;
    const { heartbeatInterval, busyTimeout } = settings;
    const ping = pingCommand(busyTimeout + 2 * heartbeatInterval);
    this.#heartbeat.start({
      interval: heartbeatInterval,
      isHeldUp,
      patience: this.#handshake.introduction?.busyTimeout,
      isReading: () => !this.#reader.isPaused,
      ask: () => {
        if (this.waiting < GATHERED_BYTES) this.sendCommand(ping);
      },
      rest: () => this.#outbox.rest(),
      isUnacknowledged: () => this.#role.system.isUnacknowledged(this.#socket),
      dead: (silence, isHostGone) => {
        this.#reason = isHostGone
          ? `its host has acknowledged nothing for ${silence} ms`
          : `it gave no sign of life for ${silence} ms`;
        this.#socket.destroy();
      },
    });
  }

  #flushSoon(): void {
    this.#heartbeat.sent();
    if (this.#isFlushing) return;
    this.#isFlushing = true;
    // After what this turn of events still sends, and before the next turn.
    process.nextTick(() => this.#flush());
  }

  #flush(): void {
    this.#isFlushing = false;
    if (this.#stage === 'ending' || this.#stage === 'down' || this.#isBlocked) return;
    const hadRoom = this.#outbox.bytes < GATHERED_BYTES;
    this.#write(this.#outbox.take());
    if (hadRoom || this.#isBlocked) return;
    this.#roomLater();
  }

  /** The system took everything. Senders go on in the next turn of events, so that others get theirs. */
  #roomLater(): void {
    setImmediate(() => {
      if (this.hasRoom) this.#role.writable(this);
    });
  }

  #write(pieces: readonly Uint8Array[]): void {
    if (pieces.length === 0) return;
    const socket = this.#socket;
    if (pieces.length > 1) socket.cork();
    for (const piece of pieces) socket.write(piece);
    if (pieces.length > 1) socket.uncork();
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
    this.#handshake.end();
    this.#heartbeat.stop();
    this.#stopPause?.();
    this.#outbox.take();
    this.#outbox.rest();
    this.#role.down(this, {
      wasUp: this.#wasUp,
      wasGreeted: this.#handshake.isGreeted,
      isUnproved: this.#handshake.isUnproved,
      reason: this.#violation?.message ?? this.#reason ?? 'it hung up',
      violation: this.#violation,
    });
    for (const listener of this.#onGone) listener();
    this.#onGone.clear();
    this.#closed.resolve();
  }
}
