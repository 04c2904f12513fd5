/** The bound ends. */

import { type Deferred, deferred } from '../../src/async/deferred.ts';
import { harmless } from '../../src/async/harmless.ts';
import { atMost } from '../../src/async/timers.ts';
import { type Bytes, decodeUtf8, encodeUtf8 } from '../../src/protocol/bytes.ts';
import { invalidCall, isClosed } from '../../src/protocol/errors.ts';
import { randomId } from '../../src/protocol/ids.ts';
import type {
  Answer,
  BatchSource,
  Binding,
  BindOptions,
  BoundPublish,
  BoundPull,
  BoundPush,
  CloseOptions,
  Delivery,
  Settler,
} from '../../src/transport.ts';
import { Absences } from './absences.ts';
import { pack } from './frames.ts';
import type { NatsHost } from './host.ts';
import type { SessionUser } from './link.ts';
import { type EndKind, isChosen, readEnd, type ServerNames, writeEnd } from './names.ts';
import { bytesOf, type Message, type NatsSubscription } from './packages.ts';
import { QueueReader } from './queue-reader.ts';
import { StreamSender } from './sender.ts';
import { NOTHING, type Session } from './session.ts';
import { SharedCalls } from './shared-calls.ts';
import { ensureCalls, ensureOut, ensureQueue } from './streams.ts';
import { LinkWatch } from './watch.ts';

/** Milliseconds in which an end that has the address already says so. One that computes longer is joined. */
const TAKEN_TIMEOUT = 1_000;

/** Milliseconds in which ends that came to an address at the same time hear of each other. */
const CONTEST = 200;

/** Milliseconds by default in which what was accepted may leave when an end is closed. */
const DRAIN_TIMEOUT = 1_000;

/** Milliseconds before streams that could not be made are tried again. */
const PREPARE_AGAIN = 500;

/** Milliseconds between two looks at whether a stream is read to its end. */
const LOOK_AGAIN = 20;

/** A bound end. With each session it has another id, so that those who dialled it learn that what was under way is gone. */
abstract class Bound implements Binding, SessionUser {
  protected readonly host: NatsHost;
  protected readonly names: ServerNames;
  readonly address: string;
  readonly #kind: EndKind;
  /** As what others may have the address with it. */
  readonly #shared: string | undefined;
  #id = '';
  /** The session over which it has what it needs. */
  #prepared: Session | undefined;
  /** Resolves when it is found. */
  #serving: Promise<void> | undefined;
  #subscriptions: NatsSubscription[] = [];
  #session: Session | undefined;
  #closing: Promise<void> | undefined;

  constructor(host: NatsHost, address: string, kind: EndKind, { shared }: BindOptions = {}) {
    this.host = host;
    this.address = address;
    this.names = host.names.server(address);
    this.#kind = kind;
    this.#shared = shared;
  }

  /**
   * Binds it.
   * @throws PalmError `INVALID_CALL` when the address is taken, and why NATS is not reached or does not let it.
   */
  async bind(): Promise<this> {
    const session = await this.host.link.led(async (own) => {
      if (await this.isTaken())
        throw invalidCall(
          `${this.address} is already bound: choose another name, or bind 'nats:*' for a free one`,
        );
      await this.prepare(own);
      return own;
    });
    this.#prepared = session;
    this.host.link.use(this);
    await this.#serving;
    await session.flush();
    return this;
  }

  /** Whether others have the address that do not share it. */
  async isTaken(): Promise<boolean> {
    const session = await this.host.link.connected();
    const other = await session.ask(this.names.at(this.#kind), NOTHING, TAKEN_TIMEOUT).catch(() => undefined);
    return other !== undefined && !this.#shares(readEnd(decodeUtf8(bytesOf(other))).shared);
  }

  /** Whether another end has come to the address at the same time, and goes before this one. */
  async mustYield(): Promise<boolean> {
    const session = this.#session;
    if (session === undefined) return false;
    let mustYield = false;
    const news = session.subscribe(this.names.news(this.#kind), (message) => {
      const [what, id = this.#id] = decodeUtf8(bytesOf(message)).split(' ');
      if (what !== 'gone' && id < this.#id) mustYield = true;
    });
    session.publish(this.names.who(this.#kind), NOTHING);
    await atMost(CONTEST, session.ended);
    news.unsubscribe();
    return mustYield;
  }

  up(session: Session): void {
    this.#session = session;
    this.#serving = this.#begin(session);
  }

  down(): void {
    this.#session = undefined;
    this.#subscriptions = [];
    this.leave();
  }

  failed(): void {}

  close({ timeout = DRAIN_TIMEOUT }: CloseOptions = {}): Promise<void> {
    this.#closing ??= this.#close(timeout);
    return this.#closing;
  }

  protected get isClosed(): boolean {
    return this.#closing !== undefined;
  }

  protected get isShared(): boolean {
    return this.#shared !== undefined;
  }

  protected get session(): Session | undefined {
    return this.#session;
  }

  /** Whether another end has the address, too. Ask when this one has left it. */
  protected async hasOthers(): Promise<boolean> {
    if (!this.isShared) return false;
    const asked = this.host.link.session?.ask(this.names.at(this.#kind), NOTHING, TAKEN_TIMEOUT);
    return (await asked?.catch(() => NOTHING)) !== undefined;
  }

  /** Has the streams made that it needs. */
  protected async prepare(_session: Session): Promise<void> {}
  /** It is found from now on, over this session. */
  protected enter(_session: Session): void {}
  /** The session has ended, or it is closed. */
  protected leave(): void {}
  /** Takes what is sent to this end: a verb, and what the verb is about. */
  protected take(_session: Session, _verb: string, _about: string, _message: Message): void {}
  /** Lets what was accepted leave, in so many milliseconds. */
  protected async drain(_timeout: number): Promise<void> {}
  /** Lets go of what it has at NATS. */
  protected async finish(): Promise<void> {}

  #shares(shared: string | undefined): boolean {
    return this.#shared !== undefined && this.#shared === shared;
  }

  async #close(timeout: number): Promise<void> {
    await this.drain(timeout);
    this.host.link.leave(this);
    const session = this.#session;
    this.#session = undefined;
    for (const subscription of this.#subscriptions) subscription.unsubscribe();
    session?.publish(this.names.news(this.#kind), encodeUtf8(`gone ${this.#id}`));
    this.leave();
    await this.finish();
    await session?.flush();
    this.host.release(this);
  }

  /** After an outage streams may be without a leader for a moment. */
  async #begin(session: Session): Promise<void> {
    while (session === this.#session) {
      try {
        if (session !== this.#prepared) await this.prepare(session);
        this.#prepared = session;
        if (session === this.#session) this.#serve(session);
        return;
      } catch {
        await atMost(PREPARE_AGAIN, session.ended);
      }
    }
  }

  #serve(session: Session): void {
    const id = randomId();
    this.#id = id;
    this.enter(session);
    const answer = (text: string) => {
      const data = encodeUtf8(text);
      return ({ reply }: Message) => reply && session.publish(reply, data);
    };
    const start = this.host.names.end(id, '').length;
    this.#subscriptions = [
      session.subscribe(this.host.names.end(id, '>'), (message) => {
        const [verb = '', about = ''] = message.subject.slice(start).split('.');
        if (verb === 'ping' && message.reply) session.publish(message.reply, NOTHING);
        else this.take(session, verb, about, message);
      }),
      session.subscribe(this.names.any, answer(this.#kind), 'any'),
      session.subscribe(this.names.who(this.#kind), () =>
        session.publish(this.names.news(this.#kind), encodeUtf8(`is ${id}`)),
      ),
      session.subscribe(this.names.at(this.#kind), answer(writeEnd(id, this.#shared)), 'at'),
    ];
    session.publish(this.names.news(this.#kind), encodeUtf8(`here ${id}`));
  }
}

export class NatsReply extends Bound {
  readonly #answer: Answer;
  readonly #watch: LinkWatch;

  constructor(host: NatsHost, address: string, answer: Answer, options?: BindOptions) {
    super(host, address, 'reply', options);
    this.#answer = answer;
    this.#watch = new LinkWatch(host.names, host.link.settings.heartbeat);
  }

  protected override enter(session: Session): void {
    this.#watch.begin(session);
  }

  protected override leave(): void {
    this.#watch.end();
  }

  protected override async finish(): Promise<void> {
    if (isChosen(this.address) && !(await this.hasOthers()))
      await deleteStream(this.host, this.names.cache.stream);
  }

  protected override take(session: Session, verb: string, about: string, message: Message): void {
    if (verb === 'detach') this.#watch.gone(about);
    // A request whose pieces are gone, or whose session has ended, has nobody to answer to: its link breaks.
    if (verb === 'ask') this.#reply(session, about, message).catch(() => {});
  }

  async #reply(session: Session, link: string, message: Message): Promise<void> {
    const { frames, link: nats } = this.host;
    const [request] = await frames.read(session, message, true);
    const { reply } = message;
    if (request === undefined || reply === undefined) return;
    const answer = await this.#answer(request, {
      link,
      onGone: (listener) => this.#watch.onGone(link, session, listener),
    });
    const { data, headers } = await frames.fit(session, pack([answer]), nats.settings.resultAge);
    session.publish(reply, data, headers);
  }
}

export class NatsPull extends Bound implements BoundPull {
  readonly #shared: SharedCalls | undefined;
  readonly #reader: QueueReader | SharedCalls;

  constructor(host: NatsHost, address: string, options?: BindOptions) {
    super(host, address, 'pull', options);
    const lost = () => host.report({ type: 'lost', address, topic: '', count: 1 });
    this.#shared = this.isShared ? new SharedCalls(host, this.names, lost) : undefined;
    this.#reader = this.#shared ?? new QueueReader(host.link, this.names.pull, true, host.frames, lost);
  }

  get settler(): Settler | undefined {
    return this.#shared;
  }

  get prompt(): BatchSource<Bytes> | undefined {
    return this.#shared?.prompt;
  }

  get lanes(): readonly BatchSource<Bytes>[] | undefined {
    return this.#shared?.lanes;
  }

  [Symbol.asyncIterator](): AsyncIterator<Bytes[], undefined> {
    return this.#reader.batches();
  }

  stop(): void {
    this.#reader.stop();
  }

  protected override async prepare(session: Session): Promise<void> {
    const { settings } = this.host.link;
    if (this.#shared === undefined) await ensureQueue(session, this.names.pull, settings);
    else this.#shared.madeAt(Date.parse((await ensureCalls(session, this.names, settings)).created));
  }

  protected override enter(session: Session): void {
    void this.#reader.read(session);
  }

  protected override leave(): void {
    this.#shared?.leave();
  }

  protected override async finish(): Promise<void> {
    await this.#reader.close();
    if (isChosen(this.address) && !(await this.hasOthers()))
      await deleteStream(this.host, this.names.pull.stream);
  }
}

export class NatsPush extends Bound implements BoundPush {
  readonly #sender: StreamSender;
  readonly #watch: LinkWatch;
  /** The links of those that pull. */
  readonly #pullers = new Set<string>();
  readonly #listeners: (() => void)[] = [];
  #waiting: Deferred<void> | undefined;

  constructor(host: NatsHost, address: string) {
    super(host, address, 'push');
    const { link, frames } = host;
    this.#watch = new LinkWatch(host.names, link.settings.heartbeat);
    const { stream } = this.names.push;
    this.#sender = new StreamSender({
      link,
      frames,
      age: link.settings.queueAge,
      isOpen: () => this.#pullers.size > 0,
      room: (session) => roomOf(session, stream),
    });
  }

  override async bind(): Promise<this> {
    await super.bind();
    this.host.link.use(this.#sender);
    return this;
  }

  get peers(): number {
    return this.#pullers.size;
  }

  onPeers(listener: () => void): void {
    this.#listeners.push(listener);
  }

  async send(frames: readonly Bytes[]): Promise<void> {
    if (this.isClosed) throw isClosed(this.address);
    const { subject } = this.names.push;
    await this.#sender.add(frames.map((frame) => ({ subject, packed: pack([frame]) })));
  }

  protected override async prepare(session: Session): Promise<void> {
    await ensureQueue(session, this.names.push, this.host.link.settings);
  }

  protected override enter(session: Session): void {
    this.#watch.begin(session);
  }

  protected override leave(): void {
    this.#watch.end();
  }

  protected override take(session: Session, verb: string, about: string, { reply }: Message): void {
    if (verb === 'detach') this.#watch.gone(about);
    if (verb !== 'attach') return;
    if (!this.#pullers.has(about)) {
      this.#pullers.add(about);
      this.#watch.onGone(about, session, () => {
        this.#pullers.delete(about);
        this.#tell();
      });
      this.#tell();
      this.#sender.run();
    }
    if (reply) session.publish(reply, NOTHING);
  }

  protected override async drain(timeout: number): Promise<void> {
    // Without a puller nothing can leave.
    if (this.#pullers.size > 0) await atMost(timeout, this.#sender.idle());
    const until = performance.now() + timeout;
    while (isChosen(this.address) && this.#pullers.size > 0 && performance.now() < until) {
      const info = await this.session?.manager.streams.info(this.names.push.stream).catch(() => undefined);
      if (info === undefined || info.state.messages === 0) break;
      this.#waiting = deferred();
      await atMost(LOOK_AGAIN, this.#waiting.promise);
    }
  }

  protected override async finish(): Promise<void> {
    this.#sender.end((sent) => isClosed(this.address, sent));
    if (isChosen(this.address)) await deleteStream(this.host, this.names.push.stream);
  }

  #tell(): void {
    this.#waiting?.resolve();
    for (const listener of this.#listeners) harmless(listener);
  }
}

export class NatsPublish extends Bound implements BoundPublish {
  readonly #sender: StreamSender;
  #absences: Absences | undefined;
  /** Settles when all that was published is stored, or not. */
  #stored: Promise<void> = Promise.resolve();

  constructor(host: NatsHost, address: string, options?: BindOptions) {
    super(host, address, 'publish', options);
    const { link, frames, names } = host;
    this.#sender = new StreamSender({
      link,
      frames,
      age: link.settings.resultAge,
      isOpen: () => true,
      missing: (session) => ensureOut(session, names, link.settings),
    });
  }

  override async bind(): Promise<this> {
    await super.bind();
    this.host.link.use(this.#sender);
    return this;
  }

  async publish(deliveries: readonly Delivery[]): Promise<void> {
    if (this.isClosed) throw isClosed(this.address);
    const messages = [];
    for (const { topic, frames, ids } of deliveries) {
      const subject = this.names.topicSubject(topic);
      // Nobody can subscribe to a topic that is too long.
      if (subject === undefined) continue;
      const id = ids?.length === 1 ? ids[0] : undefined;
      messages.push({ subject, packed: pack(frames, ids), id });
    }
    const stored = Promise.all([this.#stored, this.#sender.add(messages)]).then(() => {});
    // Rejects when this end is closed. Who publishes does not wait for that.
    stored.catch(() => {});
    this.#stored = stored;
    await this.#sender.space();
  }

  stored(): Promise<void> {
    return this.#stored;
  }

  watchSubscribers(
    topics: () => Iterable<string>,
    listener: (topic: string, isThere: boolean) => void,
  ): void {
    const { names, host, session } = this;
    const { heartbeat } = host.link.settings;
    this.#absences?.end();
    this.#absences = new Absences({ names, heartbeat, topics, listener });
    if (session !== undefined) this.#absences.begin(session);
  }

  protected override async prepare(session: Session): Promise<void> {
    await ensureOut(session, this.host.names, this.host.link.settings);
  }

  protected override enter(session: Session): void {
    this.#absences?.begin(session);
  }

  protected override leave(): void {
    this.#absences?.end();
  }

  protected override async drain(timeout: number): Promise<void> {
    await atMost(timeout, this.#sender.idle());
  }

  protected override async finish(): Promise<void> {
    this.#sender.end((sent) => isClosed(this.address, sent));
  }
}

/** Bytes that a stream which refuses has room for. */
export async function roomOf(session: Session, stream: string): Promise<number> {
  const { config, state } = await session.manager.streams.info(stream);
  return config.max_bytes < 0 ? Number.POSITIVE_INFINITY : config.max_bytes - state.bytes;
}

async function deleteStream({ link }: NatsHost, stream: string): Promise<void> {
  await link.session?.manager.streams.delete(stream).catch(() => {});
}
