import dns from 'node:dns/promises';
import { isIP } from 'node:net';
import type { Socket } from 'zeromq';
import { startTimer } from '../../src/async/timers.ts';
import { messageOf } from '../../src/protocol/errors.ts';
import { parseTcp } from '../shared/zeromq-address.ts';

/** The part of a socket that dials. */
export interface Dialling {
  readonly closed: boolean;
  ipv6: boolean;
  connect(endpoint: string): void;
  disconnect(endpoint: string): void;
}

export interface DiallerSettings {
  readonly address: string;
  /** First and longest pause between two rounds of attempts, in milliseconds. */
  readonly reconnectInterval: number;
  readonly reconnectMaxInterval: number;
  /** Called when the host has no address. It is looked up again after `delay` milliseconds. */
  readonly lost: (reason: string, attempt: number, delay: number) => void;
}

/** The socket of a channel, as far as it is needed to dial. */
export type DialledSocket = Socket & { connect(endpoint: string): void };

/**
 * Dials an address. If it has a host name, the dialler tries every address of the host in turn. ZeroMQ itself resolves names in its only thread and
 * tries the first address forever, so it would never find a server at the second, such as `::1` of `localhost`.
 */
export class Dialler {
  #socket: Dialling;
  readonly #settings: DiallerSettings;
  readonly #name: { readonly host: string; readonly port: string } | undefined;
  /** The address that is dialled now, and those that were dialled before. */
  #endpoint: string | undefined;
  readonly #left = new Set<string>();
  /** Failed attempts since the last link. */
  #failures = 0;
  #isUp = false;
  /** How many addresses the host has. */
  #addresses = 1;
  #isLooking = false;
  #stop = () => {};

  constructor(socket: DialledSocket, settings: DiallerSettings) {
    this.#socket = socket as unknown as Dialling;
    this.#settings = settings;
    const { address } = settings;
    const tcp = parseTcp(address);
    this.#name = tcp === undefined || tcp.host.startsWith('[') || isIP(tcp.host) > 0 ? undefined : tcp;
  }

  /** @throws Error from ZeroMQ for an address that it cannot dial. */
  start(): void {
    if (this.#name === undefined) this.#dial(this.#settings.address);
    else this.#next();
  }

  /** Continues with another socket, which dials the same address. */
  move(socket: DialledSocket): void {
    this.#socket = socket as unknown as Dialling;
    this.#isUp = false;
    this.#left.clear();
    const endpoint = this.#endpoint;
    this.#endpoint = undefined;
    if (endpoint === undefined) this.start();
    else this.#dial(endpoint);
  }

  /** Call it when the link is up. */
  connected(): void {
    this.#isUp = true;
    this.#failures = 0;
    // ZeroMQ dials by itself, too: the address that was to be next would take the place of the one that has answered.
    this.#stop();
  }

  /** Whether news of an endpoint are of one that is not dialled any more. They may come after it was left. */
  hasLeft(endpoint: string): boolean {
    return this.#left.has(endpoint);
  }

  disconnected(): void {
    this.#isUp = false;
  }

  /** Call it when the address does not answer. The dialler tries the next one; if there is only one, ZeroMQ dials it again. */
  failed(): void {
    if (this.#name === undefined || this.#isUp) return;
    this.#failures++;
    this.#next();
  }

  /**
   * Call it when the peer refuses. Dials another address of the host that was not tried yet.
   * @returns whether there was one.
   */
  refused(): boolean {
    if (this.#name === undefined || ++this.#failures >= this.#addresses) return false;
    this.#next(true);
    return true;
  }

  /** Dials an address again that ZeroMQ has given up. */
  redial(): void {
    if (this.#name === undefined) this.#dial(this.#settings.address);
    else this.#next(true);
  }

  stop(): void {
    this.#stop();
  }

  /** Looks up the name and dials the address after the one that failed. */
  async #next(isGivenUp = false): Promise<void> {
    const { address, lost } = this.#settings;
    if (this.#isLooking || this.#name === undefined) return;
    this.#isLooking = true;
    const { host, port } = this.#name;
    try {
      const found = await dns.lookup(host, { all: true, verbatim: true });
      if (this.#socket.closed || this.#isUp) return;
      const endpoints = found.map((own) =>
        own.family === 6 ? `tcp://[${own.address}]:${port}` : `tcp://${own.address}:${port}`,
      );
      this.#addresses = endpoints.length;
      for (const own of this.#left) if (!endpoints.includes(own)) this.#left.delete(own);
      const at = this.#endpoint === undefined ? -1 : endpoints.indexOf(this.#endpoint);
      const next = endpoints[(at + 1) % endpoints.length];
      if (next === undefined) throw new Error('it has no address');
      if (next === this.#endpoint && !isGivenUp) return;
      // One attempt is a round of all addresses.
      const isRound = this.#failures > 0 && this.#failures % endpoints.length === 0;
      this.#after(isRound ? this.#delay(this.#failures / endpoints.length) : 0, () => this.#dial(next));
    } catch (error) {
      this.#failures++;
      const delay = this.#delay(this.#failures);
      lost(`the host of ${address} cannot be found: ${messageOf(error)}`, this.#failures, delay);
      this.#after(delay, () => this.#next(isGivenUp));
    } finally {
      this.#isLooking = false;
    }
  }

  #delay(attempt: number): number {
    const { reconnectInterval, reconnectMaxInterval } = this.#settings;
    return Math.min(
      reconnectInterval * 2 ** Math.min(attempt - 1, 20),
      Math.max(reconnectInterval, reconnectMaxInterval),
    );
  }

  #after(delay: number, act: () => void): void {
    this.#stop();
    if (delay === 0) act();
    else {
      this.#stop = startTimer(delay, () => {
        if (!this.#socket.closed) act();
      });
    }
  }

  #dial(endpoint: string): void {
    if (this.#endpoint !== undefined) {
      try {
        this.#socket.disconnect(this.#endpoint);
      } catch {
        // ZeroMQ has already disconnected it.
      }
      this.#left.add(this.#endpoint);
    }
    this.#left.delete(endpoint);
    this.#endpoint = endpoint;
    if (this.#name !== undefined) this.#socket.ipv6 = endpoint.startsWith('tcp://[');
    this.#socket.connect(endpoint);
  }
}
