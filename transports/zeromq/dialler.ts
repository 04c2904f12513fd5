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
  /** Milliseconds between two rounds of attempts, at first and at most. */
  readonly reconnectInterval: number;
  readonly reconnectMaxInterval: number;
  /** The name of the host leads nowhere; it is looked up again after `delay` milliseconds. */
  readonly lost: (reason: string, attempt: number, delay: number) => void;
}

/** What a channel dials with: the rest is not in the types of every kind of socket. */
export type DialledSocket = Socket & { connect(endpoint: string): void };

/**
 * Dials an address, and where that has a name, every address of the host in turn. ZeroMQ itself looks names up in its only thread,
 * and tries the first address for ever: a server that listens at the second, as one at `::1` of `localhost`, is never found.
 */
export class Dialler {
  #socket: Dialling;
  readonly #settings: DiallerSettings;
  readonly #name: { readonly host: string; readonly port: string } | undefined;
  /** What is dialled now. */
  #endpoint: string | undefined;
  /** Attempts that failed since the last link. */
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

  /** @throws whatever ZeroMQ says of an address that it cannot dial. */
  start(): void {
    if (this.#name === undefined) this.#dial(this.#settings.address);
    else this.#next();
  }

  /** Goes on with another socket, which dials what the one before did. */
  move(socket: DialledSocket): void {
    this.#socket = socket as unknown as Dialling;
    this.#isUp = false;
    const endpoint = this.#endpoint;
    this.#endpoint = undefined;
    if (endpoint === undefined) this.start();
    else this.#dial(endpoint);
  }

  /** The link is there. */
  connected(): void {
    this.#isUp = true;
    this.#failures = 0;
  }

  disconnected(): void {
    this.#isUp = false;
  }

  /** What is dialled is not there. ZeroMQ dials it again unless there is something else to dial. */
  failed(): void {
    if (this.#name === undefined || this.#isUp) return;
    this.#failures++;
    this.#next();
  }

  /** What is dialled will not have us. Gives whether the host has another address that was not tried, which is dialled now. */
  refused(): boolean {
    if (this.#name === undefined || ++this.#failures >= this.#addresses) return false;
    this.#next(true);
    return true;
  }

  /** Dials what ZeroMQ has given up. */
  redial(): void {
    if (this.#name === undefined) this.#dial(this.#settings.address);
    else this.#next(true);
  }

  stop(): void {
    this.#stop();
  }

  /** Looks the name up, and goes on with the address behind the one that was dialled. */
  async #next(isGivenUp = false): Promise<void> {
    const { address, lost } = this.#settings;
    if (this.#isLooking || this.#name === undefined) return;
    this.#isLooking = true;
    const { host, port } = this.#name;
    try {
      const found = await dns.lookup(host, { all: true, verbatim: true });
      if (this.#socket.closed) return;
      const endpoints = found.map((own) =>
        own.family === 6 ? `tcp://[${own.address}]:${port}` : `tcp://${own.address}:${port}`,
      );
      this.#addresses = endpoints.length;
      const at = this.#endpoint === undefined ? -1 : endpoints.indexOf(this.#endpoint);
      const next = endpoints[(at + 1) % endpoints.length];
      if (next === undefined) throw new Error('it has no address');
      if (next === this.#endpoint && !isGivenUp) return;
      // A round of all of them is one attempt.
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
        // ZeroMQ has let go of it already.
      }
    }
    this.#endpoint = endpoint;
    if (this.#name !== undefined) this.#socket.ipv6 = endpoint.startsWith('tcp://[');
    this.#socket.connect(endpoint);
  }
}
