/** The dialled ends: what a connection's verbs give. */
import { PendingReplies } from '../../src/async/deferred.ts';
import { Readiness } from '../../src/async/readiness.ts';
import { atMost } from '../../src/async/timers.ts';
import type { Bytes } from '../../src/protocol/bytes.ts';
import { isClosed, PalmError } from '../../src/protocol/errors.ts';
import { randomId } from '../../src/protocol/ids.ts';
import type { Channel, CloseOptions, PendingReply, Puller, Pusher } from '../../src/transport.ts';
import { roomOf } from './bound.ts';
import { ANY_END, EndFinder, type EndListener } from './finder.ts';
import { pack } from './frames.ts';
import type { NatsHost } from './host.ts';
import type { EndKind, ServerNames } from './names.ts';
import type { Message, NatsSubscription } from './packages.ts';
import { QueueReader } from './queue-reader.ts';
import { StreamSender } from './sender.ts';
import { NOTHING, type Session } from './session.ts';

/** Milliseconds in which a bound end that is there takes a puller. */
const ATTACH_TIMEOUT = 2_000;

/** A dialled end: it is ready while an end of its kind is bound at the address. */
export abstract class Dialled extends Readiness implements Channel, EndListener {
  protected readonly host: NatsHost;
  protected readonly names: ServerNames;
  readonly address: string;
  protected readonly finder: EndFinder;

  /** @param only - the one end that is meant, where several share the address. */
  constructor(host: NatsHost, address: string, kind: EndKind, only?: string) {
    super();
    this.host = host;
    this.address = address;
    this.names = host.names.server(address);
    this.finder = new EndFinder(host.link, host.names, address, kind, this, only);
  }

  /** Dials. It is not part of the constructor, because the end may be found at once and needs the complete subclass. */
  dial(): this {
    this.host.report({ type: 'connecting', address: this.address }, this);
    this.finder.start();
    return this;
  }

  async found(session: Session, end: string): Promise<void> {
    await this.attach(session, end);
    if (this.isClosed) return;
    this.host.report({ type: 'connected', address: this.address }, this);
    this.setReady();
    this.entered();
  }

  gone(error: PalmError): void {
    if (this.isClosed) return;
    this.detached();
    if (this.isReady)
      this.host.report({ type: 'disconnected', address: this.address, reason: error.message }, this);
    this.setBroken(error);
    this.broken(error);
  }

  refused(error: PalmError): void {
    if (this.isClosed) return;
    this.host.report(
      {
        type: 'reconnecting',
        address: this.address,
        attempt: 1,
        delay: this.heartbeat,
        reason: error.message,
      },
      this,
    );
    this.setRefused(error);
    this.broken(error);
  }

  absent(reason: string, attempt: number, delay: number): void {
    if (!this.isClosed)
      this.host.report({ type: 'reconnecting', address: this.address, attempt, delay, reason }, this);
  }

  async close({ timeout = 0 }: CloseOptions = {}): Promise<void> {
    if (this.isClosed) return;
    if (timeout > 0) await this.drain(timeout);
    if (this.isClosed) return;
    this.setClosed(isClosed(`the connection to ${this.address}`));
    this.finder.close();
    this.detached();
    await this.finish();
    this.host.release(this);
  }

  protected get heartbeat(): number {
    return this.host.link.settings.heartbeat;
  }

  /** Does what has to be done at the end that was found before this one is ready. */
  protected async attach(_session: Session, _end: string): Promise<void> {}
  /** It is ready. */
  protected entered(): void {}
  /** Lets go of the end, which is gone or left. */
  protected detached(): void {}
  /** The end is gone, or refuses. */
  protected broken(_error: PalmError): void {}
  protected async drain(_timeout: number): Promise<void> {}
  protected async finish(): Promise<void> {}
}

/** A link of its own for each end that was found: the end asks it whether it is there. */
class OwnLink {
  readonly id = randomId();
  readonly #host: NatsHost;
  readonly #session: Session;
  readonly #end: string;
  readonly #subscription: NatsSubscription;

  constructor(host: NatsHost, session: Session, end: string) {
    this.#host = host;
    this.#session = session;
    this.#end = end;
    this.#subscription = session.subscribe(host.names.link(this.id), ({ reply }) => {
      if (reply !== undefined) session.publish(reply, NOTHING);
    });
  }

  /** The subject of a verb of the end that is about this link. */
  subject(verb: string): string {
    return this.#host.names.end(this.#end, `${verb}.${this.id}`);
  }

  close(): void {
    this.#subscription.unsubscribe();
    this.#session.publish(this.subject('detach'), NOTHING);
  }
}

export class NatsRequester extends Dialled {
  readonly #pending = new PendingReplies<Bytes>();
  /** Requests that the server may have. */
  readonly #asked = new Map<number, () => void>();
  #session: Session | undefined;
  #link: OwnLink | undefined;

  constructor(host: NatsHost, address: string, only?: string) {
    super(host, address, 'reply', only);
  }

  request(frame: Bytes): PendingReply {
    const { id, reply } = this.#pending.add();
    this.#sendWhenReady(id, frame);
    return {
      reply,
      cancel: (reason) => {
        this.#forget(id);
        this.#pending.fail(id, reason);
      },
    };
  }

  protected override async attach(session: Session, end: string): Promise<void> {
    this.#session = session;
    this.#link = new OwnLink(this.host, session, end);
  }

  protected override detached(): void {
    this.#link?.close();
    this.#link = undefined;
    this.#session = undefined;
  }

  protected override broken(error: PalmError): void {
    for (const id of [...this.#asked.keys()]) {
      this.#forget(id);
      this.#pending.fail(id, error);
    }
  }

  protected override async finish(): Promise<void> {
    const text = `the connection to ${this.address} was closed before the reply`;
    const closed = (sent: false | 'unknown') => new PalmError('CLOSED', text, { sent });
    this.broken(closed('unknown'));
    this.#pending.failAll(closed(false));
  }

  #sendWhenReady(id: number, frame: Bytes): void {
    this.ready().then(
      () => this.#send(id, frame),
      (error) => this.#pending.fail(id, error),
    );
  }

  async #send(id: number, frame: Bytes): Promise<void> {
    if (!this.#pending.has(id)) return;
    const [session, link] = [this.#session, this.#link];
    if (session === undefined || link === undefined) return this.#sendWhenReady(id, frame);
    const { frames, link: nats } = this.host;
    let packed = pack([frame]);
    try {
      const fitting = frames.fit(session, packed, nats.settings.resultAge);
      packed = fitting instanceof Promise ? await fitting : fitting;
    } catch (error) {
      if (session === this.host.link.session) this.#pending.fail(id, error);
      else this.#sendWhenReady(id, frame);
      return;
    }
    if (!this.#pending.has(id)) return;
    if (link !== this.#link) return this.#sendWhenReady(id, frame);
    const forget = session.send(link.subject('ask'), packed.data, packed.headers, {
      reply: (message) => {
        this.#forget(id);
        if (message !== undefined) return void this.#settle(session, id, message);
        // It has not arrived: the end is gone, which is seen soon.
        this.finder.look();
        atMost(this.heartbeat, new Promise(() => {})).then(() => this.#sendWhenReady(id, frame));
      },
      // The break of this end says so.
      ended: () => {},
    });
    this.#asked.set(id, forget);
  }

  async #settle(session: Session, id: number, message: Message): Promise<void> {
    try {
      const frames = this.host.frames.read(session, message, true);
      const [reply] = frames instanceof Promise ? await frames : frames;
      this.#pending.settle(id, reply ?? NOTHING);
    } catch (error) {
      this.#pending.fail(id, error);
    }
  }

  #forget(id: number): void {
    this.#asked.get(id)?.();
    this.#asked.delete(id);
  }
}

export class NatsPusher extends Dialled implements Pusher {
  readonly #sender: StreamSender;
  /** Whether several may read there: then calls wait in several queues. */
  #isShared = false;
  /** Resolves when it is known in which the last calls are to wait that have been given. */
  #placing: Promise<void> | undefined;

  constructor(host: NatsHost, address: string) {
    super(host, address, 'pull');
    const { link, frames } = host;
    const { stream } = this.names.pull;
    this.#sender = new StreamSender({
      link,
      frames,
      age: link.settings.queueAge,
      isOpen: () => this.isReady,
      room: (session) => roomOf(session, stream),
    });
    link.use(this.#sender);
  }

  async send(frames: readonly Bytes[], ids: readonly string[] = []): Promise<void> {
    while (!this.isReady) await this.ready();
    const mustLook = () => this.#isShared && this.host.lanes.mustLook(frames, this.names);
    if (this.#placing !== undefined || mustLook()) {
      // One behind another: what was given first leaves first.
      const before = this.#placing ?? Promise.resolve();
      const placing = before.then(async () => {
        const { session } = this.host.link;
        if (session !== undefined && mustLook()) await this.host.lanes.look(session, this.names);
      });
      this.#placing = placing;
      await placing;
      if (this.#placing === placing) this.#placing = undefined;
      while (!this.isReady) await this.ready();
    }
    await this.#sender.add(
      frames.map((frame, i) => ({ subject: this.#subjectOf(frame), packed: pack([frame]), id: ids[i] })),
    );
  }

  #subjectOf(frame: Bytes): string {
    const { names, host } = this;
    if (!this.#isShared) return names.pull.subject;
    if (host.promptCalls.goesPast(frame)) return names.promptCalls.subject;
    return host.lanes.queueOf(frame, names).subject;
  }

  protected override async attach(_session: Session, end: string): Promise<void> {
    this.#isShared = end === ANY_END;
  }

  protected override entered(): void {
    this.#sender.run();
  }

  protected override broken(error: PalmError): void {
    this.#sender.drop(error);
  }

  protected override drain(timeout: number): Promise<void> {
    return atMost(timeout, this.#sender.idle());
  }

  protected override async finish(): Promise<void> {
    const text = `the connection to ${this.address} was closed before NATS had stored the message`;
    this.#sender.end((sent) => new PalmError('CLOSED', text, { sent }));
  }
}

export class NatsPuller extends Dialled implements Puller {
  readonly #reader: QueueReader;
  #link: OwnLink | undefined;

  constructor(host: NatsHost, address: string) {
    super(host, address, 'push');
    this.#reader = new QueueReader(host.link, this.names.push, false, host.frames, () =>
      host.report({ type: 'lost', address, topic: '', count: 1 }, this),
    );
  }

  [Symbol.asyncIterator](): AsyncIterator<Bytes[], undefined> {
    return this.#reader.batches();
  }

  protected override async attach(session: Session, end: string): Promise<void> {
    const link = new OwnLink(this.host, session, end);
    const taken = await session
      .ask(link.subject('attach'), NOTHING, ATTACH_TIMEOUT)
      .catch((error: unknown) => {
        link.close();
        throw error;
      });
    if (taken === undefined) {
      link.close();
      throw new PalmError('DISCONNECTED', `the server at ${this.address} is gone`);
    }
    this.#link = link;
    // It goes on when the end is gone: what was pushed before is still there.
    void this.#reader.read(session);
  }

  protected override detached(): void {
    this.#link?.close();
    this.#link = undefined;
  }

  protected override async finish(): Promise<void> {
    await this.#reader.close();
  }
}
