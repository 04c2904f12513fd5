/** A NATS for tests of single parts: connecting to it is all that works. */
import { type Deferred, deferred } from '../../src/async/deferred.ts';
import { type NatsSettings, resolveOptions } from '../../transports/nats/options.ts';
import type { Message, NatsConnection, Packages } from '../../transports/nats/packages.ts';
import { Session } from '../../transports/nats/session.ts';

interface SilentNats {
  readonly packages: Packages;
  readonly settings: NatsSettings;
  /** Where the reply to each message goes that was sent. */
  readonly sent: readonly string[];
  /** Resolve it to end the connection. */
  readonly ended: Deferred<Error | undefined>;
  /** What flushing waits for: nothing at first. */
  readonly flushing: { promise: Promise<void> };
  open(): Promise<Session>;
  /** Replies there. */
  reply(subject: string | undefined): void;
}

/** Packages that connect to a NATS which answers nothing by itself. */
export function silentNats(own: Partial<Packages> = {}): SilentNats {
  const ended = deferred<Error | undefined>();
  const sent: string[] = [];
  const flushing = { promise: Promise.resolve() };
  let take: (message: Message) => void = () => {};
  const connection: NatsConnection = {
    info: { version: '2.11.0', max_payload: 1_048_576 },
    publish: (_subject, _data, options) => void sent.push(options?.reply ?? ''),
    subscribe: (_subject, { callback }) => {
      take = (message) => callback(null, message);
      return { unsubscribe: () => {} };
    },
    status: async function* () {},
    flush: () => flushing.promise,
    close: async () => ended.resolve(undefined),
    closed: () => ended.promise,
    getServer: () => 'nats.example:4222',
  };
  const packages = {
    connect: async () => connection,
    jetstream: () => ({}),
    jetstreamManager: async () => ({}),
    ...own,
  } as unknown as Packages;
  const settings = resolveOptions({});
  return {
    packages,
    settings,
    sent,
    ended,
    flushing,
    open: () => Session.open(settings, packages),
    reply: (subject: string | undefined) =>
      take({ subject: String(subject), data: new TextEncoder().encode('reply') }),
  };
}
