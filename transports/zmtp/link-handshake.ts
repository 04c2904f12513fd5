/** The beginning of a link: both ends greet, prove who they are where a mechanism asks for it, and introduce themselves. */

import { startTimer } from '../../src/async/timers.ts';
import type { Bytes } from '../../src/protocol/bytes.ts';
import {
  type Introduction,
  propertiesOf,
  readFirstCommand,
  readIntroduction,
  readyCommand,
  type SocketType,
} from './commands.ts';
import { GREETING, GreetingReader } from './greeting.ts';
import type { LocalSystem } from './local-system.ts';
import type { Handshake, HandshakeStep, Mechanism, SealedFrames } from './mechanism.ts';
import type { ZmtpSettings } from './options.ts';
import { Violation } from './violation.ts';

/** What a handshake knows of the end that its link belongs to. */
export interface HandshakeRole {
  readonly socketType: SocketType;
  readonly settings: ZmtpSettings;
  /** What secures its links; undefined when nothing does. */
  readonly mechanism: Mechanism | undefined;
  readonly system: LocalSystem;
}

/** What a handshake does with its link. */
export interface HandshakeSteps {
  /** Sends bytes as they are. They leave with {@link flush}. */
  readonly sendRaw: (bytes: Uint8Array) => void;
  /** Sends a command in this turn of events. */
  readonly sendCommand: (body: Uint8Array) => void;
  readonly flush: () => void;
  /** Stops reading. */
  readonly hold: () => void;
  /** Calls `proceed` and reads on after it, unless the link has ended. */
  readonly letOn: (proceed: () => void) => void;
  /**
   * The peer is introduced.
   * @param sealed - seals and opens all frames from now on; undefined without a mechanism.
   */
  readonly done: (sealed: SealedFrames | undefined) => void;
  /** The peer did not introduce itself in time. */
  readonly late: (reason: string) => void;
}

/** The handshake of one link. Its methods throw a Violation when the peer must not come in. */
export class LinkHandshake {
  readonly #role: HandshakeRole;
  readonly #steps: HandshakeSteps;
  readonly #isDialler: boolean;
  readonly #isWary: boolean;
  readonly #greeting: GreetingReader;
  readonly #stopTimer: () => void;
  #hasGreeted = false;
  #introduction: Introduction | undefined;
  /** The part of it that belongs to the mechanism. */
  #proof: Handshake | undefined;

  /** @param isWary - whether a dialler waits for the greeting before it introduces itself. */
  constructor(role: HandshakeRole, steps: HandshakeSteps, isDialler: boolean, isWary: boolean) {
    this.#role = role;
    this.#steps = steps;
    this.#isDialler = isDialler;
    const { mechanism, settings } = role;
    // With a mechanism the first command says what only the right peer should get.
    this.#isWary = isWary || mechanism !== undefined;
    this.#greeting = new GreetingReader(mechanism?.greeting);
    const { handshakeTimeout } = settings;
    this.#stopTimer = startTimer(handshakeTimeout, () =>
      steps.late(`it did not introduce itself within ${handshakeTimeout} ms`),
    );
  }

  /** Whether the peer's greeting has arrived, and is valid. */
  get isGreeted(): boolean {
    return this.#greeting.isComplete;
  }

  /** The minor version of ZMTP 3 that the peer speaks. */
  get minor(): number {
    return this.#greeting.minor;
  }

  /** What the peer said of itself; undefined before. */
  get introduction(): Introduction | undefined {
    return this.#introduction;
  }

  /** Whether the peer has yet to show that it has the expected key. */
  get isUnproved(): boolean {
    return this.#proof?.isUnproved === true;
  }

  /** A dialler greets first. */
  begin(): void {
    if (this.#isDialler) this.#greet();
  }

  /** Whether the peer gets to know why it is refused. A client of CURVE tells its server nothing. */
  tells({ code }: Violation): boolean {
    if (this.#isDialler && this.#role.mechanism !== undefined) return false;
    return this.isGreeted || code === 'FORBIDDEN';
  }

  /**
   * Takes the greeting out of a piece of the stream.
   * @returns what follows the greeting.
   */
  readGreeting(chunk: Uint8Array): Uint8Array {
    if (this.isGreeted) return chunk;
    const rest = chunk.subarray(this.#takeGreeting(chunk));
    if (this.#greeting.isSigned) this.#greet();
    if (this.isGreeted) {
      if (this.#role.mechanism !== undefined) this.#prove(this.#role.mechanism);
      else if (this.#isWary) this.#introduce();
    }
    return rest;
  }

  /** Takes a command. */
  take(body: Uint8Array): void {
    if (this.#proof !== undefined) {
      this.#takeStep(this.#proof, body);
      return;
    }
    this.#introduction = readFirstCommand(body, this.#role.socketType);
    if (!this.#isDialler) this.#introduce();
    this.#done(undefined);
  }

  /** The link has ended: what the mechanism still computes is dropped. */
  end(): void {
    this.#stopTimer();
    this.#proof?.end();
  }

  #takeGreeting(chunk: Uint8Array): number {
    try {
      return this.#greeting.read(chunk);
    } catch (error) {
      // A peer with another mechanism finds that in the greeting of this end.
      if (error instanceof Violation && error.code === 'FORBIDDEN') this.#greet();
      throw error;
    }
  }

  /** Sends the greeting. A bound end introduces itself after it knows the peer, so that it knows each peer that gets its introduction. */
  #greet(): void {
    if (this.#hasGreeted) return;
    this.#hasGreeted = true;
    this.#steps.sendRaw(this.#role.mechanism?.greeting ?? GREETING);
    if (this.#isDialler && !this.#isWary) this.#introduce();
    this.#steps.flush();
  }

  #introduce(): void {
    this.#steps.sendCommand(readyCommand(this.#properties()));
  }

  #properties(): Bytes {
    const { socketType, settings, system } = this.#role;
    return propertiesOf(socketType, settings.busyTimeout, system);
  }

  /** Begins the handshake of the mechanism. */
  #prove(mechanism: Mechanism): void {
    this.#proof = mechanism.handshake(this.#properties());
    const first = this.#proof.begin();
    if (first !== undefined) this.#steps.sendCommand(first);
  }

  #takeStep(proof: Handshake, body: Uint8Array): void {
    const step = proof.take(body);
    if (!(step instanceof Promise)) {
      this.#proceed(proof, step);
      return;
    }
    this.#steps.hold();
    step.then(
      (taken) => this.#steps.letOn(() => this.#proceed(proof, taken)),
      (error: unknown) =>
        this.#steps.letOn(() => {
          throw error;
        }),
    );
  }

  #proceed(proof: Handshake, { reply, properties }: HandshakeStep): void {
    if (properties !== undefined) this.#introduction = readIntroduction(properties, this.#role.socketType);
    if (reply !== undefined) this.#steps.sendCommand(reply);
    if (properties !== undefined) this.#done(proof.frames());
  }

  #done(sealed: SealedFrames | undefined): void {
    this.#stopTimer();
    this.#steps.done(sealed);
  }
}
