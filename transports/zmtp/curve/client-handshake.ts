/** The dialling end of CURVE's handshake: HELLO, WELCOME, INITIATE, READY. Source: rfc.zeromq.org/spec/26. */
import { concatBytes, randomBytes } from '@noble/ciphers/utils.js';
import type { Bytes } from '../../../src/protocol/bytes.ts';
import { commandOf, parseCommand, readReason } from '../commands.ts';
import type { Handshake, HandshakeStep, SealedFrames } from '../mechanism.ts';
import { Violation } from '../violation.ts';
import {
  boxKey,
  KEY,
  type KeyPair,
  newKeyPair,
  nonceOf,
  openBox,
  readNonce,
  sealBox,
  shortNonce,
} from './boxes.ts';
import { CurveFrames } from './sealed-frames.ts';

const COOKIE = 96;
const HELLO_NONCE = 1;
const INITIATE_NONCE = 2;

export class ClientHandshake implements Handshake {
  readonly #pair: KeyPair;
  readonly #serverKey: Uint8Array;
  readonly #properties: Bytes;
  /** The pair for this link alone. */
  readonly #short = newKeyPair();
  #expects: 'WELCOME' | 'READY' | 'nothing' = 'WELCOME';
  /** The key of the boxes between the own short-term keys and the server's long-term ones. */
  readonly #helloKey: Uint8Array;
  /** The key of the boxes between the short-term keys. */
  #key: Uint8Array = new Uint8Array(0);
  #readyNonce = 0n;

  /** @param pair - the long-term keys of this end. */
  constructor(pair: KeyPair, serverKey: Uint8Array, properties: Bytes) {
    this.#pair = pair;
    this.#serverKey = serverKey;
    this.#properties = properties;
    this.#helloKey = boxKey(this.#short.secretKey, serverKey);
  }

  get isUnproved(): boolean {
    return this.#expects === 'WELCOME';
  }

  begin(): Bytes {
    const nonce = shortNonce(HELLO_NONCE);
    const box = sealBox(this.#helloKey, nonceOf('CurveZMQHELLO---', nonce), new Uint8Array(64));
    const version = Uint8Array.of(1, 0);
    return commandOf('HELLO', version, new Uint8Array(72), this.#short.publicKey, nonce, box);
  }

  take(body: Uint8Array): HandshakeStep {
    const { name, data } = parseCommand(body);
    if (name === 'ERROR') throw this.#refusal(readReason(data));
    if (name !== this.#expects) throw new Violation(`it sent ${name} in the place of ${this.#expects}`);
    return name === 'WELCOME' ? this.#welcomed(data) : this.#ready(data);
  }

  frames(): SealedFrames {
    return new CurveFrames(this.#key, 'client', { own: INITIATE_NONCE, peer: this.#readyNonce });
  }

  end(): void {}

  #refusal(reason: string): Violation {
    const text = this.isUnproved
      ? `curve.serverKey is not its key (${reason})`
      : `it refused this end: ${reason}`;
    return new Violation(text, this.isUnproved || /^[345]00/.test(reason) ? 'FORBIDDEN' : 'PROTOCOL');
  }

  #welcomed(data: Uint8Array): HandshakeStep {
    const plain = openBox(this.#helloKey, nonceOf('WELCOME-', data.subarray(0, 16)), data.subarray(16));
    if (plain?.length !== KEY + COOKIE) {
      throw new Violation('it did not prove that it has the key of curve.serverKey', 'FORBIDDEN');
    }
    const serverShort = plain.slice(0, KEY);
    this.#key = boxKey(this.#short.secretKey, serverShort);
    this.#expects = 'READY';
    const vouchNonce = randomBytes(16);
    const vouch = sealBox(
      boxKey(this.#pair.secretKey, serverShort),
      nonceOf('VOUCH---', vouchNonce),
      concatBytes(this.#short.publicKey, this.#serverKey),
    );
    const nonce = shortNonce(INITIATE_NONCE);
    const introduction = concatBytes(this.#pair.publicKey, vouchNonce, vouch, this.#properties);
    const box = sealBox(this.#key, nonceOf('CurveZMQINITIATE', nonce), introduction);
    return { reply: commandOf('INITIATE', plain.subarray(KEY), nonce, box) };
  }

  #ready(data: Uint8Array): HandshakeStep {
    const nonce = data.subarray(0, 8);
    const properties = openBox(this.#key, nonceOf('CurveZMQREADY---', nonce), data.subarray(8));
    if (nonce.length < 8 || properties === undefined) {
      throw new Violation('it sent a READY of CURVE that was altered, or made with other keys');
    }
    this.#readyNonce = readNonce(nonce, 0);
    this.#expects = 'nothing';
    return { properties };
  }
}
