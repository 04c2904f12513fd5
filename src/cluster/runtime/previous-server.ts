/** Subscriptions to previous servers. */

import { deferred } from '../../async/deferred.ts';
import { atMost } from '../../async/timers.ts';
import { CacheLink } from '../../cache-link.ts';
import { PREVIOUS_UNREAD } from '../../flow-control.ts';
import { type Bytes, encodeUtf8 } from '../../protocol/bytes.ts';
import { replyText } from '../../protocol/cache-request.ts';
import { inspectValue, invalidCall, messageOf, PalmError } from '../../protocol/errors.ts';
import { Feature, palmMessage } from '../../protocol/message.ts';
import { NEXT } from '../../protocol/pipeline-end.ts';
import type { CloseOptions, Delivery, Subscription } from '../../transport.ts';
import { dropped } from './flow.ts';
import { followNotices } from './notices.ts';
import type { OpenInputs } from './open-inputs.ts';
import { type RoleHost, TELLING } from './role-host.ts';

/** Milliseconds that a previous server gets to confirm the subscription. A frond server confirms at once, a pylm server never. */
const PROOF_TIMEOUT = 250;

/** Milliseconds between two questions to a server that does not publish where it said. */
const FIND_AGAIN = 1_000;

/** Where one previous server is, and what it publishes. */
export interface PreviousServerSettings {
  /** Key of the address in this server's own cache. */
  readonly key: string;
  /** Address where it publishes; undefined to ask it. */
  readonly address: string | undefined;
  /** Address of its cache: it is asked where it publishes, again after each break. Undefined when it never moves. */
  readonly dbAddress: string | undefined;
  /** Its name, or a topic that its `handleStream` chooses. */
  readonly topic: string;
  /** Where what it publishes is shared and settled. */
  readonly inputs?: OpenInputs | undefined;
}

/** The stream that one previous server publishes under one topic. It follows the server to new addresses. */
export class PreviousServer {
  readonly #host: RoleHost;
  readonly #settings: PreviousServerSettings;
  #address: string | undefined;
  #subscription: Subscription | undefined;
  /** What the server cancels. A pylm server publishes nothing there. */
  #notices: Subscription | undefined;
  /** Resolves when another subscription replaces the current one, and at the end. */
  #replaced = deferred<void>();
  /** Resolves when the previous server has heard of this one, or has no use for that. */
  #introduced: Promise<void> | undefined;
  #isFinding = false;
  #isClosed = false;

  constructor(host: RoleHost, settings: PreviousServerSettings) {
    this.#host = host;
    this.#settings = settings;
    if (settings.address !== undefined) this.#dial(settings.address);
    else this.#findServer();
    if (settings.dbAddress === undefined) return;
    this.#introduced = this.#introduce(settings.dbAddress);
    this.#keepIntroduced(settings.dbAddress);
  }

  /** Address where the server publishes; undefined until it is known. */
  get address(): string | undefined {
    return this.#address;
  }

  /** What is missing, in a few words; undefined when nothing that the server publishes is missed. */
  get missing(): string | undefined {
    if (this.#subscription?.isReady === true) return undefined;
    const { dbAddress, topic } = this.#settings;
    return `the previous server ${inspectValue(topic)} is not there (${this.#address ?? dbAddress})`;
  }

  /** Resolves once nothing that the server publishes can be missed, and clients find the end of the pipeline. */
  async ready(): Promise<void> {
    if (this.#introduced !== undefined) await atMost(TELLING, this.#introduced);
    while (this.#subscription?.isReady !== true) {
      const subscription = this.#subscription;
      if (this.#isClosed) throw new PalmError('CLOSED', 'the server is closed', { sent: false });
      try {
        await (subscription?.ready() ?? this.#replaced.promise);
      } catch (error) {
        // The server moved meanwhile: wait for the new subscription.
        if (subscription === this.#subscription) throw error;
      }
    }
  }

  async close(options: CloseOptions = {}): Promise<void> {
    this.#isClosed = true;
    this.#replaced.resolve();
    await Promise.all([this.#subscription?.close(options), this.#notices?.close()]);
  }

  /** Frames as they come, in batches. SUB takes every topic that begins like ours; other topics are left out. */
  frames(): AsyncIterator<readonly Bytes[], undefined> {
    let subscription: Subscription | undefined;
    let deliveries: AsyncIterator<Delivery[], undefined> | undefined;
    return {
      next: async () => {
        for (;;) {
          if (deliveries === undefined) {
            const next = this.#subscription;
            if (next === undefined || next === subscription) {
              if (this.#isClosed) return { done: true, value: undefined };
              await this.#replaced.promise;
              continue;
            }
            subscription = next;
            deliveries = next[Symbol.asyncIterator]();
          }
          const { done, value } = await deliveries.next();
          if (done) {
            deliveries = undefined;
            continue;
          }
          const frames = this.#framesOf(value);
          const { settler } = subscription ?? {};
          if (settler !== undefined) for (const frame of frames) this.#settings.inputs?.begin(frame, settler);
          if (frames.length > 0) return { done: false, value: frames };
        }
      },
    };
  }

  #dial(address: string): void {
    const { connection, tally, logger, options } = this.#host;
    const { inputs } = this.#settings;
    const before = this.#subscription;
    const subscription = connection.subscribe(address, this.#settings.topic, {
      proofTimeout: PROOF_TIMEOUT,
      maxUnread: PREVIOUS_UNREAD,
      ...(inputs !== undefined && { shared: options.dbAddress }),
    });
    if (subscription.settler !== undefined) inputs?.hear(subscription.settler);
    subscription.onBreak((error) => {
      const fields = { address, reason: error.message };
      if (error.code === 'LOST') dropped(tally, logger, 'results of a previous server lost', fields);
      else logger.warning('the link to a previous server broke', fields);
      this.#findServer();
    });
    void this.#notices?.close();
    this.#notices = followNotices(connection, address, {
      onCancel: (notice) => this.#host.cancel(notice),
      onProgress: (message) => this.#host.passProgress(message),
    });
    this.#address = address;
    this.#subscription = subscription;
    const replaced = this.#replaced;
    this.#replaced = deferred();
    replaced.resolve();
    void before?.close();
  }

  /** Asks the server where it publishes, until it publishes there: its answer may be out of date soon. */
  async #findServer(): Promise<void> {
    if (this.#settings.dbAddress === undefined || this.#isFinding) return;
    this.#isFinding = true;
    const { connection, logger } = this.#host;
    while (!this.#isClosed && this.#subscription?.isReady !== true) {
      try {
        await this.#dialAdvertised(this.#settings.dbAddress);
      } catch (error) {
        if (error instanceof PalmError && error.code === 'DISCONNECTED') continue;
        if (!this.#isClosed) {
          logger.warning('a previous server was not found', {
            db: this.#settings.dbAddress,
            reason: messageOf(error),
          });
        }
      }
      await atMost(FIND_AGAIN, connection.closed);
    }
    this.#isFinding = false;
  }

  async #dialAdvertised(dbAddress: string): Promise<void> {
    const { connection, options, logger } = this.#host;
    await connection.identify();
    const cache = new CacheLink({ connection, dbAddress, session: undefined, tap: undefined });
    const advertised = replyText(await cache.read('pub_address'));
    if (advertised === '') {
      throw new Error(`the server at ${dbAddress} publishes nothing; is this its db_address?`);
    }
    const address = options.transport.resolveAddress?.(advertised, dbAddress) ?? advertised;
    if (address === this.#address || this.#isClosed) return;
    this.#dial(address);
    this.#host.addressChanged(this.#settings.key, address);
    logger.info('a previous server publishes', { address, db: dbAddress });
  }

  /** Introduces this server over each link to the previous one's cache, and when the end of the pipeline changes. */
  async #keepIntroduced(dbAddress: string): Promise<void> {
    const { connection } = this.#host;
    this.#host.onEnd(() => this.#introduce(dbAddress));
    for await (const status of connection.status()) {
      if (status.type === 'connected' && status.address === dbAddress) this.#introduce(dbAddress);
    }
  }

  /** Tells a frond server that this one reads what it publishes, and where the pipeline ends. pylm's has no use for that. */
  async #introduce(dbAddress: string): Promise<void> {
    const { connection, name } = this.#host;
    if (this.#isClosed) return;
    try {
      await connection.identify();
      const cache = new CacheLink({ connection, dbAddress, session: undefined, tap: undefined });
      if ((await cache.read('name')).features === undefined) return;
      const { id: client } = connection;
      const payload = encodeUtf8(this.#host.end);
      const request = {
        pipeline: client,
        client,
        function: NEXT,
        cache: name,
        payload,
        features: Feature.replies,
      };
      await cache.ask(palmMessage(request)).reply;
    } catch {
      // The link broke, and the next one is introduced again.
    }
  }

  #framesOf(deliveries: readonly Delivery[]): Bytes[] {
    const ours: Bytes[] = [];
    const { topic: own } = this.#settings;
    for (const { topic, frames } of deliveries) {
      // One by one: a spread has a limit of arguments, and a delivery may have any number of frames.
      if (topic === own) for (const frame of frames) ours.push(frame);
    }
    return ours;
  }
}

/**
 * The addresses that the settings name.
 * @throws PalmError `INVALID_CALL` when they name none.
 */
export function addressesOf({ address, dbAddress }: PreviousServerSettings): string[] {
  const given = [address, dbAddress].filter((own) => own !== undefined);
  if (given.length > 0) return given;
  throw invalidCall(
    'the previous server has no address; give previousDbAddress, or subAddress where it publishes',
  );
}

/**
 * Checks the option `previous`, as `checkTopic` checks a subscription.
 * @throws PalmError `INVALID_CALL` for a topic that would take everybody's results.
 */
export function checkPrevious(previous: unknown): void {
  if (typeof previous !== 'string' || previous === '') {
    throw invalidCall(
      `previous must be the name of the previous server, or a topic of its handleStream, not ${inspectValue(previous)}`,
    );
  }
}
