/** A page that does what Node orders on the built `websocket()`: the far end of ../remote.ts. */
import { PalmError } from '../../../src/index.ts';
import type { Connection, PendingReply, Puller, Pusher, Subscription } from '../../../src/transport.ts';
import { websocket } from '../../../transports/websocket/index.ts';
import { describe, type Order, Reason } from '../wire.ts';
import { control, type Tell } from './control.ts';

type AnyChannel = Pusher | Puller | Subscription;
type Dial = Extract<Order, readonly ['dial', ...unknown[]]>;

class Remote {
  readonly #tell: Tell;
  readonly #connections = new Map<number, Connection>();
  /** An error stands for a channel that could not be dialled: whatever is done with it fails so. */
  readonly #channels = new Map<number, AnyChannel | { readonly error: unknown }>();
  readonly #sources = new Map<number, AsyncIterator<unknown>>();
  readonly #requests = new Map<number, PendingReply>();
  readonly #identities = new Map<number, string>();

  constructor(tell: Tell) {
    this.#tell = tell;
  }

  carryOut(order: Order): void {
    switch (order[0]) {
      case 'dial':
        this.#dial(order);
        return;
      case 'status':
        this.#sources.set(order[1], this.#connection(order[2]).status()[Symbol.asyncIterator]());
        return;
      case 'cancel':
        this.#requests.get(order[1])?.cancel(new Reason(order[2]));
        return;
      case 'leave':
        void this.#sources.get(order[1])?.return?.();
        this.#sources.delete(order[1]);
        return;
      default:
        void this.#answer(order[1], () => this.#call(order));
    }
  }

  async #answer(call: number, work: () => Promise<unknown>): Promise<void> {
    try {
      const value = await work();
      this.#tellStates();
      this.#tell(['resolved', call, value]);
    } catch (error) {
      this.#tellStates();
      this.#tell(['rejected', call, describe(error, PalmError)]);
    }
  }

  async #call(order: Order): Promise<unknown> {
    switch (order[0]) {
      case 'open':
        return this.#open(order[2], order[3], order[4], order[5]);
      case 'identify':
        return this.#connection(order[2]).identify(order[3] ?? undefined);
      case 'request':
        return this.#request(order[1], order[2], order[3], order[4]);
      case 'ready':
        return this.#used(order[2], (channel) => channel.ready());
      case 'send':
        return this.#used(order[2], (channel) => (channel as Pusher).send(order[3]));
      case 'next':
        return this.#next(order[2]);
      case 'shut':
        return this.#channel(order[2]).close(timeoutOf(order[3]));
      case 'close':
        return this.#connection(order[2]).close(timeoutOf(order[3]));
      default:
        throw new Error(`the page knows no order ${order[0]}`);
    }
  }

  async #open(number: number, url: string, token: string | null, maxDelay: number | null): Promise<void> {
    const options = { ...(token !== null && { token }), ...(maxDelay !== null && { maxDelay }) };
    const connection = await websocket(url, options).open();
    this.#connections.set(number, connection);
    void connection.closed.then((error) =>
      this.#tell(['closed', number, error === undefined ? null : describe(error, PalmError)]),
    );
  }

  async #request(call: number, connection: number, address: string, frame: Uint8Array<ArrayBuffer>) {
    const pending = this.#connection(connection).request(address, frame);
    this.#requests.set(call, pending);
    try {
      return checked(await pending.reply);
    } finally {
      this.#requests.delete(call);
    }
  }

  #dial([, number, from, verb, address, topic, proofTimeout]: Dial): void {
    try {
      const connection = this.#connection(from);
      const channel =
        verb === 'subscribe'
          ? connection.subscribe(address, topic, proofTimeout === null ? {} : { proofTimeout })
          : connection[verb](address);
      this.#channels.set(number, channel);
      if (Symbol.asyncIterator in channel) this.#sources.set(number, channel[Symbol.asyncIterator]());
      channel.onBreak((error) => {
        this.#tellState(number, channel);
        this.#tell(['broke', number, describe(error, PalmError)]);
        this.#watch(number, channel);
      });
      this.#watch(number, channel);
    } catch (error) {
      this.#channels.set(number, { error });
    }
  }

  /** Tells when the channel becomes ready, which nobody may be waiting for. */
  #watch(number: number, channel: AnyChannel): void {
    channel.ready().then(
      () => this.#tellState(number, channel),
      () => {},
    );
  }

  /** A channel that was refused may fit by now, and is watched by nobody: its state is told before what came of its use. */
  async #used(number: number, use: (channel: AnyChannel) => Promise<void>): Promise<void> {
    const channel = this.#channel(number);
    try {
      await use(channel);
    } finally {
      this.#tellState(number, channel);
    }
  }

  #tellState(number: number, channel: AnyChannel): void {
    this.#tell(['state', number, channel.isReady, 'isProved' in channel && channel.isProved]);
  }

  /** What Node reads without waiting is told whenever something else is. */
  #tellStates(): void {
    for (const [number, { id, keyPrefix }] of this.#connections) {
      const identity = JSON.stringify([id, keyPrefix]);
      if (this.#identities.get(number) === identity) continue;
      this.#identities.set(number, identity);
      this.#tell(['identity', number, id, keyPrefix]);
    }
  }

  async #next(source: number): Promise<unknown> {
    const iterator = this.#sources.get(source);
    if (iterator === undefined) {
      this.#channel(source);
      throw new Error(`source ${source} was left`);
    }
    const { done, value } = await iterator.next();
    return done ? null : checked(value);
  }

  #connection(number: number): Connection {
    const connection = this.#connections.get(number);
    if (connection === undefined) throw new Error(`there is no connection ${number}`);
    return connection;
  }

  #channel(number: number): AnyChannel {
    const channel = this.#channels.get(number);
    if (channel === undefined) throw new Error(`there is no channel ${number}`);
    if ('error' in channel) throw channel.error;
    return channel;
  }
}

function timeoutOf(timeout: number | null): { timeout?: number } {
  return timeout === null ? {} : { timeout };
}

/** Frames must be plain Uint8Arrays here already: on the way to Node they become others. */
function checked<T>(value: T): T {
  if (Array.isArray(value)) for (const item of value) checked(item);
  else if (ArrayBuffer.isView(value) && value.constructor !== Uint8Array) {
    throw new Error(`a frame is a ${value.constructor.name}`);
  } else if (typeof value === 'object' && value !== null && 'frames' in value) checked(value.frames);
  return value;
}

control((tell) => {
  const remote = new Remote(tell);
  return (order) => remote.carryOut(order);
});
