/** A transport whose channels live in a page: each verb is done there, on the built `websocket()`. */

import type { Bytes } from '../../src/protocol/bytes.ts';
import { PalmError } from '../../src/protocol/errors.ts';
import type {
  CloseOptions,
  Connection,
  ConnectionStatus,
  Delivery,
  PendingReply,
  Puller,
  Pusher,
  SubscribeOptions,
  Subscription,
  Transport,
} from '../../src/transport.ts';
import { websocket } from '../../transports/websocket/index.ts';
import type { Control, ReportOf } from './control.ts';
import { revive } from './wire.ts';

export interface RemoteOptions {
  readonly token?: string;
  /** The most milliseconds between two attempts of the page. */
  readonly maxDelay?: number;
}

/**
 * @param controlOf - gives the page, once it is needed.
 * @param url - the relay's, as the page is to dial it.
 */
export function remoteWebsocket(
  controlOf: () => Control,
  url: string,
  options: RemoteOptions = {},
): Transport {
  // What must be thrown at once cannot come from the page; for that, this is the same transport here, which never dials.
  const { name, checkAddress } = websocket(url, { WebSocket: NoWebSocket });
  return {
    name,
    checkAddress,
    async open() {
      const control = controlOf();
      const number = control.number();
      // It listens before the page opens it: the end may be told in one message with the answer to this call.
      const connection = new RemoteConnection(control, number, checkAddress);
      await control.call((call) => [
        'open',
        call,
        number,
        url,
        options.token ?? null,
        options.maxDelay ?? null,
      ]);
      // This ends with the page, or with the connection.
      connection.follow().catch(() => {});
      return connection;
    },
  };
}

class NoWebSocket {
  readonly binaryType = '';
  readonly readyState = 3;
  readonly onopen = null;
  readonly onmessage = null;
  readonly onerror = null;
  readonly onclose = null;
  send(): void {}
  close(): void {}
}

class RemoteConnection implements Connection {
  readonly #control: Control;
  readonly #number: number;
  readonly #checkAddress: (address: string) => void;
  readonly #channels = new Map<number, RemoteChannel>();
  /** Why links are down, by address. */
  readonly #reasons = new Map<string, string>();
  readonly closed: Promise<PalmError | undefined>;
  #isClosed = false;
  id = '';
  keyPrefix = '';

  constructor(control: Control, number: number, checkAddress: (address: string) => void) {
    this.#control = control;
    this.#number = number;
    this.#checkAddress = checkAddress;
    this.closed = new Promise((resolve) => {
      const stop = control.listen((report) => {
        if (report[0] === 'state' || report[0] === 'broke') this.#channels.get(report[1])?.told(report);
        if (report[1] !== number) return;
        if (report[0] === 'identity') [this.id, this.keyPrefix] = [report[2], report[3]];
        if (report[0] !== 'closed') return;
        stop();
        this.#isClosed = true;
        resolve(report[2] === null ? undefined : (revive(report[2]) as PalmError));
      });
    });
  }

  async identify(wished?: string): Promise<void> {
    await this.#control.call((call) => ['identify', call, this.#number, wished ?? null]);
  }

  request(address: string, frame: Bytes): PendingReply {
    this.#checkUse(address);
    const { call, outcome } = this.#control.start((it) => ['request', it, this.#number, address, frame]);
    outcome.catch(() => {});
    return { reply: outcome as Promise<Bytes>, cancel: (reason) => this.#control.cancel(call, reason) };
  }

  push(address: string): Pusher {
    return this.#dial('push', address, (number) => new RemotePusher(this.#control, number));
  }

  pull(address: string): Puller {
    return this.#dial('pull', address, (number) => new RemoteReceiver<Bytes>(this.#control, number));
  }

  subscribe(address: string, topic: string, { proofTimeout }: SubscribeOptions = {}): Subscription {
    if (topic === '') throw new PalmError('INVALID_CALL', 'a topic must not be empty');
    const make = (number: number) => new RemoteReceiver<Delivery>(this.#control, number);
    return this.#dial('subscribe', address, make, topic, proofTimeout);
  }

  get trouble(): string {
    const reasons = [...this.#reasons.values()];
    return reasons.length === 0 ? '' : ` (${reasons.join('; ')})`;
  }

  /** A view of its own in the page, which begins with the present state there. */
  status(): AsyncIterable<ConnectionStatus> {
    const source = this.#control.number();
    this.#control.order(['status', source, this.#number]);
    const iterator = iterate<ConnectionStatus>(this.#control, source);
    return { [Symbol.asyncIterator]: () => iterator };
  }

  /** Reads why links are down, once the page has opened the connection. */
  async follow(): Promise<void> {
    for await (const status of this.status()) {
      if (status.type === 'connected') this.#reasons.delete(status.address);
      else if ('reason' in status && status.reason !== undefined && status.type !== 'refused')
        this.#reasons.set(status.address, status.reason);
    }
  }

  async close({ timeout }: CloseOptions = {}): Promise<void> {
    this.#isClosed = true;
    await this.#control.call((call) => ['close', call, this.#number, timeout ?? null]);
    await this.closed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #dial<C extends RemoteChannel>(
    verb: 'push' | 'pull' | 'subscribe',
    address: string,
    make: (number: number) => C,
    topic = '',
    proofTimeout: number | null = null,
  ): C {
    this.#checkUse(address);
    const number = this.#control.number();
    const channel = make(number);
    this.#channels.set(number, channel);
    this.#control.order(['dial', number, this.#number, verb, address, topic, proofTimeout]);
    return channel;
  }

  #checkUse(address: string): void {
    if (this.#isClosed) throw new PalmError('CLOSED', 'the connection is closed', { sent: false });
    this.#checkAddress(address);
  }
}

type ChannelReport = ReportOf<'state'> | ReportOf<'broke'>;

class RemoteChannel {
  protected readonly control: Control;
  protected readonly number: number;
  readonly #listeners = new Set<(error: PalmError) => void>();
  isReady = false;
  isProved = false;

  constructor(control: Control, number: number) {
    this.control = control;
    this.number = number;
  }

  told(report: ChannelReport): void {
    if (report[0] === 'state') [, , this.isReady, this.isProved] = report;
    else for (const listener of [...this.#listeners]) listener(revive(report[2]) as PalmError);
  }

  async ready(): Promise<void> {
    await this.control.call((call) => ['ready', call, this.number]);
  }

  onBreak(listener: (error: PalmError) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async close({ timeout }: CloseOptions = {}): Promise<void> {
    await this.control.call((call) => ['shut', call, this.number, timeout ?? null]);
    this.isReady = false;
  }
}

class RemotePusher extends RemoteChannel implements Pusher {
  async send(frames: readonly Bytes[]): Promise<void> {
    await this.control.call((call) => ['send', call, this.number, frames]);
  }
}

class RemoteReceiver<T> extends RemoteChannel {
  [Symbol.asyncIterator](): AsyncIterator<T[], undefined> {
    const { next } = iterate<T[]>(this.control, this.number);
    return { next };
  }
}

/** Nothing is read in the page before it is asked for here: that is what bounds the memory on the way. */
function iterate<T>(control: Control, source: number) {
  let isLeft = false;
  return {
    async next(): Promise<IteratorResult<T, undefined>> {
      if (isLeft) return { done: true, value: undefined };
      const value = await control.call((call) => ['next', call, source]);
      return value === null ? { done: true, value: undefined } : { done: false, value: value as T };
    },
    async return(): Promise<IteratorResult<T, undefined>> {
      isLeft = true;
      control.order(['leave', source]);
      return { done: true, value: undefined };
    },
  };
}
