import { deferred } from '../../../src/async/deferred.ts';
import type { Logger } from '../../../src/logging.ts';
import * as CloseCode from '../../relay-protocol/close-codes.ts';
import { endsSession } from '../../relay-protocol/close-codes.ts';
import type { Metrics } from '../http/metrics.ts';
import type { Passage, PassedClient } from '../peers/passage.ts';
import type { PassOutcome } from '../peers/peer-link.ts';
import type { Peers } from '../peers/peers.ts';

/** The client's socket, as far as such a session uses it. */
export interface PassingSocket {
  /** Bytes that the client's side has not taken. */
  readonly unsent: number;
  readonly isClosing: boolean;
  /** @param sent - called when the message has left; also when it never will. */
  write(message: Buffer, sent?: () => void): void;
  /** Reads nothing from the client until {@link readOn}. */
  stopReading(): void;
  readOn(): void;
  /** So many bytes wait for the client or for the owner. */
  waiting(bytes: number): void;
  /** The owner has let the client in. */
  greeted(): void;
  close(code: number, reason: string): void;
}

export interface PassedSessionContext {
  readonly metrics: Metrics;
  readonly logger: Logger;
}

/** A session that another relay owns: its messages pass through the client's socket here. */
export class PassedSession implements PassedClient {
  readonly #socket: PassingSocket;
  readonly #context: PassedSessionContext;
  readonly #isTaken = deferred<boolean>();
  /** Leads to the owner; undefined once that does not go on with the session. */
  #passage: Passage | undefined;
  #isHeld = false;

  constructor(socket: PassingSocket, context: PassedSessionContext) {
    this.#socket = socket;
    this.#context = context;
  }

  /** Whether the owner goes on with the session, or is asked whether it does. */
  get isOn(): boolean {
    return this.#passage !== undefined;
  }

  /** Whether the owner goes on with the session. */
  get isOpen(): boolean {
    return this.#passage?.isOpen === true;
  }

  /** Whether nothing is read because the owner has to take something first. */
  get isHeld(): boolean {
    return this.#isHeld;
  }

  /** Resolves with whether the client is taken care of: not where a session has to begin here. */
  get isTaken(): Promise<boolean> {
    return this.#isTaken.promise;
  }

  get unsent(): number {
    return this.#socket.unsent;
  }

  /**
   * Asks the owner to go on with the session.
   * @param owner - id of that relay; undefined where the client made the name of its session up.
   * @returns whether it is asked.
   */
  ask(peers: Peers, owner: string | undefined, what: Parameters<Peers['pass']>[1]): boolean {
    this.#passage = owner === undefined ? undefined : peers.pass(owner, what, this);
    if (this.isOn) return true;
    this.#context.metrics.passed(owner === undefined ? 'made_up' : 'unreachable');
    return false;
  }

  /** Passes a message of the client on. */
  forward(message: Buffer): void {
    this.#passage?.forward(message);
  }

  /** The client's socket has ended. The owner learns whether the client may come back to the session. */
  ended(code: number, reason: string): void {
    this.#passage?.close(endsSession(code) ? CloseCode.goingAway : code, reason);
    this.#isTaken.resolve(true);
  }

  passed(): void {
    const { metrics } = this.#context;
    metrics.session('passed');
    metrics.passed('passed');
    this.#socket.waiting(0);
    this.#socket.greeted();
    this.#isTaken.resolve(true);
  }

  notPassed(outcome: PassOutcome, reason: string): void {
    const { metrics, logger } = this.#context;
    const owner = this.#passage?.owner;
    metrics.passed(outcome);
    this.#socket.waiting(0);
    this.#passage = undefined;
    if (this.#socket.isClosing) return;
    if (outcome !== 'unknown') logger.warning('a session was not passed on', { owner, outcome, reason });
    // The client may try again, as if the owner itself had turned it away.
    if (outcome === 'full') this.#socket.close(CloseCode.tooMany, reason);
    else this.#isTaken.resolve(false);
  }

  pass(message: Buffer, sent?: () => void): void {
    this.#socket.write(message, sent);
  }

  hold(): void {
    this.#isHeld = true;
    this.#socket.stopReading();
  }

  release(): void {
    if (!this.#isHeld) return;
    this.#isHeld = false;
    this.#socket.readOn();
  }

  waiting(bytes: number): void {
    this.#socket.waiting(bytes);
  }

  ownerEnded(code: number, reason: string): void {
    if (!isBroken(code)) {
      this.#socket.close(code, reason);
      return;
    }
    this.#context.metrics.passed('lost');
    // The client comes back at once, and learns what has become of its session.
    this.#socket.close(CloseCode.elsewhere, 'the link to the relay that has the session broke');
  }
}

/** Whether a link ended without a word, by the code that says so: nobody sends these. */
function isBroken(code: number): boolean {
  return code < 1_000 || code === 1_004 || code === 1_005 || code === 1_006 || code === 1_015;
}
