import { SMALLEST_CALL } from '../../../src/flow-control.ts';
import { PalmError } from '../../../src/protocol/errors.ts';
import { isTakenBy, LONGEST_TOPIC, topicBelongsTo } from '../../../src/protocol/topics.ts';
import type { Delivery } from '../../../src/transport.ts';
import { ChannelKind, type Open, type Send, type Taken, Type } from '../../relay-protocol/frames.ts';
import { parseRelayedAddress } from '../../relay-protocol/server-address.ts';
import type { Upstream } from '../upstream/upstream.ts';
import { type ChannelContext, type SessionChannel, SessionSubscription } from './channel.ts';
import type { ClientMemory } from './client-memory.ts';
import type { ResolvedLimits } from './limits.ts';
import { PullChannel } from './pull-channel.ts';
import { PushBacklog, PushChannel } from './push-channel.ts';
import type { RetainedMessage } from './retained-message.ts';

export interface SessionChannelsSettings {
  readonly limits: ResolvedLimits;
  /** @returns undefined for a server that there is not. */
  readonly find: (name: string) => Upstream | undefined;
  readonly onRefused: (what: string) => void;
  readonly onLostWork: (count: number) => void;
}

/** The channels of one client, by number: what it may open, what it sends on them, and what comes for them. */
export class SessionChannels {
  readonly #client: ChannelContext;
  readonly #settings: SessionChannelsSettings;
  readonly #memory: ClientMemory;
  readonly #channels = new Map<number, SessionChannel>();
  /** Number that no channel was above. */
  #highest = -1;
  /** By the address that is pushed to. */
  readonly #backlogs = new Map<string, PushBacklog>();

  constructor(client: ChannelContext, memory: ClientMemory, settings: SessionChannelsSettings) {
    this.#client = client;
    this.#memory = memory;
    this.#settings = settings;
  }

  /** @throws PalmError for what no well-behaved client opens. */
  open([, number, kind, address, topic]: Open): void {
    const { limits, find, onLostWork } = this.#settings;
    if (this.#channels.has(number)) throw new PalmError('PROTOCOL', `channel ${number} is open already`);
    if (this.#channels.size >= limits.maxChannels)
      throw new PalmError('PROTOCOL', 'more channels were opened than a client may have');
    this.#highest = Math.max(this.#highest, number);
    const { server, isForResults } = parseRelayedAddress(address);
    const against = this.#against(server, kind === ChannelKind.pull || isForResults);
    const upstream = against === undefined ? find(server) : undefined;
    if (upstream === undefined) {
      this.#refuse(number, against ?? this.#client.identity.serverRefusal(server));
    } else if (kind === ChannelKind.push) {
      const backlog = this.#backlogOf(address);
      const channel = new PushChannel(number, this.#client, upstream, !isForResults, backlog);
      this.#keep(number, channel);
      channel.attach(isForResults ? upstream.results : upstream.calls);
    } else if (kind === ChannelKind.subscribe) {
      this.#checkTopic(topic);
      const channel = new SessionSubscription(number, this.#client, upstream, topic);
      this.#keep(number, channel);
      channel.attach(upstream.answers);
    } else if (kind === ChannelKind.pull) {
      const channel = new PullChannel(number, this.#client, upstream, onLostWork);
      this.#keep(number, channel);
      channel.attach();
    } else throw new PalmError('PROTOCOL', `there is no channel of kind ${kind}`);
  }

  close(number: number): void {
    const channel = this.#channels.get(number);
    if (channel === undefined) return;
    channel.close();
    this.#channels.delete(number);
    this.#memory.closed(channel.size);
  }

  /** @throws PalmError `PROTOCOL` for frames that no channel takes, or more than may be under way. */
  send([, number, generation, frames]: Send, message: RetainedMessage): void {
    const channel = this.#channels.get(number);
    // What came in pieces may come after the end of its channel.
    if (channel === undefined && number <= this.#highest) return;
    if (!(channel instanceof PushChannel) || frames.length === 0)
      throw new PalmError('PROTOCOL', `channel ${number} takes no frames, or none came`);
    const { window } = this.#settings.limits;
    const { outstanding, waiting } = channel.backlog;
    if (outstanding >= window || waiting >= window / SMALLEST_CALL) {
      throw new PalmError('PROTOCOL', 'more bytes came than may be under way');
    }
    channel.take(generation, frames, message);
  }

  /** @throws PalmError `PROTOCOL` when the client cannot have had so many. */
  taken([, number, count]: Taken): void {
    const channel = this.#channels.get(number);
    if (channel instanceof PullChannel && channel.taken(count)) return;
    throw new PalmError('PROTOCOL', 'credit came that nothing was given for');
  }

  /** What the client may do has changed: channels that it may not have any more are refused. */
  review(): void {
    for (const [number, { upstream, isForWork }] of this.#channels) {
      const against = this.#against(upstream.name, isForWork);
      if (against === undefined) continue;
      this.close(number);
      this.#refuse(number, against);
    }
  }

  /** Something goes to the client: credit that is owed goes with it. */
  payCredit(): void {
    for (const channel of this.#channels.values()) if (channel instanceof PushChannel) channel.payCredit();
  }

  /**
   * Deliveries for the client's subscriptions.
   * @param upstream - who published; undefined for the relay itself, whose answers are to calls that never left.
   * @param change - makes of each delivery the one that goes to the client.
   */
  deliver(
    upstream: Upstream | undefined,
    deliveries: readonly Delivery[],
    change: (delivery: Delivery) => Delivery,
  ): void {
    for (const channel of this.#channels.values()) {
      if (!(channel instanceof SessionSubscription)) continue;
      if (upstream !== undefined && channel.upstream !== upstream) continue;
      const own = deliveries.filter(({ topic }) => isTakenBy(topic, channel.topic));
      if (own.length > 0) channel.deliver(own.map(change));
    }
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
      throw new PalmError('FORBIDDEN', "a subscription is to topics that are another's");
    }
    if (topic.length <= LONGEST_TOPIC) return;
    throw new PalmError('PROTOCOL', `a topic has ${topic.length} characters, of ${LONGEST_TOPIC} at most`);
  }

  #backlogOf(address: string): PushBacklog {
    const backlog = this.#backlogs.get(address) ?? new PushBacklog();
    this.#backlogs.set(address, backlog);
    return backlog;
  }
}
