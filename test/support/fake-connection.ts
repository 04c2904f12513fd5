/** A client's connection whose channels a test makes ready, breaks and closes, and on which it answers as it likes. */
import { vi } from 'vitest';
import { BatchQueue } from '../../src/async/batch-queue.ts';
import { deferred } from '../../src/async/deferred.ts';
import { OpenCalls } from '../../src/async/open-calls.ts';
import { Readiness } from '../../src/async/readiness.ts';
import { SignalHub } from '../../src/async/signals.ts';
import { CallLink, type LinkSettings } from '../../src/client/call-link.ts';
import type { StreamClient } from '../../src/client/stream/result-stream.ts';
import type { Bytes } from '../../src/protocol/bytes.ts';
import { EnvelopeCodec } from '../../src/protocol/envelope.ts';
import { PalmError } from '../../src/protocol/errors.ts';
import type { PalmMessage } from '../../src/protocol/message.ts';
import type {
  CloseOptions,
  Connection,
  Delivery,
  PendingReply,
  Puller,
  Pusher,
  Subscription,
} from '../../src/transport.ts';
import { BaseConnection } from '../../transports/shared/base-connection.ts';

export const BROKEN: PalmError = new PalmError('DISCONNECTED', 'the link broke', { sent: 'unknown' });

const CLOSED = new PalmError('CLOSED', 'the channel is closed', { sent: false });

export class FakePusher extends Readiness implements Pusher {
  /** Frames that were sent while it was ready. */
  readonly sent: Bytes[] = [];

  async send(frames: readonly Bytes[]): Promise<void> {
    if (!this.isReady) throw new PalmError('DISCONNECTED', 'not ready', { sent: false });
    this.sent.push(...frames);
  }

  async close(): Promise<void> {
    this.setClosed(CLOSED);
  }
}

export class FakeSubscription extends Readiness implements Subscription {
  isProved = true;
  readonly queue: BatchQueue<Delivery> = new BatchQueue<Delivery>(1_000_000);

  [Symbol.asyncIterator](): AsyncIterator<Delivery[], undefined> {
    return this.queue;
  }

  async close(): Promise<void> {
    this.queue.end();
    this.setClosed(CLOSED);
  }
}

export class FakeConnection extends BaseConnection implements Connection {
  readonly pushers: FakePusher[] = [];
  readonly subscriptions: FakeSubscription[] = [];
  /** Answers requests; by default nobody does. */
  answer: (frame: Bytes) => Promise<Bytes> = () => new Promise(() => {});
  /** How often it was closed. */
  closings = 0;
  prefix = '';

  override get keyPrefix(): string {
    return this.prefix;
  }

  protected checkAddress(): void {}

  request(_address: string, frame: Bytes): PendingReply {
    const end = deferred<Bytes>();
    this.answer(frame).then(end.resolve, end.reject);
    return { reply: end.promise, cancel: end.reject };
  }

  push(address: string): FakePusher {
    this.checkUse(address);
    const pusher = this.keep(new FakePusher());
    this.pushers.push(pusher);
    return pusher;
  }

  subscribe(address: string): FakeSubscription {
    this.checkUse(address);
    const subscription = this.keep(new FakeSubscription());
    this.subscriptions.push(subscription);
    return subscription;
  }

  pull(_address: string): Puller {
    throw new Error('a client pulls nothing');
  }

  override async close(options?: CloseOptions): Promise<void> {
    this.closings++;
    await super.close(options);
  }
}

/** A link over a fake connection, and what the server at its other end does. */
export class FakeServer {
  readonly connection: FakeConnection;
  readonly link: CallLink;
  readonly client: StreamClient;
  readonly calls: OpenCalls = new OpenCalls();
  readonly signals: SignalHub = new SignalHub();
  readonly #codec = new EnvelopeCodec();
  /** Sent frames that were looked at. */
  #seen = 0;

  constructor(connection: FakeConnection, settings: Partial<LinkSettings> = {}) {
    this.connection = connection;
    const addresses = { pushAddress: 'push', subAddress: 'sub' };
    const logger = { debug: vi.fn(), info: vi.fn(), warning: vi.fn(), error: vi.fn() };
    this.link = new CallLink({ connection, addresses, isDirect: true, tap: undefined, logger, ...settings });
    this.client = {
      calls: this.calls,
      signals: this.signals,
      settings: { timeout: 1_000 },
      callLink: () => this.link,
    };
  }

  static async open(settings: Partial<LinkSettings> = {}): Promise<FakeServer> {
    const connection = new FakeConnection();
    await connection.identify('client');
    return new FakeServer(connection, settings);
  }

  get pusher(): FakePusher {
    return this.connection.pushers.at(-1) as FakePusher;
  }

  get subscription(): FakeSubscription {
    return this.connection.subscriptions.at(-1) as FakeSubscription;
  }

  /** Both channels can be used. */
  up(): void {
    this.pusher.setReady();
    this.subscription.setReady();
  }

  /** The calls that came since this was asked last. */
  taken(): PalmMessage[] {
    const sent = this.connection.pushers.flatMap((pusher) => pusher.sent);
    const news = sent.slice(this.#seen);
    this.#seen = sent.length;
    return news.map((frame) => this.#codec.decode(frame));
  }

  /** Publishes an answer to a call. */
  reply(call: PalmMessage, fields: Partial<PalmMessage> = {}): void {
    this.deliver(call.client, this.#codec.encode({ ...call, ...fields }));
  }

  deliver(topic: string, frame: Bytes): void {
    this.subscription.queue.push([{ topic, frames: [frame] }]);
  }
}

/** Lets promises settle, and what runs after the events that wait. */
export async function settle(): Promise<void> {
  await vi.advanceTimersByTimeAsync(0);
}

/** A signal that counts its listeners. */
export function countedSignal(): { signal: AbortSignal; abort(): void; readonly listeners: number } {
  const controller = new AbortController();
  const { signal } = controller;
  let listeners = 0;
  const [add, remove] = [signal.addEventListener.bind(signal), signal.removeEventListener.bind(signal)];
  const known = new Set<unknown>();
  signal.addEventListener = (type: string, listener: EventListenerOrEventListenerObject) => {
    if (!known.has(listener)) listeners++;
    known.add(listener);
    add(type, listener);
  };
  signal.removeEventListener = (type: string, listener: EventListenerOrEventListenerObject) => {
    if (known.delete(listener)) listeners--;
    remove(type, listener);
  };
  return {
    signal,
    abort: () => controller.abort(),
    get listeners() {
      return listeners;
    },
  };
}
