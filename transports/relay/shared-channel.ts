import { startTimer } from '../../src/async/timers.ts';
import { PalmError } from '../../src/protocol/errors.ts';
import type { Channel } from '../../src/transport.ts';

/** Who uses a channel that many share. */
export interface ChannelUser<C extends Channel> {
  /** The channel is this one from now on. */
  joined(shared: SharedChannel<C>): void;
  becameReady(): void;
  broke(error: PalmError): void;
  wasRefused(error: PalmError): void;
}

const MOVED = new PalmError('DISCONNECTED', 'the server has moved');

/** Milliseconds after which a peer that refused is asked again how it is. */
const LOOK_AGAIN = 1_000;

/** One channel of the upstream transport on behalf of many clients: each hears what becomes of it. */
export class SharedChannel<C extends Channel> {
  readonly channel: C;
  readonly #users = new Set<ChannelUser<C>>();
  readonly #onBreak: (() => void) | undefined;
  /** Why the channel was refused, until it is ready after all. */
  #refusal: PalmError | undefined;
  #stopPause = () => {};
  #isClosed = false;

  /** @param onBreak - called after the users, when the channel broke. */
  constructor(channel: C, onBreak?: () => void) {
    this.channel = channel;
    this.#onBreak = onBreak;
    channel.onBreak((error) => this.#broke(error));
    this.#watch();
  }

  add(user: ChannelUser<C>): void {
    this.#users.add(user);
    user.joined(this);
    if (this.channel.isReady) user.becameReady();
    else if (this.#refusal !== undefined) user.wasRefused(this.#refusal);
  }

  remove(user: ChannelUser<C>): void {
    this.#users.delete(user);
  }

  /** Gives its users away, to be added to the channel that comes after this one. */
  async close(): Promise<readonly ChannelUser<C>[]> {
    this.#isClosed = true;
    this.#stopPause();
    const users = [...this.#users];
    this.#users.clear();
    for (const user of users) user.broke(MOVED);
    await this.channel.close();
    return users;
  }

  #broke(error: PalmError): void {
    for (const user of [...this.#users]) user.broke(error);
    if (this.#isClosed) return;
    this.#onBreak?.();
    this.#watch();
  }

  async #watch(): Promise<void> {
    try {
      await this.channel.ready();
      this.#refusal = undefined;
      for (const user of [...this.#users]) user.becameReady();
    } catch (error) {
      if (this.#isClosed || !(error instanceof PalmError) || error.code === 'CLOSED') return;
      this.#refusal = error;
      for (const user of [...this.#users]) user.wasRefused(error);
      this.#stopPause = startTimer(LOOK_AGAIN, () => this.#watch());
    }
  }
}
