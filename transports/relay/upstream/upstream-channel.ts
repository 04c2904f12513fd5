import { startTimer } from '../../../src/async/timers.ts';
import { PalmError } from '../../../src/protocol/errors.ts';
import type { Channel } from '../../../src/transport.ts';

export interface UpstreamChannelSettings<C extends Channel> {
  /** The server's own key that the address is under. */
  readonly key: string;
  /** The address, when it is given. */
  readonly given: string | undefined;
  /** Asks the server. @throws whatever says that it has no such address. */
  readonly find: (key: string) => Promise<string>;
  readonly open: (address: string) => SharedChannel<C>;
}

/** A channel to an address that a server tells, opened when it is first used. It follows a server that moves. */
export class UpstreamChannel<C extends Channel> {
  readonly #settings: UpstreamChannelSettings<C>;
  #shared: SharedChannel<C> | undefined;
  #address: string | undefined;
  /** Who waits for the server to say where it is. */
  readonly #waiting = new Set<ChannelUser<C>>();
  #opening: Promise<void> | undefined;

  constructor(settings: UpstreamChannelSettings<C>) {
    this.#settings = settings;
  }

  /** Whether it can be used, or nobody uses it. */
  get isReady(): boolean {
    return this.#shared?.channel.isReady ?? true;
  }

  /** Resolves once it can be used or is closed: not while the server refuses. */
  async ready(): Promise<void> {
    try {
      await this.#shared?.channel.ready();
    } catch (error) {
      if (!(error instanceof PalmError) || error.code !== 'CLOSED') await new Promise(() => {});
    }
  }

  /** Has somebody use it, as soon as the server has said where it is. Who comes after a refusal has it asked again. */
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

  /** Asks the server where it is now, and takes its users along when it has moved. */
  async follow(): Promise<void> {
    const { key, given, find } = this.#settings;
    const before = this.#shared;
    if (given !== undefined || before === undefined) return;
    const address = await find(key);
    if (address === this.#address) return;
    const shared = this.#openAt(address);
    for (const user of await before.close()) shared.add(user);
  }

  async close(): Promise<void> {
    this.#waiting.clear();
    await this.#shared?.close();
  }

  async #open(): Promise<void> {
    const { key, given, find } = this.#settings;
    try {
      const shared = this.#openAt(given ?? (await find(key)));
      for (const user of this.#waiting) shared.add(user);
    } catch (error) {
      const refusal = PalmError.from(error, 'PROTOCOL', 'the channel cannot be opened');
      for (const user of this.#waiting) user.wasRefused(refusal);
    }
    this.#waiting.clear();
  }

  #openAt(address: string): SharedChannel<C> {
    const shared = this.#settings.open(address);
    // Not before: where it cannot be opened now, it is tried again.
    this.#address = address;
    this.#shared = shared;
    return shared;
  }
}

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
