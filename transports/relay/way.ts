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
  #address: string | undefined;

  constructor(settings: WaySettings<C>) {
    this.#settings = settings;
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
    this.#shared = undefined;
    const users = (await (await before)?.close()) ?? [];
    const shared = await this.get();
    for (const user of users) shared.add(user);
  }

  async close(): Promise<void> {
    await this.#shared?.then((shared) => shared.close()).catch(() => {});
  }

  async #open(): Promise<SharedChannel<C>> {
    const { key, given, find, open } = this.#settings;
    const address = given ?? (await find(key));
    this.#address = address;
    return open(address);
  }
}
