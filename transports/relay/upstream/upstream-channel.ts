import { startTimer } from '../../../src/async/timers.ts';
import { PalmError } from '../../../src/protocol/errors.ts';
import type { Channel } from '../../../src/transport.ts';

export interface UpstreamChannelSettings<C extends Channel> {
  /** The key under which the server publishes the address. */
  readonly key: string;
  /** The address, when the relay's options give it. */
  readonly given: string | undefined;
  /** Asks the server for the address. @throws PalmError when it has none. */
  readonly find: (key: string) => Promise<string>;
  readonly open: (address: string) => SharedChannel<C>;
}

/** A channel to an address that the server itself gives, opened when it is first used. It follows a server that moves. */
export class UpstreamChannel<C extends Channel> {
  readonly #settings: UpstreamChannelSettings<C>;
  #shared: SharedChannel<C> | undefined;
  #address: string | undefined;
  /** Users that wait for the server's address, or until the channel to its last one is closed. */
  readonly #waiting = new Set<ChannelUser<C>>();
  #opening: Promise<void> | undefined;
  #isClosed = false;

  constructor(settings: UpstreamChannelSettings<C>) {
    this.#settings = settings;
  }

  /** Whether it is usable, or not in use. */
  get isReady(): boolean {
    return this.#shared?.channel.isReady ?? true;
  }

  /** Resolves once it is usable or closed; never while the server refuses. */
  async ready(): Promise<void> {
    try {
      await this.#shared?.channel.ready();
    } catch (error) {
      if (!(error instanceof PalmError) || error.code !== 'CLOSED') await new Promise(() => {});
    }
  }

  /** Adds a user, which joins as soon as the server has given its address. After a refusal the server is asked again. */
  add(user: ChannelUser<C>): void {
    if (this.#shared !== undefined) {
      this.#shared.add(user);
      return;
    }
    this.#waiting.add(user);
    this.#opening ??= this.#open().finally(() => {
      this.#opening = undefined;
    });
  }

  remove(user: ChannelUser<C>): void {
    this.#waiting.delete(user);
    this.#shared?.remove(user);
  }

  /** Asks the server for its address, and moves the users there if it has changed. */
  async follow(): Promise<void> {
    const { key, given, find } = this.#settings;
    const before = this.#shared;
    if (given !== undefined || before === undefined) return;
    const address = await find(key);
    if (this.#isClosed || address === this.#address) return;
    const shared = this.#openAt(address);
    for (const user of before.leave()) this.#waiting.add(user);
    await before.close();
    this.#join(shared);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#waiting.clear();
    await this.#shared?.close();
  }

  async #open(): Promise<void> {
    const { key, given, find } = this.#settings;
    try {
      const address = given ?? (await find(key));
      if (this.#isClosed) return;
      this.#join(this.#openAt(address));
    } catch (error) {
      const refusal = PalmError.from(error, 'PROTOCOL', 'the channel cannot be opened');
      for (const user of this.#waiting) user.wasRefused(refusal);
    }
    this.#waiting.clear();
  }

  #join(shared: SharedChannel<C>): void {
    const users = [...this.#waiting];
    this.#waiting.clear();
    for (const user of users) shared.add(user);
  }

  #openAt(address: string): SharedChannel<C> {
    const shared = this.#settings.open(address);
    // Only now: if opening failed, the address is tried again.
    this.#address = address;
    this.#shared = shared;
    return shared;
  }
}

/** A user of a channel that many share. */
export interface ChannelUser<C extends Channel> {
  /** The channel is this one from now on. */
  joined(shared: SharedChannel<C>): void;
  becameReady(): void;
  broke(error: PalmError): void;
  wasRefused(error: PalmError): void;
}

const MOVED = new PalmError('DISCONNECTED', 'the server has moved');

/** Milliseconds after which a server that refused is tried again. */
const LOOK_AGAIN = 1_000;

/** One channel of the upstream transport on behalf of many clients, each of which is told when it breaks or is ready. */
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

  /** Tells the users that the server has moved. @returns them, to be added to the channel that replaces this one. */
  leave(): readonly ChannelUser<C>[] {
    const users = [...this.#users];
    this.#users.clear();
    for (const user of users) user.broke(MOVED);
    return users;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#stopPause();
    this.leave();
    await this.channel.close();
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
