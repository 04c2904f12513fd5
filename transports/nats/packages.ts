/**
 * The packages of nats.js, optional peer dependencies, and what this transport uses of them. Their own declarations do not hold where
 * optional properties are exact, so these are ours.
 */
import { createRequire } from 'node:module';
import type { Bytes } from '../../src/protocol/bytes.ts';
import { didNotLoad } from '../shared/peer-package.ts';

export interface Headers {
  readonly code: number;
  get(name: string): string;
  set(name: string, value: string): void;
}

export interface Message {
  readonly subject: string;
  readonly data: Uint8Array;
  readonly reply?: string;
  readonly headers?: Headers;
}

export interface PublishOptions {
  readonly reply?: string;
  readonly headers?: Headers;
}

export interface NatsSubscription {
  unsubscribe(): void;
}

export interface NatsConnection {
  readonly info?: { readonly version: string; readonly max_payload: number };
  publish(subject: string, data?: Uint8Array, options?: PublishOptions): void;
  subscribe(
    subject: string,
    options: { readonly queue?: string; callback(error: Error | null, message: Message): void },
  ): NatsSubscription;
  status(): AsyncIterable<{ readonly type: string; readonly error?: Error }>;
  flush(): Promise<void>;
  close(): Promise<void>;
  closed(): Promise<Error | undefined>;
  getServer(): string;
}

export interface ConnectOptions {
  readonly servers: string | readonly string[];
  readonly name: string;
  readonly reconnect: false;
  readonly noAsyncTraces: true;
  readonly timeout: number;
  readonly pingInterval: number;
  readonly user?: string;
  readonly pass?: string;
  readonly token?: string;
  readonly authenticator?: unknown;
  readonly tls?: { readonly ca?: string; readonly cert?: string; readonly key?: string };
}

export interface StreamSettings {
  readonly name: string;
  readonly subjects: readonly string[];
  readonly retention: 'workqueue' | 'limits';
  readonly storage: 'file' | 'memory';
  readonly discard: 'new' | 'old';
  readonly num_replicas: number;
  readonly max_bytes: number;
  /** Nanoseconds. */
  readonly max_age: number;
  /** Nanoseconds. */
  readonly duplicate_window: number;
  readonly max_msgs_per_subject?: number;
  readonly max_consumers?: number;
  readonly allow_direct?: boolean;
  readonly allow_msg_ttl?: boolean;
}

export interface StreamInfo {
  /** When it was made. */
  readonly created: string;
  readonly config: Pick<
    StreamSettings,
    'name' | 'subjects' | 'storage' | 'num_replicas' | 'max_bytes' | 'max_age'
  >;
  readonly state: {
    readonly messages: number;
    readonly bytes: number;
    readonly first_seq: number;
    /** When the first message came. */
    readonly first_ts: string;
    readonly last_seq: number;
  };
  /** When this was so, by the clock of NATS. */
  readonly ts?: string;
}

export interface ConsumerSettings {
  readonly durable_name: string;
  readonly filter_subject: string;
  readonly ack_policy: 'explicit';
  /** Nanoseconds. */
  readonly ack_wait: number;
  readonly max_ack_pending: number;
  readonly deliver_policy?: 'all' | 'new';
  /** Nanoseconds. */
  readonly inactive_threshold?: number;
}

/** A consumer that is asked how much there is for it. */
export interface CountingSettings {
  readonly filter_subject: string;
  readonly ack_policy: 'none';
  /** Nanoseconds. */
  readonly inactive_threshold: number;
  readonly mem_storage: true;
}

/** A message out of a stream. */
export interface StoredMessage extends Message {
  /** Its place in the stream. */
  readonly seq: number;
  readonly info: {
    readonly timestampNanos: number;
    /** How often it was given to somebody, this time too. */
    readonly deliveryCount: number;
  };
}

export interface ConsumerInfo {
  readonly name: string;
  /** With a name of its own, if it stays when nobody reads by it. */
  readonly config: { readonly durable_name?: string };
  readonly num_pending: number;
  /** Messages that were given and are not acknowledged. */
  readonly num_ack_pending: number;
  /** The last that was given to somebody, by its place in the stream and by how many were given. */
  readonly delivered: { readonly stream_seq: number; readonly consumer_seq: number };
  /** All up to there are acknowledged. */
  readonly ack_floor: { readonly stream_seq: number };
}

export interface ConsumerMessages extends AsyncIterable<StoredMessage> {
  status(): AsyncIterable<{ readonly type: string }>;
  close(): Promise<unknown>;
}

export interface Consumer {
  consume(options: {
    readonly max_messages: number;
    /** Milliseconds. */
    readonly expires: number;
    /** Milliseconds. */
    readonly idle_heartbeat: number;
  }): Promise<ConsumerMessages>;
  /** Asks for so many messages. They end when they have come, or when the time is over. */
  fetch(options: {
    readonly max_messages: number;
    /** Milliseconds. */
    readonly expires: number;
    /** Milliseconds. */
    readonly idle_heartbeat: number;
  }): Promise<ConsumerMessages>;
  info(): Promise<ConsumerInfo>;
  delete(): Promise<boolean>;
}

export interface JetStreamManager {
  readonly streams: {
    add(settings: StreamSettings): Promise<StreamInfo>;
    info(name: string): Promise<StreamInfo>;
    update(name: string, settings: Pick<StreamSettings, 'subjects'>): Promise<StreamInfo>;
    delete(name: string): Promise<boolean>;
    purge(name: string, options?: { readonly filter: string }): Promise<{ readonly purged: number }>;
    /** Asks the leader of a stream. */
    getMessage(
      stream: string,
      query: { readonly last_by_subj: string } | { readonly next_by_subj: string; readonly seq: number },
    ): Promise<{ readonly data: Uint8Array; readonly seq: number; readonly header?: Headers } | null>;
    /** Removes the message at a place; rejects when there is none. @param erase - whether its bytes are overwritten, too. */
    deleteMessage(stream: string, seq: number, erase: boolean): Promise<boolean>;
    /** Those that store some of these subjects. */
    list(subject: string): AsyncIterable<StreamInfo>;
  };
  readonly direct: {
    getMessage(
      stream: string,
      query: { readonly last_by_subj: string },
    ): Promise<{ readonly data: Uint8Array } | null>;
  };
  readonly consumers: {
    add(stream: string, settings: ConsumerSettings | CountingSettings): Promise<ConsumerInfo>;
    info(stream: string, name: string): Promise<ConsumerInfo>;
    list(stream: string): AsyncIterable<ConsumerInfo>;
    delete(stream: string, name: string): Promise<boolean>;
  };
}

export interface JetStream {
  readonly consumers: {
    get(
      stream: string,
      what: string | { readonly filter_subjects: readonly string[]; readonly opt_start_seq: number },
    ): Promise<Consumer>;
  };
}

/** What is used of nats.js. */
export interface Packages {
  connect(options: ConnectOptions): Promise<NatsConnection>;
  headers(): Headers;
  credsAuthenticator(creds: Uint8Array): unknown;
  jetstream(connection: NatsConnection): JetStream;
  jetstreamManager(connection: NatsConnection): Promise<JetStreamManager>;
}

/**
 * Loads nats.js.
 * @throws PalmError `INVALID_CALL` that names the package which is not installed or does not load.
 */
export function loadPackages(): Packages {
  const require = createRequire(import.meta.url);
  const load = (name: string, run: () => Packages): Packages => {
    try {
      return run();
    } catch (cause) {
      throw didNotLoad('frond/nats', name, cause);
    }
  };
  const core = load('@nats-io/transport-node', () => require('@nats-io/transport-node'));
  const { connect, headers, credsAuthenticator } = core;
  const streams = load('@nats-io/jetstream', () => require('@nats-io/jetstream'));
  const { jetstream, jetstreamManager } = streams;
  return { connect, headers, credsAuthenticator, jetstream, jetstreamManager };
}

/** The bytes of a message as a plain array: nats.js gives views of the buffers that it read. */
export function bytesOf({ data }: { readonly data: Uint8Array }): Bytes {
  return new Uint8Array(data.buffer as ArrayBuffer, data.byteOffset, data.length);
}
