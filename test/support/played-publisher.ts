/**
 * An XPUB without libzmq, whose peers a test plays: what they report, and who of them has no room. It behaves as the real one does with
 * `noDrop` and a `sendTimeout` of 0, and is there a thousand times where the system has not so many sockets.
 */
import { type Deferred, deferred } from '../../src/async/deferred.ts';
import type { CountingPublisher } from '../../transports/zeromq/topics.ts';

const full = () => Object.assign(new Error('Operation was not possible or timed out'), { code: 'EAGAIN' });
const gone = () => Object.assign(new Error('Socket is closed'), { code: 'EBADF' });

export class PlayedPublisher {
  closed = false;
  linger = 0;
  readonly lastEndpoint = 'tcp://127.0.0.1:5555';
  /** What was sent to all who subscribed: topic and frames as texts. */
  readonly sent: string[][] = [];
  /** What was sent past those without room. */
  readonly sentPast: string[][] = [];
  /** Subscriptions whose holders have no room. */
  readonly full = new Set<string>();
  /** What sending fails with, whoever has room. */
  error: Error | undefined;
  /** Sends wait while this is there. */
  sending: Deferred<void> | undefined;
  /** How often it was bound again, and its peers were dropped. */
  bound = 0;
  dropped = 0;
  /** How often it was read. */
  reads = 0;
  /** Topics that it holds. */
  topics = 0;
  /** Whether it only seems to have a report: a test says so. */
  seemsReadable = false;
  #reports: Uint8Array[][] = [];
  #reader: Deferred<Uint8Array[]> | undefined;
  #watcher: Deferred<{ readonly type: string }> | undefined;
  #events: { readonly type: string }[] = [];

  readonly events = {
    receive: async (): Promise<{ readonly type: string }> => {
      const event = this.#events.shift();
      if (event !== undefined) return event;
      this.#watcher = deferred();
      return this.#watcher.promise;
    },
  };

  /** Itself, as the publisher takes it. */
  get socket(): CountingPublisher {
    return this as unknown as CountingPublisher;
  }

  get readable(): boolean {
    return this.seemsReadable || this.#reports.length > 0;
  }

  get writable(): boolean {
    return true;
  }

  async bind(): Promise<void> {}

  bindSync(): void {
    this.bound++;
  }

  disconnect(): void {
    this.dropped++;
  }

  /** A peer reports these parts. */
  report(...parts: readonly (string | Uint8Array)[]): void {
    const own = parts.map((part) => (typeof part === 'string' ? Buffer.from(part, 'latin1') : part));
    if (this.#reader === undefined) this.#reports.push(own);
    else {
      this.#reader.resolve(own);
      this.#reader = undefined;
    }
  }

  subscribe(topic: string): void {
    this.topics++;
    this.report(`\u0001${topic}`);
  }

  unsubscribe(topic: string): void {
    this.topics--;
    this.report(`\0${topic}`);
  }

  /** Something happens to its connections. */
  happens(type: string): void {
    if (this.#watcher === undefined) this.#events.push({ type });
    else {
      this.#watcher.resolve({ type });
      this.#watcher = undefined;
    }
  }

  async receive(): Promise<Uint8Array[]> {
    this.reads++;
    if (this.closed) throw gone();
    const report = this.#reports.shift();
    if (report !== undefined) return report;
    this.#reader = deferred();
    return this.#reader.promise;
  }

  async send(parts: Uint8Array[]): Promise<void> {
    if (this.closed) throw gone();
    if (this.error !== undefined) throw this.error;
    const texts = parts.map((part) => Buffer.from(part).toString());
    const [topic = ''] = texts;
    for (const subscription of this.full) if (topic.startsWith(subscription)) throw full();
    if (this.sending !== undefined) await this.sending.promise;
    this.sent.push(texts);
  }

  async sendPast(parts: Uint8Array[]): Promise<void> {
    if (this.closed) throw gone();
    const texts = parts.map((part) => Buffer.from(part).toString());
    const [topic = ''] = texts;
    this.sentPast.push(texts);
    // Those without room get nothing, and hold up nobody.
    for (const subscription of this.full) if (topic.startsWith(subscription)) this.full.delete(subscription);
  }

  close(): void {
    this.closed = true;
    this.#reader?.reject(gone());
    this.#reader = undefined;
    this.happens('end');
  }
}
