import { deferred } from '../../src/async/deferred.ts';
import type { Bytes } from '../../src/protocol/bytes.ts';
import { invalidCall, isClosed, type PalmError } from '../../src/protocol/errors.ts';
import { checkTopic, topicUnderNewId } from '../../src/protocol/topics.ts';
import type { Connection, PendingReply, Puller, Pusher, Subscription } from '../../src/transport.ts';
import { type RelayFrame, Type } from '../relay-protocol/frames.ts';
import { broken } from '../relay-protocol/msgpack.ts';
import { parseRelayedAddress } from '../relay-protocol/server-address.ts';
import { SendWindow } from '../relay-protocol/window.ts';
import { BaseConnection } from '../shared/base-connection.ts';
import { type ChannelContext, type RelayedChannel, RelayedPuller, RelayedSubscription } from './channel.ts';
import type { WebsocketSettings } from './options.ts';
import { RelayedPusher } from './pusher.ts';
import { RelaySession } from './relay-session.ts';
import { RelayedRequester } from './requester.ts';
import type { SessionTerms } from './shared-session.ts';

export class WebsocketConnection extends BaseConnection implements Connection {
  readonly #session: RelaySession;
  readonly #requester: RelayedRequester;
  readonly #channels = new Map<number, RelayedChannel>();
  /** By the address that the client pushes to. */
  readonly #windows = new Map<string, SendWindow>();
  readonly #identified = deferred<void>();
  #terms: SessionTerms | undefined;
  /** Those of the session that channels are opened in, while there is one. */
  #open: SessionTerms | undefined;
  #next = 1;
  /** How many subscriptions have a reader that is far behind. */
  #slowReaders = 0;

  constructor(settings: WebsocketSettings) {
    super();
    this.#identified.promise.catch(() => {});
    this.#requester = new RelayedRequester((frame) => this.#session.post(frame));
    this.#session = new RelaySession(settings, {
      report: (status) => this.report(status),
      began: (terms) => this.#began(terms),
      arrived: (frames) => this.#arrived(frames),
      lost: (error) => this.#lost(error),
      ended: (error) => this.#ended(error),
    });
    this.#session.start();
  }

  override identify(wished?: string): Promise<void> {
    if (wished !== undefined) {
      return Promise.reject(invalidCall('behind a relay the relay gives the id: leave out id'));
    }
    return this.#identified.promise;
  }

  override get id(): string {
    return this.#terms?.client ?? '';
  }

  override get keyPrefix(): string {
    return this.#terms?.keyPrefix ?? '';
  }

  request(address: string, frame: Bytes): PendingReply {
    this.checkUse(address);
    return this.#requester.request(address, frame);
  }

  push(address: string): Pusher {
    const window = this.#windows.get(address) ?? new SendWindow();
    this.#windows.set(address, window);
    return this.#dial(address, (context) => new RelayedPusher(context, window));
  }

  subscribe(address: string, topic: string): Subscription {
    this.checkUse(address);
    checkTopic(topic);
    const idThen = this.id;
    const topicNow = () => topicUnderNewId(topic, idThen, this.id);
    return this.#dial(
      address,
      (context) => new RelayedSubscription(context, topicNow, (room) => this.#hold(room)),
    );
  }

  pull(address: string): Puller {
    return this.#dial(address, (context) => new RelayedPuller(context));
  }

  override release(channel: RelayedChannel): void {
    super.release(channel);
    this.#channels.delete(channel.number);
  }

  protected checkAddress(address: string): void {
    parseRelayedAddress(address);
  }

  protected override async hangUp(): Promise<void> {
    this.#requester.close(isClosed('the connection to the relay', 'unknown'));
    this.#identified.reject(isClosed('the connection to the relay'));
    this.#session.close();
  }

  #dial<C extends RelayedChannel>(address: string, make: (context: ChannelContext) => C): C {
    this.checkUse(address);
    const number = this.#next++;
    const post: ChannelContext['post'] = (frame, flow) => this.#session.post(frame, flow);
    const channel = this.keep(make({ host: this, number, address, post }));
    this.#channels.set(number, channel);
    if (this.#open) channel.open(this.#open);
    return channel;
  }

  #began(terms: SessionTerms): void {
    this.#terms = terms;
    this.#open = terms;
    this.#identified.resolve();
    for (const channel of this.#channels.values()) channel.open(terms);
    this.#requester.open(terms);
  }

  #arrived(frames: readonly RelayFrame[]): void {
    for (const frame of frames) {
      switch (frame[0]) {
        case Type.reply:
        case Type.failed:
          this.#requester.answered(frame);
          break;
        case Type.welcome:
        case Type.ping:
        case Type.pong:
          throw broken(`frame ${frame[0]} is out of place`);
        default:
          // A channel that was just closed may still get frames that were under way.
          this.#channels.get(frame[1])?.said(frame);
      }
    }
  }

  #lost(error: PalmError): void {
    this.#open = undefined;
    this.#requester.lost(error);
    for (const channel of [...this.#channels.values()]) channel.break(error);
  }

  #ended(error: PalmError): void {
    this.#requester.close(error);
    this.#identified.reject(error);
    for (const channel of [...this.#channels.values()]) channel.refused(error);
    this.end(error, 0);
  }

  #hold(room: Promise<void>): void {
    this.#slowReaders++;
    this.#session.isHeld = true;
    room.then(() => {
      this.#slowReaders--;
      if (this.#slowReaders === 0) this.#session.isHeld = false;
    });
  }
}
