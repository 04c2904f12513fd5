import { SMALLEST_CALL } from '../../../src/flow-control.ts';
import type { Bytes } from '../../../src/protocol/bytes.ts';
import type { CancelNotice } from '../../../src/protocol/cancel.ts';
import { PalmError } from '../../../src/protocol/errors.ts';
import { isTakenBy, LONGEST_TOPIC, topicBelongsTo } from '../../../src/protocol/topics.ts';
import type { Delivery } from '../../../src/transport.ts';
import {
  ChannelKind,
  type Open,
  type OpenFrom,
  type Send,
  type Store,
  type Taken,
  Type,
} from '../../relay-protocol/frames.ts';
import { parseRelayedAddress } from '../../relay-protocol/server-address.ts';
import type { Upstream } from '../upstream/upstream.ts';
import {
  type ChannelContext,
  PlacedSubscription,
  type SessionChannel,
  SessionSubscription,
} from './channel.ts';
import type { ClientMemory } from './client-memory.ts';
import type { ResolvedLimits } from './limits.ts';
import { PullChannel } from './pull-channel.ts';
import { PushBacklog, PushChannel } from './push-channel.ts';
import type { RetainedMessage } from './retained-message.ts';

export interface SessionChannelsSettings {
  /** Whether other relays can adopt the sessions. */
  readonly isAdoptable: boolean;
  readonly limits: ResolvedLimits;
  /** Looks up a server. @returns undefined for a name that is not a server's. */
  readonly find: (name: string) => Upstream | undefined;
  readonly onRefused: (what: string) => void;
  readonly onLostWork: (count: number) => void;
}

interface Sent {
  readonly number: number;
  readonly generation: number;
  readonly frames: readonly Bytes[];
  readonly message: RetainedMessage;
  /** The number of the first frame, where they have numbers. */
  readonly first?: number;
}

/** The channels of one client, by number: opens them, passes on what comes and goes, and closes them. */
export class SessionChannels {
  readonly #client: ChannelContext;
  readonly #settings: SessionChannelsSettings;
  readonly #memory: ClientMemory;
  readonly #channels = new Map<number, SessionChannel>();
  /** The highest number of a channel so far. */
  #highest = -1;
  /** By the address that the client pushes to. */
  readonly #backlogs = new Map<string, PushBacklog>();

  constructor(client: ChannelContext, memory: ClientMemory, settings: SessionChannelsSettings) {
    this.#client = client;
    this.#memory = memory;
    this.#settings = settings;
  }

  /** @throws PalmError for a channel that no well-behaved client opens. */
  open([, number, kind, address, topic, from]: Open | OpenFrom): void {
    const { limits, find, onLostWork, isAdoptable } = this.#settings;
    if (from !== undefined && !isAdoptable)
      throw new PalmError('PROTOCOL', 'a channel is to go on, and no relay adopts sessions of this one');
    if (this.#channels.has(number)) throw new PalmError('PROTOCOL', `channel ${number} is open already`);
    if (this.#channels.size >= limits.maxChannels)
      throw new PalmError('PROTOCOL', 'the client opened more channels than it may have');
    this.#highest = Math.max(this.#highest, number);
    const { server, isForResults } = parseRelayedAddress(address);
    const against = this.#against(server, kind === ChannelKind.pull || isForResults);
    const upstream = against === undefined ? find(server) : undefined;
    if (upstream === undefined) {
      this.#refuse(number, against ?? this.#client.identity.serverRefusal(server));
    } else if (kind === ChannelKind.push) {
      const backlog = this.#backlogOf(address);
      const isNumbered = from !== undefined && !isForResults;
      const channel = new PushChannel(number, this.#client, upstream, !isForResults, backlog, isNumbered);
      this.#keep(number, channel);
      channel.attach(isForResults ? upstream.results : upstream.calls);
    } else if (kind === ChannelKind.subscribe) {
      this.#checkTopic(topic);
      if (from !== undefined && from > 0 && !this.#client.isAdopted)
        throw new PalmError('PROTOCOL', 'a channel is to begin behind a place, and the session is new');
      const isPlaced = from !== undefined;
      const channel = new (isPlaced ? PlacedSubscription : SessionSubscription)(
        number,
        this.#client,
        upstream,
        topic,
      );
      this.#keep(number, channel);
      channel.begin(isPlaced && from > 0 ? from - 1 : undefined);
    } else if (kind === ChannelKind.pull) {
      const channel = new PullChannel(number, this.#client, upstream, onLostWork);
      this.#keep(number, channel);
      channel.attach();
    } else throw new PalmError('PROTOCOL', `a channel cannot be of kind ${kind}`);
  }

  close(number: number): void {
    const channel = this.#channels.get(number);
    if (channel === undefined) return;
    channel.close();
    this.#channels.delete(number);
    this.#memory.closed(channel.size);
  }

  /** @throws PalmError `PROTOCOL` for frames to a channel that takes none, or for more bytes than the window allows. */
  send([, number, generation, frames]: Send, message: RetainedMessage): void {
    this.#send({ number, generation, frames, message });
  }

  /** As {@link send}, of frames with numbers. */
  store([, number, generation, first, frames]: Store, message: RetainedMessage): void {
    this.#send({ number, generation, frames, message, first });
  }

  #send({ number, generation, frames, message, first }: Sent): void {
    const channel = this.#channels.get(number);
    // A frame in pieces may be complete after its channel was closed.
    if (channel === undefined && number <= this.#highest) return;
    const isFit = channel instanceof PushChannel && channel.isNumbered === (first !== undefined);
    if (!isFit || frames.length === 0)
      throw new PalmError('PROTOCOL', `channel ${number} takes no frames, or the list of frames is empty`);
    const { window } = this.#settings.limits;
    const { outstanding, waiting } = channel.backlog;
    if (outstanding >= window || waiting >= window / SMALLEST_CALL) {
      throw new PalmError('PROTOCOL', 'the client sent more bytes than its window allows');
    }
    channel.take(generation, frames, message, first);
  }

  /** @throws PalmError `PROTOCOL` when the client cannot have had so many. */
  taken([, number, count]: Taken): void {
    const channel = this.#channels.get(number);
    if (channel instanceof PullChannel && channel.taken(count)) return;
    throw new PalmError('PROTOCOL', 'the client confirmed more work than it was given');
  }

  /** The client's grants have changed: channels that it may not have any more are closed and refused. */
  review(): void {
    for (const [number, { upstream, isForWork }] of this.#channels) {
      const against = this.#against(upstream.name, isForWork);
      if (against === undefined) continue;
      this.close(number);
      this.#refuse(number, against);
    }
  }

  /** Drops calls to a server that have not left. */
  cancel(upstream: Upstream, notice: CancelNotice): void {
    for (const channel of this.#channels.values())
      if (channel instanceof PushChannel && channel.upstream === upstream) channel.cancel(notice);
  }

  /** Frames are about to go to the client: credit that is owed goes with them. */
  payCredit(): void {
    for (const channel of this.#channels.values()) if (channel instanceof PushChannel) channel.payCredit();
  }

  /**
   * Gives deliveries to the client's subscriptions.
   * @param upstream - the server that published them; undefined for the relay's own answers to calls that it refused.
   * @param change - turns each delivery into the one that goes to the client.
   */
  deliver(
    upstream: Upstream | undefined,
    deliveries: readonly Delivery[],
    change: (delivery: Delivery) => Delivery,
  ): void {
    for (const channel of this.#channels.values()) {
      if (!(channel instanceof SessionSubscription)) continue;
      if (upstream !== undefined && (channel.upstream !== upstream || !channel.isShared)) continue;
      const own = deliveries.filter(({ topic }) => isTakenBy(topic, channel.topic));
      if (own.length > 0) channel.deliver(own.map(change));
    }
  }

  /** Tells the client up to where it has everything, so that it need not be read again. */
  tellReached(): void {
    for (const channel of this.#channels.values())
      if (channel instanceof PlacedSubscription) channel.tellReached();
  }

  closeAll(): void {
    for (const number of [...this.#channels.keys()]) this.close(number);
  }

  #keep(number: number, channel: SessionChannel): void {
    this.#channels.set(number, channel);
    this.#memory.opened(channel.size);
  }

  #refuse(number: number, why: string): void {
    this.#settings.onRefused('channel');
    this.#client.post([Type.refused, number, 'FORBIDDEN', why]);
  }

  #against(server: string, isForWork: boolean): string | undefined {
    const { identity } = this.#client;
    if (!identity.mayUse(server)) return identity.serverRefusal(server);
    return isForWork && !identity.mayWork ? `${identity.name} may not work for ${server}` : undefined;
  }

  #checkTopic(topic: string): void {
    if (!topicBelongsTo(topic, this.#client.id)) {
      throw new PalmError('FORBIDDEN', "a subscription is to another client's topics");
    }
    if (topic.length <= LONGEST_TOPIC) return;
    throw new PalmError(
      'PROTOCOL',
      `a topic has ${topic.length} characters, and may have at most ${LONGEST_TOPIC}`,
    );
  }

  #backlogOf(address: string): PushBacklog {
    const backlog = this.#backlogs.get(address) ?? new PushBacklog();
    this.#backlogs.set(address, backlog);
    return backlog;
  }
}
