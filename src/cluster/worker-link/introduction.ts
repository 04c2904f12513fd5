/** How a worker that is pushed to and a frond Master learn of each other: over the link to the Master's cache, since its other links carry work. */
import type { CacheLink } from '../../cache-link.ts';
import type { Bytes } from '../../protocol/bytes.ts';
import { replyText } from '../../protocol/cache-request.ts';
import type { CancelNotice } from '../../protocol/cancel.ts';
import { EnvelopeCodec } from '../../protocol/envelope.ts';
import { PalmError } from '../../protocol/errors.ts';
import { Feature } from '../../protocol/message.ts';
import { newWorkerId } from '../../protocol/topics.ts';
import { offersMessage, readWorkReply } from '../../protocol/work-request.ts';
import type { Connection, Subscription, Transport } from '../../transport.ts';
import { followNotices } from '../runtime/notices.ts';
import type { PushedLink } from './work-link.ts';

/** What a worker and its Master tell each other by, and of. */
export interface IntroductionSettings {
  readonly transport: Transport;
  readonly connection: Connection;
  readonly dbAddress: string;
  /** Reads the Master's own keys. */
  readonly cacheLink: CacheLink;
  readonly name: string;
  /** Cancels calls that the worker works on. */
  readonly onCancel: (notice: CancelNotice) => void;
  /** What the functions take and give, for a frond Master. */
  readonly offers: Bytes;
  /** Called when the Master does not take that. */
  readonly onOffersRefused: (error: unknown) => void;
}

/**
 * Tells a frond Master what the worker's functions take and give, and learns whether the Master takes progress, and what it cancels: it does
 * not know which worker took a message that it pushed. All of it is done again over each new link, because another Master may be there,
 * even pylm's, which is told nothing.
 */
export class Introduction {
  readonly #settings: IntroductionSettings;
  readonly #link: PushedLink;
  readonly #worker: string;
  readonly #codec = new EnvelopeCodec();
  #notices: { readonly address: string; readonly subscription: Subscription } | undefined;
  /** Whether the server that was asked last takes what a worker says of its functions: to pylm's, nothing is said. */
  #isKnown = false;
  #isTelling = false;
  #isDue = false;
  #isOver = false;

  constructor(settings: IntroductionSettings, link: PushedLink) {
    this.#settings = settings;
    this.#link = link;
    this.#worker = newWorkerId(settings.connection.id);
    void this.#keepTold();
  }

  /** Resolves when the worker and the Master know of each other, as far as they can. Never rejects. */
  async tell(): Promise<void> {
    this.#isDue = true;
    if (this.#isTelling) return;
    this.#isTelling = true;
    while (this.#isDue && !this.#isOver) {
      this.#isDue = false;
      await this.#tellOnce().catch(() => {
        // The link broke, and the Master is told over the next one; or the Master does not say where it publishes.
      });
    }
    this.#isTelling = false;
  }

  async #keepTold(): Promise<void> {
    const statuses = this.#settings.connection.status()[Symbol.asyncIterator]();
    const end = () => {
      this.#isOver = true;
      void statuses.return?.();
      void this.#notices?.subscription.close();
      if (this.#isKnown) void this.#say(NOTHING).catch(() => {});
    };
    this.#link.onStop(end);
    this.#link.onBreak(() => {
      this.#link.takesProgress = false;
    });
    const broken = new Set<string>();
    for (let next = await statuses.next(); next.done !== true; next = await statuses.next()) {
      const { value: status } = next;
      if (status.type === 'disconnected') {
        this.#isKnown = false;
        broken.add(status.address);
      }
      if (status.type === 'connected' && broken.delete(status.address)) void this.tell();
    }
  }

  async #tellOnce(): Promise<void> {
    const { cacheLink, offers, onOffersRefused } = this.#settings;
    const reply = await cacheLink.read('pub_address');
    const features = reply.features ?? 0;
    if (this.#isOver) return;
    this.#link.takesProgress = (features & Feature.progress) !== 0;
    const followed = (features & Feature.cancels) === 0 ? undefined : this.#follow(replyText(reply));
    this.#isKnown = (features & Feature.work) !== 0;
    if (this.#isKnown) {
      await this.#say(offers).catch((error) => {
        const isBroken = error instanceof PalmError && error.code === 'DISCONNECTED';
        if (!isBroken && !this.#isOver) onOffersRefused(error);
      });
    }
    await followed;
  }

  /** Says what the functions take and give. Rejects when the Master does not take that. */
  async #say(offers: Bytes): Promise<void> {
    const { connection, dbAddress, name } = this.#settings;
    const message = offersMessage({ worker: this.#worker, name, offers, isPushed: true });
    readWorkReply(this.#codec, await connection.request(dbAddress, this.#codec.encode(message)).reply);
  }

  /** Hears what the Master cancels from now on. */
  async #follow(advertised: string): Promise<void> {
    const { transport, connection, dbAddress, onCancel } = this.#settings;
    // A relay gives its clients, whose ids have a slash, no topics but their own.
    if (connection.id.includes('/')) return;
    const address = transport.resolveAddress?.(advertised, dbAddress) ?? advertised;
    if (address !== this.#notices?.address) {
      void this.#notices?.subscription.close();
      this.#notices = { address, subscription: followNotices(connection, address, { onCancel }) };
    }
    await this.#notices.subscription.ready();
  }
}

/** An empty list: the worker offers nothing any more. */
const NOTHING: Bytes = new Uint8Array([0x5b, 0x5d]);
