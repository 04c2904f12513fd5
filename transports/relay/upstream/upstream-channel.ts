import { PalmError } from '../../../src/protocol/errors.ts';
import type { Channel } from '../../../src/transport.ts';
import type { ChannelUser, SharedChannel } from '../shared-channel.ts';

export interface WaySettings<C extends Channel> {
  /** The server's own key that the address is under. */
  readonly key: string;
  /** The address, when it is given. */
  readonly given: string | undefined;
  /** Asks the server. @throws whatever says that it has no such address. */
  readonly find: (key: string) => Promise<string>;
  readonly open: (address: string) => SharedChannel<C>;
}

/** A channel to an address that a server tells, opened when it is first used. It follows a server that moves. */
export class Way<C extends Channel> {
  readonly #settings: WaySettings<C>;
  #shared: SharedChannel<C> | undefined;
  #address: string | undefined;
  /** Who waits for the server to say where it is. */
  readonly #waiting = new Set<ChannelUser<C>>();
  #opening: Promise<void> | undefined;

  constructor(settings: WaySettings<C>) {
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
