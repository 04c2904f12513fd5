/** The bound end of CURVE's handshake. Source: rfc.zeromq.org/spec/26. */
import { concatBytes, equalBytes, randomBytes } from '@noble/ciphers/utils.js';
import type { Bytes } from '../../../src/protocol/bytes.ts';
import type { KeyDecisions } from '../../shared/key-decisions.ts';
import { encodeZ85 } from '../../shared/z85.ts';
import { commandOf, parseCommand } from '../commands.ts';
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
  TAG,
} from './boxes.ts';
import type { HandshakeTurns } from './handshake-turns.ts';
import { CurveFrames } from './sealed-frames.ts';

const COOKIE_NONCE = 16;
const COOKIE = 96;
const READY_NONCE = 1;

// Where the parts of HELLO lie, behind its name.
const PADDING_AT = 2;
const CLIENT_AT = 74;
const HELLO_NONCE_AT = CLIENT_AT + KEY;
const HELLO_BOX_AT = HELLO_NONCE_AT + 8;
const HELLO = HELLO_BOX_AT + 80;

// Where the parts of INITIATE lie, behind its name; and those of what is in its box.
const INITIATE_BOX_AT = COOKIE + 8;
const VOUCH_AT = KEY + 16;
const VOUCH_END = VOUCH_AT + 80;
const SHORTEST_INITIATE = INITIATE_BOX_AT + VOUCH_END + TAG;

/** What a peer is told that has not the server's key. libzmq's clients take exactly three digits. */
const NO_KEY = '400';

/** What all handshakes of a bound end share. */
export interface ServerSide {
  readonly pair: KeyPair;
  readonly turns: HandshakeTurns;
  /** Undefined when any client may come in. */
  readonly decisions: KeyDecisions | undefined;
  /** Whether what the peer says of itself shows that it reads more of a refusal than its number. */
  readonly readsReasons: (properties: Uint8Array) => boolean;
}

export class ServerHandshake implements Handshake {
  readonly isUnproved = false;
  readonly #side: ServerSide;
  readonly #properties: Bytes;
  #expects: 'HELLO' | 'INITIATE' | 'nothing' = 'HELLO';
  /** The key of this link's cookie. A cookie is good once, and on its own link alone, so an INITIATE that was recorded is worth nothing. */
  #cookieKey: Uint8Array = new Uint8Array(0);
  #peerNonce = 0n;
  /** The key of the boxes between the short-term keys. */
  #key: Uint8Array = new Uint8Array(0);
  #isOver = false;

  constructor(side: ServerSide, properties: Bytes) {
    this.#side = side;
    this.#properties = properties;
  }

  begin(): undefined {}

  async take(body: Uint8Array): Promise<HandshakeStep> {
    const { name, data } = parseCommand(body);
    if (name !== this.#expects) throw new Violation(`it sent ${name} in the place of ${this.#expects}`);
    this.#expects = name === 'HELLO' ? 'INITIATE' : 'nothing';
    // The link reads no more before this step is done, so the bytes stay as they are.
    return name === 'HELLO' ? await this.#greeted(data) : await this.#introduced(data);
  }

  frames(): SealedFrames {
    return new CurveFrames(this.#key, 'server', { own: READY_NONCE, peer: this.#peerNonce });
  }

  end(): void {
    this.#isOver = true;
  }

  async #greeted(hello: Uint8Array): Promise<HandshakeStep> {
    const padding = hello.subarray(PADDING_AT, CLIENT_AT);
    if (hello.length !== HELLO || hello[0] !== 1 || hello[1] !== 0 || padding.some((byte) => byte !== 0)) {
      throw new Violation('it sent a malformed HELLO');
    }
    await this.#side.turns.first();
    if (this.#isOver) return {};
    const { pair } = this.#side;
    const client = hello.slice(CLIENT_AT, HELLO_NONCE_AT);
    const nonce = hello.subarray(HELLO_NONCE_AT, HELLO_BOX_AT);
    const key = boxKey(pair.secretKey, client);
    if (openBox(key, nonceOf('CurveZMQHELLO---', nonce), hello.subarray(HELLO_BOX_AT)) === undefined) {
      throw new Violation('it does not have the public key of this server', 'FORBIDDEN', NO_KEY);
    }
    this.#peerNonce = readNonce(nonce, 0);
    // The pair for this link. It goes into the cookie, so that nothing of it is kept before the peer has come back.
    const short = newKeyPair();
    this.#cookieKey = randomBytes(KEY);
    const cookieNonce = randomBytes(COOKIE_NONCE);
    const cookieBox = sealBox(
      this.#cookieKey,
      nonceOf('COOKIE--', cookieNonce),
      concatBytes(client, short.secretKey),
    );
    const welcomeNonce = randomBytes(16);
    const welcome = concatBytes(short.publicKey, cookieNonce, cookieBox);
    const box = sealBox(key, nonceOf('WELCOME-', welcomeNonce), welcome);
    return { reply: commandOf('WELCOME', welcomeNonce, box) };
  }

  async #introduced(initiate: Uint8Array): Promise<HandshakeStep> {
    if (initiate.length < SHORTEST_INITIATE) throw new Violation('it sent a malformed INITIATE');
    const cookie = openBox(
      this.#cookieKey,
      nonceOf('COOKIE--', initiate.subarray(0, COOKIE_NONCE)),
      initiate.subarray(COOKIE_NONCE, COOKIE),
    );
    this.#cookieKey = new Uint8Array(0);
    if (cookie === undefined) throw new Violation('its INITIATE does not have the cookie of this link');
    const number = readNonce(initiate, COOKIE);
    if (number <= this.#peerNonce) throw new Violation('it sent a box of CURVE again, or out of order');
    this.#peerNonce = number;
    await this.#side.turns.second();
    if (this.#isOver) return {};
    const { pair, decisions, readsReasons } = this.#side;
    const clientShort = cookie.slice(0, KEY);
    const ownSecret = cookie.slice(KEY);
    this.#key = boxKey(ownSecret, clientShort);
    const nonce = nonceOf('CurveZMQINITIATE', initiate.subarray(COOKIE, INITIATE_BOX_AT));
    const plain = openBox(this.#key, nonce, initiate.subarray(INITIATE_BOX_AT));
    if (plain === undefined) {
      throw new Violation('it sent an INITIATE that was altered, or made with other keys');
    }
    const client = plain.slice(0, KEY);
    const vouch = openBox(
      boxKey(ownSecret, client),
      nonceOf('VOUCH---', plain.subarray(KEY, VOUCH_AT)),
      plain.subarray(VOUCH_AT, VOUCH_END),
    );
    if (vouch === undefined || !equalBytes(vouch, concatBytes(clientShort, pair.publicKey))) {
      throw new Violation(
        'it did not prove that it has the secret key of its public key',
        'FORBIDDEN',
        NO_KEY,
      );
    }
    const properties = plain.subarray(VOUCH_END);
    const refusal = await decisions?.refusalOf(encodeZ85(client));
    if (refusal !== undefined) {
      const { status, text } = refusal;
      const told = readsReasons(properties) ? `${status} ${text}` : status;
      throw new Violation(`${text}: ${encodeZ85(client)}`, 'FORBIDDEN', told);
    }
    const readyNonce = shortNonce(READY_NONCE);
    const box = sealBox(this.#key, nonceOf('CurveZMQREADY---', readyNonce), this.#properties);
    return { reply: commandOf('READY', readyNonce, box), properties };
  }
}
