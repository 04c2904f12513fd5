/** The MESSAGE commands of CurveZMQ. Sources: rfc.zeromq.org/spec/25 and 26. */
import { poly1305 } from '@noble/ciphers/_poly1305.js';
import { salsa20 } from '@noble/ciphers/salsa.js';
import { equalBytes } from '@noble/ciphers/utils.js';
import type { OpenedFrame, SealedFrames } from '../mechanism.ts';
import { LARGEST_COPY } from '../outbox.ts';
import { Violation } from '../violation.ts';
import { readNonce, subkey, TAG, writeNonce } from './boxes.ts';

const NAME = new TextEncoder().encode('\x07MESSAGE');
const NONCE_AT = NAME.length;
const BOX_AT = NONCE_AT + 8;
const FLAGS_AT = BOX_AT + TAG;
const BODY_AT = FLAGS_AT + 1;
/** Bytes of a sealed frame beside those of the frame. */
export const OVERHEAD: number = BODY_AT;

const MORE = 1;
const COMMAND = 2;

/** What the nonces of a direction begin with, 16 bytes. */
const PREFIXES = {
  client: new TextEncoder().encode('CurveZMQMESSAGEC'),
  server: new TextEncoder().encode('CurveZMQMESSAGES'),
} as const;

/** The numbers that the handshake has used up. */
export interface UsedNonces {
  readonly own: number;
  readonly peer: bigint;
}

/**
 * Seals and opens frames. All nonces of a direction begin alike, so one key derived from that is used for all of its frames. Frames are made and
 * opened in place: one copy into a buffer, and one pass for each of the cipher and its tag.
 */
export class CurveFrames implements SealedFrames {
  readonly #ownKey: Uint8Array;
  readonly #peerKey: Uint8Array;
  #ownNonce: number;
  #peerNonce: bigint;
  readonly #nonce = new Uint8Array(8);
  readonly #sealing = new Scratch();
  readonly #opening = new Scratch();

  /** @param key - of the boxes between the short-term keys of both ends. */
  constructor(key: Uint8Array, side: 'client' | 'server', { own, peer }: UsedNonces) {
    this.#ownKey = subkey(key, PREFIXES[side]);
    this.#peerKey = subkey(key, PREFIXES[side === 'client' ? 'server' : 'client']);
    this.#ownNonce = own;
    this.#peerNonce = peer;
  }

  seal(frame: Uint8Array, isCommand: boolean, hasMore: boolean): Uint8Array {
    const sealed = this.#sealing.of(BODY_AT + frame.length);
    sealed.fill(0, 0, FLAGS_AT);
    sealed[FLAGS_AT] = (hasMore ? MORE : 0) | (isCommand ? COMMAND : 0);
    sealed.set(frame, BODY_AT);
    const nonce = this.#nonce;
    writeNonce(nonce, 0, ++this.#ownNonce);
    // The stream begins with the key of the tag, which takes 32 bytes: as many as the name, the nonce and the tag.
    salsa20(this.#ownKey, nonce, sealed, sealed);
    const tag = poly1305(sealed.subarray(FLAGS_AT), sealed.subarray(0, FLAGS_AT));
    sealed.set(NAME);
    sealed.set(nonce, NONCE_AT);
    sealed.set(tag, BOX_AT);
    return sealed;
  }

  open(sealed: Uint8Array): OpenedFrame {
    if (sealed.length < BODY_AT || !isMessage(sealed)) {
      throw new Violation('it sent what is not a MESSAGE of CURVE');
    }
    const number = readNonce(sealed, NONCE_AT);
    if (number <= this.#peerNonce) throw new Violation('it sent a box of CURVE again, or out of order');
    const nonce = this.#nonce;
    nonce.set(sealed.subarray(NONCE_AT, BOX_AT));
    const authKey = salsa20(this.#peerKey, nonce, NO_KEY);
    if (!equalBytes(poly1305(sealed.subarray(FLAGS_AT), authKey), sealed.subarray(BOX_AT, FLAGS_AT))) {
      throw new Violation('it sent a box of CURVE that was altered, or made with other keys');
    }
    this.#peerNonce = number;
    const bytes = this.#opening.of(sealed.length);
    bytes.set(sealed);
    salsa20(this.#peerKey, nonce, bytes, bytes);
    const flags = bytes[FLAGS_AT] ?? 0;
    return {
      isCommand: (flags & COMMAND) !== 0,
      hasMore: (flags & MORE) !== 0,
      bytes,
      start: BODY_AT,
      end: bytes.length,
    };
  }
}

const NO_KEY = new Uint8Array(32);

function isMessage(sealed: Uint8Array): boolean {
  for (let at = 0; at < NAME.length; at++) if (sealed[at] !== NAME[at]) return false;
  return true;
}

/** A buffer for small frames, used again. A large frame gets its own, because an outbox does not copy it. */
class Scratch {
  #bytes = new Uint8Array(0);

  of(length: number): Uint8Array<ArrayBuffer> {
    if (length > LARGEST_COPY) return new Uint8Array(length);
    if (length > this.#bytes.length) {
      this.#bytes = new Uint8Array(Math.min(LARGEST_COPY, Math.max(256, 2 * length)));
    }
    return this.#bytes.subarray(0, length);
  }
}
