/** Frames of any kind inside envelopes that a relay lets pass, and out again. */

import type { Bytes } from '../../../src/protocol/bytes.ts';
import { EnvelopeCodec } from '../../../src/protocol/envelope.ts';
import { palmMessage } from '../../../src/protocol/message.ts';
import type {
  BatchSource,
  BoundPull,
  Channel,
  CloseOptions,
  Delivery,
  Pusher,
  Subscription,
} from '../../../src/transport.ts';

/** What a wrapped request asks for: the one operation whose envelope carries any bytes, and whose reply is any. */
const REQUEST = 'wrapped.set';

/** Batches whose items are made into others. */
export function mapped<A, B>(batches: BatchSource<A>, change: (item: A) => B): BatchSource<B> {
  return {
    [Symbol.asyncIterator]: () => {
      const own = batches[Symbol.asyncIterator]();
      return {
        next: async () => {
          const { done, value } = await own.next();
          return done ? { done, value: undefined } : { done: false, value: value.map(change) };
        },
      };
    },
  };
}

export function wrapRequest(client: string, frame: Bytes): Bytes {
  return new EnvelopeCodec().encode(
    palmMessage({ client, function: REQUEST, cache: 'frame', payload: frame }),
  );
}

/** The frame of a wrapped request; undefined for one of the relay's own. */
export function unwrapRequest(frame: Bytes): Bytes | undefined {
  const message = new EnvelopeCodec().decode(frame);
  return message.function === REQUEST ? message.payload.slice() : undefined;
}

/** @param server - what the relay takes for the PALM name of where it goes. */
function wrapCall(client: string, server: string, frame: Bytes): Bytes {
  return new EnvelopeCodec().encode(
    palmMessage({ client: `${client}/wrapped`, function: `${server}.f`, payload: frame }),
  );
}

function unwrapCall(frame: Bytes): Bytes {
  return new EnvelopeCodec().decode(frame).payload.slice();
}

export function unwrappingPull(pull: BoundPull): BoundPull {
  return {
    address: pull.address,
    stop: () => pull.stop(),
    close: (options) => pull.close(options),
    ...mapped(pull, unwrapCall),
  };
}

/** A channel that does what another does, which it changes a little. */
abstract class OverChannel<C extends Channel> implements Channel {
  protected readonly inner: C;

  constructor(inner: C) {
    this.inner = inner;
  }

  get isReady(): boolean {
    return this.inner.isReady;
  }

  ready(): Promise<void> {
    return this.inner.ready();
  }

  onBreak(listener: Parameters<Channel['onBreak']>[0]): () => void {
    return this.inner.onBreak(listener);
  }

  close(options?: CloseOptions): Promise<void> {
    return this.inner.close(options);
  }
}

export class WrappingPusher extends OverChannel<Pusher> implements Pusher {
  readonly #client: () => string;
  readonly #server: string;
  /** What was wrapped last, for which client, and how long it was. */
  #recent: { readonly client: string; readonly length: number; readonly wrapped: Bytes } | undefined;

  constructor(inner: Pusher, client: () => string, server: string) {
    super(inner);
    this.#client = client;
    this.#server = server;
  }

  send(frames: readonly Bytes[]): Promise<void> {
    const client = this.#client();
    return this.inner.send(frames.map((frame) => this.#wrap(client, frame)));
  }

  /** A frame that is like the last one is wrapped in the same bytes: what goes on to a page is written once. */
  #wrap(client: string, frame: Bytes): Bytes {
    const { length } = frame;
    const recent = this.#recent;
    if (recent?.client === client && recent.length === length) {
      // The payload is the last field of these envelopes.
      if (Buffer.compare(recent.wrapped.subarray(recent.wrapped.length - length), frame) === 0)
        return recent.wrapped;
    }
    const wrapped = wrapCall(client, this.#server, frame);
    this.#recent = { client, length, wrapped };
    return wrapped;
  }
}

/** Takes the client's id off the topics of what comes. */
export class UnwrappingSubscription extends OverChannel<Subscription> implements Subscription {
  readonly #client: () => string;

  constructor(inner: Subscription, client: () => string) {
    super(inner);
    this.#client = client;
  }

  get isProved(): boolean {
    return this.inner.isProved;
  }

  [Symbol.asyncIterator](): AsyncIterator<Delivery[], undefined> {
    const { length } = `${this.#client()}/`;
    return mapped(this.inner, ({ topic, frames }) => ({ topic: topic.slice(length), frames }))[
      Symbol.asyncIterator
    ]();
  }
}
