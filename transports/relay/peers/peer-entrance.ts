import type { IncomingMessage } from 'node:http';
import { PalmError } from '../../../src/protocol/errors.ts';
import { randomId } from '../../../src/protocol/ids.ts';
import { type Exchange, isPeerId, isSame, type PeerKey } from './peer-key.ts';
import { type ForwardedClient, PEER_HEADER, readIntroduction } from './peer-messages.ts';

/** A relay that dials this one must prove that it has the key before anything else that it says is read. */
export class PeerEntrance {
  readonly #key: PeerKey;
  readonly #exchange: Exchange;
  #isProved = false;

  /** @returns undefined for an upgrade that does not say who dials. */
  static of({ headers }: IncomingMessage, id: string, key: PeerKey): PeerEntrance | undefined {
    const [dialler = '', diallerNonce = '', ...more] = String(headers[PEER_HEADER] ?? '').split(' ');
    if (!isPeerId(dialler) || !isPeerId(diallerNonce) || more.length > 0) return undefined;
    return new PeerEntrance(key, { dialler, owner: id, diallerNonce, ownerNonce: randomId() });
  }

  private constructor(key: PeerKey, exchange: Exchange) {
    this.#key = key;
    this.#exchange = exchange;
  }

  /** Whether the other relay has proved that it has the key. */
  get isProved(): boolean {
    return this.#isProved;
  }

  /** Id of the relay that dials. */
  get peer(): string {
    return this.#exchange.dialler;
  }

  /** What to send to it first. What it has to prove is made up for this connection alone, so a proof of another one is of no use. */
  get challenge(): string {
    const { owner, ownerNonce } = this.#exchange;
    return JSON.stringify({ id: owner, nonce: ownerNonce, proof: this.#key.ownerProof(this.#exchange) });
  }

  /**
   * Reads what the other relay proves, and which client it is for.
   * @throws PalmError `FORBIDDEN` for a wrong proof, `PROTOCOL` for something else than a proof.
   */
  admit(text: string): ForwardedClient {
    const { proof, address, origin, host, via } = readIntroduction(text);
    const { dialler, owner } = this.#exchange;
    const expected = this.#key.diallerProof(this.#exchange, [address, origin, host, via]);
    if (!isSame(proof, expected))
      throw new PalmError('FORBIDDEN', 'the relay that dials does not have the key');
    if (dialler === owner) throw new PalmError('FORBIDDEN', `two relays have the id ${owner}`);
    this.#isProved = true;
    return { address, origin, host, via };
  }
}
