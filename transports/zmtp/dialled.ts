import { connect, type Socket } from 'node:net';
import type { ReadTurns } from '../../src/async/read-turns.ts';
import { Readiness } from '../../src/async/readiness.ts';
import { startTimer } from '../../src/async/timers.ts';
import { messageOf, PalmError } from '../../src/protocol/errors.ts';
import type { Channel, CloseOptions } from '../../src/transport.ts';
import type { ChannelHost } from '../shared/base-connection.ts';
import { type Place, placesOf } from './address.ts';
import type { SocketType } from './commands.ts';
import { Link, type LinkEnd, type LinkRole } from './link.ts';
import type { LocalSystem } from './local-system.ts';
import type { Mechanism } from './mechanism.ts';
import type { ZmtpSettings } from './options.ts';
import type { FrameBytes } from './own-bytes.ts';
import { Violation } from './violation.ts';

/** Shortest wait before a peer that refused is dialled again, in milliseconds. */
const REDIAL_DELAY = 1_000;

/**
 * How many links in a row must end before the peer's introduction until the peer counts as refusing. libzmq hangs up without a reason on a
 * kind of socket that does not fit, and a server that stops does so once. libzmq does not even greet when it gets the introduction together
 * with the greeting, so after the first such link the introduction waits for the greeting.
 */
const HANG_UPS_OF_A_MISFIT = 2;

/** While reading is paused, a socket reads one piece more and no further ones. By Node's default it would be woken for each, up to 16 KiB. */
const READ_AHEAD = { readableHighWaterMark: 1 };

/** What every dialled channel needs. */
export interface DialContext {
  readonly address: string;
  readonly host: ChannelHost;
  readonly settings: ZmtpSettings;
  readonly own: FrameBytes;
  readonly turns: ReadTurns;
  readonly system: LocalSystem;
  readonly mechanism: Mechanism | undefined;
}

/** A dialling end. It keeps one link to its address, and knows when it is ready. */
export abstract class Dialled extends Readiness implements Channel, LinkRole {
  abstract readonly socketType: SocketType;
  readonly takesControlOnly: boolean = false;
  readonly isHeldUp: boolean = false;
  readonly own: FrameBytes;
  readonly turns: ReadTurns;
  readonly system: LocalSystem;
  readonly settings: ZmtpSettings;
  readonly mechanism: Mechanism | undefined;
  protected readonly address: string;
  protected readonly host: ChannelHost;
  /** The link, from the end of its handshake until it breaks. */
  protected link: Link | undefined;
  /** Why the peer refuses, until a link to it is up. */
  protected refusedWith: PalmError | undefined;
  #current: Link | undefined;
  #socket: Socket | undefined;
  #stopWaiting = () => {};
  /** Addresses of the host that are still to be tried. */
  #places: Place[] = [];
  #attempt = 0;
  #hangUps = 0;

  constructor({ address, host, settings, own, turns, system, mechanism }: DialContext) {
    super();
    this.address = address;
    this.host = host;
    this.settings = settings;
    this.own = own;
    this.turns = turns;
    this.system = system;
    this.mechanism = mechanism;
  }

  /** Dials. It is not part of the constructor, because it needs the complete subclass. */
  dial(): this {
    this.host.report({ type: 'connecting', address: this.address }, this);
    void this.#connect();
    return this;
  }

  up(link: Link): void {
    this.link = link;
    this.refusedWith = undefined;
    this.#attempt = 0;
    this.#hangUps = 0;
    this.#places = [];
    this.host.report({ type: 'connected', address: this.address }, this);
    this.connected(link);
  }

  down(_link: Link, end: LinkEnd): void {
    this.#current = undefined;
    this.link = undefined;
    if (this.isClosed) return;
    const { address } = this;
    if (end.wasUp) {
      const reason = `the link to ${address} broke: ${end.reason}`;
      this.host.report({ type: 'disconnected', address, reason }, this);
      this.disconnected(new PalmError('DISCONNECTED', reason, { sent: 'unknown' }));
      this.#redial(0);
      return;
    }
    if (this.#places.length > 0) {
      // This address of the host may belong to another service.
      void this.#tryPlaces(end.reason);
      return;
    }
    const violation = end.violation ?? this.#misfit(end);
    if (violation === undefined) {
      this.#redial(0, `${address} cannot be used: ${end.reason}`);
      return;
    }
    const text = `${address} cannot be used: ${violation.message}; is it the address of another service?`;
    this.host.report({ type: 'disconnected', address, reason: text }, this);
    this.setRefused(new PalmError(violation.code, text, { sent: false, cause: violation }));
    this.#redial(REDIAL_DELAY);
  }

  override setRefused(error: PalmError): void {
    this.refusedWith = error;
    super.setRefused(error);
  }

  abstract frame(
    link: Link,
    flags: number,
    bytes: Uint8Array,
    start: number,
    end: number,
    isOwn: boolean,
  ): void;

  pieceEnds(_link: Link): void {}

  writable(_link: Link): void {}

  async close(options: CloseOptions = {}): Promise<void> {
    if (this.isClosed) return;
    this.#stopWaiting();
    this.setClosed(closedError(this.address));
    this.host.release(this);
    this.#socket?.destroy();
    await this.#current?.close(options.timeout ?? 0);
  }

  protected connected(_link: Link): void {
    this.setReady();
  }

  protected disconnected(error: PalmError): void {
    this.setBroken(error);
  }

  protected reportSlow(queued: number): void {
    this.host.report({ type: 'slow', address: this.address, queued }, this);
  }

  /** The error for a message for which the peer would hang up. */
  protected refusal(bytes: number): PalmError | undefined {
    const { maxMessageSize } = this.settings;
    if (bytes <= maxMessageSize || maxMessageSize === -1) return undefined;
    const text = `a message of ${bytes} bytes to ${this.address} is over maxMessageSize, ${maxMessageSize}: raise it on both sides`;
    return new PalmError('TOO_LARGE', text, { sent: false });
  }

  #misfit({ wasGreeted, isUnproved, reason }: LinkEnd): Violation | undefined {
    this.#hangUps++;
    if (!wasGreeted || this.#hangUps < HANG_UPS_OF_A_MISFIT) return undefined;
    if (isUnproved) {
      const text = 'it hung up during the CURVE handshake: curve.serverKey is not its key';
      return new Violation(text, 'FORBIDDEN');
    }
    return new Violation(`it greets and then hangs up on a ${this.socketType} (${reason})`);
  }

  /** Looks up the host and tries all its addresses. */
  async #connect(): Promise<void> {
    const { address } = this;
    let reason: string | undefined;
    try {
      this.#places = await placesOf(address);
    } catch (error) {
      this.#places = [];
      reason = `the host of ${address} cannot be found: ${messageOf(error)}`;
    }
    if (!this.isClosed) await this.#tryPlaces(reason);
  }

  /**
   * Tries the remaining addresses until one accepts.
   * @param reason - why the last one failed.
   */
  async #tryPlaces(reason: string | undefined): Promise<void> {
    let last = reason;
    for (let place = this.#places.shift(); place !== undefined; place = this.#places.shift()) {
      const socket = await this.#try(place);
      const isThere = !(socket instanceof Error);
      if (this.isClosed) {
        if (isThere) socket.destroy();
        return;
      }
      if (isThere) {
        this.#current = new Link(socket, this, true, this.#hangUps > 0);
        return;
      }
      last = `${this.address} cannot be reached: ${messageOf(socket)}`;
    }
    this.#redial(0, last);
  }

  #try(place: Place): Promise<Socket | Error> {
    return new Promise((resolve) => {
      const socket = connect({ ...place, ...READ_AHEAD });
      this.#socket = socket;
      // Errors after the outcome concern the link, or nothing.
      socket.on('error', () => {});
      const { connectTimeout } = this.settings;
      const stop = startTimer(connectTimeout, () =>
        socket.destroy(new Error(`nothing accepted the connection within ${connectTimeout} ms`)),
      );
      const settle = (outcome: Socket | Error) => {
        stop();
        this.#socket = undefined;
        socket.off('connect', connected).off('error', settle).off('close', ended);
        resolve(outcome);
      };
      const connected = () => settle(socket);
      const ended = () => settle(new Error('the connection was given up'));
      socket.on('connect', connected).on('error', settle).on('close', ended);
    });
  }

  #redial(least: number, reason?: string): void {
    this.#attempt++;
    const { reconnectInterval, reconnectMaxInterval } = this.settings;
    const most = Math.max(reconnectInterval, reconnectMaxInterval);
    const wait = Math.min(most, reconnectInterval * 2 ** Math.min(this.#attempt - 1, 30));
    // Half of it is random, so that not all clients of a restarted server come back at once.
    const delay = Math.max(least, Math.round(wait * (0.5 + Math.random() / 2)));
    const { address, host } = this;
    const why = reason === undefined ? {} : { reason };
    host.report({ type: 'reconnecting', address, attempt: this.#attempt, delay, ...why }, this);
    this.#stopWaiting();
    this.#stopWaiting = startTimer(delay, () => void this.#connect());
  }
}

export function closedError(address: string): PalmError {
  return new PalmError('CLOSED', `the connection to ${address} is closed`, { sent: false });
}
