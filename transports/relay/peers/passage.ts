import { startTimer } from '../../../src/async/timers.ts';
import { PASSED_BYTES, PEER_ANSWER } from '../../../src/flow-control.ts';
import type { PassOutcome, PeerLink, PeerLinkEvents } from './peer-link.ts';

/** A client whose session another relay owns, as far as the passage concerns it. */
export interface PassedClient {
  /** Bytes that the client's side has not taken. */
  readonly unsent: number;
  /** The owner goes on with the session, and messages come. */
  passed(): void;
  /** The owner does not. Nothing more is called. */
  notPassed(outcome: PassOutcome, reason: string): void;
  /** @param sent - called when the message has left; also when it never will. */
  pass(message: Buffer, sent?: () => void): void;
  /** Nothing is read from the client until {@link release}. */
  hold(): void;
  release(): void;
  /** So many bytes wait for either side. */
  waiting(bytes: number): void;
  /** The owner's end of the link is over; with 1006 when it broke. Nothing more is called. */
  ownerEnded(code: number, reason: string): void;
}

/**
 * Passes the messages of a client and of the relay that owns its session to each other, whole. It reads no faster from one side than
 * the other takes: {@link PASSED_BYTES} and one message wait for each at most.
 */
export class Passage implements PeerLinkEvents {
  /** Id of the relay that owns the session. */
  readonly owner: string;
  readonly #client: PassedClient;
  /** Called once, when the owner has answered or will not. */
  readonly #answered: () => void;
  #link: PeerLink | undefined;
  #stopTimer: () => void;
  #isOpen = false;
  #hasEnded = false;

  constructor(owner: string, client: PassedClient, answered: () => void) {
    this.owner = owner;
    this.#client = client;
    this.#answered = answered;
    this.#stopTimer = startTimer(PEER_ANSWER, () => {
      const reason = `no answer within ${PEER_ANSWER} ms`;
      if (this.#link !== undefined) this.#link.giveUp(reason);
      else this.ended('unreachable', 0, reason);
    });
  }

  /** Whether the owner goes on with the session. */
  get isOpen(): boolean {
    return this.#isOpen;
  }

  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  /** Dials the owner. */
  dial(link: (events: PeerLinkEvents) => PeerLink): void {
    if (!this.#hasEnded) this.#link = link(this);
  }

  /** Passes a message of the client on. */
  forward(message: Buffer): void {
    const link = this.#link;
    if (link === undefined || this.#hasEnded) return;
    const isMuch = link.unsent + message.length > PASSED_BYTES;
    if (isMuch) this.#client.hold();
    link.send(message, isMuch ? () => this.#taken() : undefined);
    if (isMuch) this.#count();
  }

  /** The client's connection has ended. */
  close(code: number, reason: string): void {
    if (this.#hasEnded) return;
    const link = this.#link;
    const wasOpen = this.#isOpen;
    this.#end();
    if (wasOpen) link?.close(code, reason);
    else link?.terminate();
  }

  welcomed(message: Buffer): void {
    if (this.#hasEnded) return;
    this.#isOpen = true;
    this.#stopTimer();
    this.#answered();
    this.#client.passed();
    this.received(message);
  }

  received(message: Buffer): void {
    if (this.#hasEnded) return;
    const client = this.#client;
    const isMuch = client.unsent + message.length > PASSED_BYTES;
    if (isMuch) this.#link?.pause();
    client.pass(message, isMuch ? () => this.#taken() : undefined);
    if (isMuch) this.#count();
  }

  ended(outcome: PassOutcome, code: number, reason: string): void {
    if (this.#hasEnded) return;
    const wasOpen = this.#isOpen;
    this.#end();
    if (wasOpen) this.#client.ownerEnded(code, reason);
    else this.#client.notPassed(outcome, reason);
  }

  #end(): void {
    this.#hasEnded = true;
    this.#stopTimer();
    if (!this.#isOpen) this.#answered();
  }

  /** A message has left that something waits for. */
  #taken(): void {
    if (this.#hasEnded) return;
    const half = PASSED_BYTES / 2;
    if ((this.#link?.unsent ?? 0) <= half) this.#client.release();
    if (this.#client.unsent <= half) this.#link?.resume();
    this.#count();
  }

  #count(): void {
    this.#client.waiting(this.#client.unsent + (this.#link?.unsent ?? 0));
  }
}
