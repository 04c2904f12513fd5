import { PalmError } from '../../src/protocol/errors.ts';
import type { Channel } from '../../src/transport.ts';
import type { SharedChannel } from './shared-channel.ts';

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
  #shared: Promise<SharedChannel<C>> | undefined;
  #channel: C | undefined;
  #address: string | undefined;

  constructor(settings: WaySettings<C>) {
    this.#settings = settings;
  }

  /** Whether it can be used, or nobody uses it. */
  get isReady(): boolean {
    return this.#channel?.isReady ?? true;
  }

  /** Resolves once it can be used or is closed: not while the server refuses. */
  async ready(): Promise<void> {
    try {
      await this.#channel?.ready();
    } catch (error) {
      if (!(error instanceof PalmError) || error.code !== 'CLOSED') await new Promise(() => {});
    }
  }

  /** @throws what {@link WaySettings.find} does; the next call asks again. */
  get(): Promise<SharedChannel<C>> {
    if (this.#shared === undefined) {
      this.#shared = this.#open();
      this.#shared.catch(() => {
        this.#shared = undefined;
      });
    }
    return this.#shared;
  }

  /** Asks the server where it is now, and takes its users along when it has moved. */
  async follow(): Promise<void> {
    const { key, given, find } = this.#settings;
    if (given !== undefined || this.#address === undefined) return;
    const address = await find(key);
    if (address === this.#address) return;
    const before = this.#shared;
    const shared = this.#openAt(address);
    this.#shared = Promise.resolve(shared);
    for (const user of (await (await before)?.close()) ?? []) shared.add(user);
  }

  async close(): Promise<void> {
    await this.#shared?.then((shared) => shared.close()).catch(() => {});
  }

  async #open(): Promise<SharedChannel<C>> {
    const { key, given, find } = this.#settings;
    return this.#openAt(given ?? (await find(key)));
  }

  #openAt(address: string): SharedChannel<C> {
    this.#address = address;
    const shared = this.#settings.open(address);
    this.#channel = shared.channel;
    return shared;
  }
}
