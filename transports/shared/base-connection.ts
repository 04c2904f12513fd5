import { Broadcast } from '../../src/async/broadcast.ts';
import { deferred } from '../../src/async/deferred.ts';
import { isClosed, type PalmError } from '../../src/protocol/errors.ts';
import { randomId } from '../../src/protocol/ids.ts';
import type { ChannelStatus, CloseOptions, ConnectionStatus } from '../../src/transport.ts';

/** Milliseconds that closing gives accepted messages by default. */
const DRAIN_TIMEOUT = 1_000;

/** Something that a connection opened and has to close. */
export interface Closable {
  /** Closes it, within the time-out. */
  close(options?: CloseOptions): Promise<void>;
}

/** The connection, as its channels see it. */
export interface ChannelHost {
  /**
   * Reports a state or an event.
   * @param channel - the channel whose state it is. Default: the only channel to the address.
   */
  report(status: ChannelStatus, channel?: Closable): void;
  /** Forgets a channel that is closed. */
  release(channel: Closable): void;
}

/** The common part of the connections of all transports: their channels, their status and their end. */
export abstract class BaseConnection implements ChannelHost, AsyncDisposable {
  readonly #channels = new Set<Closable>();
  readonly #statuses = new Broadcast<ConnectionStatus>();
  /** The last state of each channel, or of each address whose channel is not named. */
  readonly #states = new Map<unknown, ChannelStatus>();
  readonly #ended = deferred<PalmError | undefined>();
  /** Resolves when the connection is closed, with the error that forced it, if one did. */
  readonly closed: Promise<PalmError | undefined> = this.#ended.promise;
  #isClosed = false;
  #id = '';

  /**
   * Checks an address.
   * @throws PalmError `INVALID_CALL` for one that this transport cannot read.
   */
  protected abstract checkAddress(address: string): void;

  /** Settles {@link id}: the wished one, or a random one. Without effect once it is settled. */
  async identify(wished: string = randomId()): Promise<void> {
    if (this.#id === '') this.#id = wished;
  }

  /** Id that topics begin with; empty until it is settled. */
  get id(): string {
    return this.#id;
  }

  /** What goes in front of every key: nothing, unless a subclass says otherwise. */
  get keyPrefix(): string {
    return '';
  }

  /** Tells the readers of {@link status} what has become of a channel. */
  report(status: ChannelStatus, channel: unknown = status.address): void {
    const { type } = status;
    // The reason for dialling again stays in the state.
    const news = type === 'reconnecting' ? { ...this.#states.get(channel), ...status } : status;
    if (type !== 'refused' && type !== 'slow' && type !== 'lost') this.#states.set(channel, news);
    this.#statuses.send(news);
  }

  /** Forgets a channel that is closed. */
  release(channel: Closable): void {
    this.#channels.delete(channel);
    this.#states.delete(channel);
  }

  /** The present state of each channel, and every change from now on. */
  status(): AsyncIterable<ConnectionStatus> {
    return this.#statuses.values([...this.#states.values()]);
  }

  /** Why links are down, in brackets, for messages; empty when none is. */
  get trouble(): string {
    const reasons = new Set<string>();
    for (const state of this.#states.values())
      if ('reason' in state && state.reason) reasons.add(state.reason);
    return reasons.size > 0 ? ` (${[...reasons].join('; ')})` : '';
  }

  /** Drains what was accepted, within the time-out, and closes every channel. */
  async close(options: CloseOptions = {}): Promise<void> {
    await this.end(undefined, options.timeout ?? DRAIN_TIMEOUT);
  }

  /** Closes every channel. `closed` then resolves with the error that forced the end. */
  protected async end(error: PalmError | undefined, timeout: number): Promise<void> {
    if (!this.#isClosed) {
      this.#isClosed = true;
      await Promise.all([...this.#channels].map((channel) => channel.close({ timeout })));
      await this.hangUp();
      this.#states.clear();
      this.#statuses.send({ type: 'closed', error });
      this.#statuses.end();
      this.#ended.resolve(error);
    }
    await this.closed;
  }

  /** Releases what all channels share, after they are closed. */
  protected async hangUp(): Promise<void> {}

  /** Closes the connection, as {@link close} does: for `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /**
   * Checks an address, and that the connection is open.
   * @throws PalmError `CLOSED` after the end, `INVALID_CALL` for an address that cannot be read.
   */
  protected checkUse(address: string): void {
    if (this.#isClosed) throw isClosed('the connection');
    this.checkAddress(address);
  }

  /** Has a channel closed with the connection, and gives it back. */
  protected keep<T extends Closable>(channel: T): T {
    this.#channels.add(channel);
    return channel;
  }
}
