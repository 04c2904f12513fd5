/** The greeting of ZMTP 3.1 with the NULL or CURVE mechanism. Source: rfc.zeromq.org/spec/37. */
import { Violation } from './violation.ts';

const LENGTH = 64;
/** Bytes of the signature, by which a peer knows version 2 or later. */
const SIGNATURE = 10;
const MAJOR_AT = 10;
const MINOR_AT = 11;
const MECHANISM_AT = 12;
const MECHANISM_END = 32;
const AS_SERVER_AT = 32;

/** The greeting of an end without encryption. */
export const GREETING: Uint8Array = greetingOf('NULL');

/** Makes a greeting: signature, version 3.1, mechanism, and whether this end is the server of the mechanism. */
export function greetingOf(mechanism: 'NULL' | 'CURVE', isServer = false): Uint8Array {
  const greeting = new Uint8Array(LENGTH);
  greeting[0] = 0xff;
  greeting[SIGNATURE - 1] = 0x7f;
  greeting[MAJOR_AT] = 3;
  greeting[MINOR_AT] = 1;
  greeting.set(new TextEncoder().encode(mechanism), MECHANISM_AT);
  greeting[AS_SERVER_AT] = isServer ? 1 : 0;
  return greeting;
}

/** Reads the greeting of a peer, in whatever pieces it comes. */
export class GreetingReader {
  readonly #bytes = new Uint8Array(LENGTH);
  readonly #own: Uint8Array;
  #length = 0;

  /** @param own - the greeting of this end, whose mechanism the peer must have, too. */
  constructor(own: Uint8Array = GREETING) {
    this.#own = own;
  }

  /** Whether the signature has arrived complete. */
  get isSigned(): boolean {
    return this.#length >= SIGNATURE;
  }

  get isComplete(): boolean {
    return this.#length === LENGTH;
  }

  /** The minor version of a complete greeting. */
  get minor(): number {
    return this.#bytes[MAJOR_AT] === 3 ? (this.#bytes[MINOR_AT] ?? 0) : 1;
  }

  /**
   * Takes bytes that arrived.
   * @returns how many of them belong to the greeting.
   * @throws Violation as soon as it cannot be one of ZMTP 3 with this mechanism.
   */
  read(chunk: Uint8Array): number {
    const taken = Math.min(LENGTH - this.#length, chunk.length);
    this.#bytes.set(chunk.subarray(0, taken), this.#length);
    this.#length += taken;
    this.#check();
    return taken;
  }

  #check(): void {
    const bytes = this.#bytes;
    if (this.#length > 0 && bytes[0] !== 0xff) throw new Violation('it does not speak ZMTP 3');
    if (this.#length >= SIGNATURE && ((bytes[SIGNATURE - 1] ?? 0) & 1) === 0) {
      throw new Violation('it speaks ZMTP 1, and 3 is needed');
    }
    if (this.#length > MAJOR_AT && (bytes[MAJOR_AT] ?? 0) < 3) {
      throw new Violation(`it speaks ZMTP ${(bytes[MAJOR_AT] ?? 0) === 1 ? 2 : 1}, and 3 is needed`);
    }
    if (this.#length >= MECHANISM_END && !this.#isOfOwnMechanism()) {
      throw new Violation(
        'one side wants encryption or a password and the other does not; give or remove the curve option',
        'FORBIDDEN',
      );
    }
  }

  #isOfOwnMechanism(): boolean {
    for (let at = MECHANISM_AT; at < MECHANISM_END; at++) if (this.#bytes[at] !== this.#own[at]) return false;
    return true;
  }
}
