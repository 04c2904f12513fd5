import type { RawData, WebSocket } from 'ws';
import { startTimer } from '../../../src/async/timers.ts';
import { messageOf } from '../../../src/protocol/errors.ts';
import { randomId } from '../../../src/protocol/ids.ts';
import * as CloseCode from '../../relay-protocol/close-codes.ts';
import { closeReason } from '../../relay-protocol/close-codes.ts';
import { type Exchange, isSame, type PeerKey } from './peer-key.ts';
import { type ForwardedClient, PEER_HEADER, readChallenge } from './peer-messages.ts';

/** How a session was passed on, or why not. */
export type PassOutcome =
  /** The owner goes on with the session. */
  | 'passed'
  /** The owner has forgotten it. */
  | 'unknown'
  /** The owner is not there, or did not answer in time. */
  | 'unreachable'
  /** What was dialled is not the owner or has another key, or the owner refuses the client. */
  | 'refused'
  /** The owner has no room for the client, which may try again. */
  | 'full';

/** What becomes of a link. Nothing is called after `ended`. */
export interface PeerLinkEvents {
  /** The owner goes on with the session: its first message. Called once, before all others, or never. */
  welcomed(message: Buffer): void;
  received(message: Buffer): void;
  /** The link has ended; with 1006 when it broke. */
  ended(outcome: PassOutcome, code: number, reason: string): void;
}

/** What a link is made for. */
export interface PeerLinkSettings {
  readonly key: PeerKey;
  /** Ids of this relay, and of the one that is dialled. */
  readonly dialler: string;
  readonly owner: string;
  /** The client, and the greeting that it sent. */
  readonly client: ForwardedClient;
  readonly greeting: Buffer;
}

/** Makes a WebSocket to another relay. */
export type DialPeer = (headers: Readonly<Record<string, string>>) => WebSocket;

/** Milliseconds that the owner gets to answer the closing handshake. */
const CLOSE_TIMEOUT = 1_000;

const ABNORMAL = 1006;
/** Codes that an end of a WebSocket is told with, and that nobody may send. */
const NOT_SENT = new Set([1004, 1005, ABNORMAL, 1015]);

/** A WebSocket to the relay that owns a session: proves itself, shows the client's greeting, and then carries its messages. */
export class PeerLink {
  readonly #socket: WebSocket;
  /** Undefined once the greeting was sent. */
  #settings: PeerLinkSettings | undefined;
  readonly #events: PeerLinkEvents;
  readonly #nonce = randomId();
  #isWelcomed = false;
  #failure: readonly [outcome: PassOutcome, reason: string] | undefined;
  #stopTimer = () => {};

  constructor(dial: DialPeer, settings: PeerLinkSettings, events: PeerLinkEvents) {
    this.#settings = settings;
    this.#events = events;
    const socket = dial({ [PEER_HEADER]: `${settings.dialler} ${this.#nonce}` });
    this.#socket = socket;
    socket.binaryType = 'nodebuffer';
    socket.on('message', (data, isBinary) => this.#receive(data, isBinary));
    socket.on('error', (error) => {
      this.#failure ??= ['unreachable', messageOf(error)];
    });
    socket.on('close', (code, reason) => this.#ended(code, String(reason)));
  }

  /** Bytes that the owner's side has not taken yet. */
  get unsent(): number {
    return this.#socket.bufferedAmount;
  }

  /** @param sent - called when the message has left; also when it never will. */
  send(message: Buffer, sent?: () => void): void {
    this.#socket.send(message, sent);
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  /** Ends it as the client's connection has ended: the owner learns whether the client may come back. */
  close(code: number, reason: string): void {
    if (NOT_SENT.has(code) || this.#socket.readyState !== this.#socket.OPEN) {
      this.terminate();
      return;
    }
    // Nothing would be read of its end otherwise.
    this.#socket.resume();
    this.#socket.close(code, closeReason(reason));
    this.#stopTimer = startTimer(CLOSE_TIMEOUT, () => this.terminate());
  }

  terminate(): void {
    this.#socket.terminate();
  }

  /** Gives up what is not welcomed yet. */
  giveUp(reason: string): void {
    this.#failure ??= ['unreachable', reason];
    this.terminate();
  }

  #receive(data: RawData, isBinary: boolean): void {
    const message = data as Buffer;
    if (this.#failure !== undefined) return;
    if (this.#isWelcomed) this.#events.received(message);
    else if (this.#settings === undefined && isBinary) {
      this.#isWelcomed = true;
      this.#events.welcomed(message);
    } else this.#answer(this.#settings, isBinary ? '' : String(message));
  }

  /** Checks that the other side is the owner, and proves that this one is a relay. */
  #answer(settings: PeerLinkSettings | undefined, text: string): void {
    try {
      if (settings === undefined) throw new Error('it says more than relays say');
      const { key, dialler, owner, client, greeting } = settings;
      const challenge = readChallenge(text);
      if (challenge.id !== owner) {
        const loop = challenge.id === dialler ? 'it is this relay itself' : 'its URL leads to another one';
        throw new Error(`what answers as ${owner} is ${challenge.id}: ${loop}`);
      }
      const exchange: Exchange = {
        dialler,
        owner,
        diallerNonce: this.#nonce,
        ownerNonce: challenge.nonce,
      };
      if (!isSame(challenge.proof, key.ownerProof(exchange)))
        throw new Error('it does not have the key of this relay');
      const { address, origin, host, via } = client;
      const proof = key.diallerProof(exchange, [address, origin, host, via]);
      this.#socket.send(JSON.stringify({ proof, address, origin, host, via }));
      this.#socket.send(greeting);
      this.#settings = undefined;
    } catch (error) {
      this.#failure = ['refused', messageOf(error)];
      this.close(CloseCode.forbidden, 'this is not the relay that was dialled');
    }
  }

  #ended(code: number, reason: string): void {
    this.#stopTimer();
    const [outcome, why] = this.#failure ?? [outcomeOf(code), reason];
    this.#events.ended(this.#isWelcomed ? 'passed' : outcome, code, why);
  }
}

/** What a close code before the welcome means. */
function outcomeOf(code: number): PassOutcome {
  if (code === CloseCode.unknownSession || code === CloseCode.elsewhere) return 'unknown';
  if (code === CloseCode.tooMany) return 'full';
  return code === ABNORMAL ? 'unreachable' : 'refused';
}
