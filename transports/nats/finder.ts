/** How a dialled end finds the end that is bound at its address, and learns that it is gone. */
import { type Deferred, deferred } from '../../src/async/deferred.ts';
import { atMost } from '../../src/async/timers.ts';
import { decodeUtf8 } from '../../src/protocol/bytes.ts';
import { messageOf, PalmError } from '../../src/protocol/errors.ts';
import type { NatsLink, SessionUser } from './link.ts';
import { type ClusterNames, type EndKind, readEnd, type ServerNames } from './names.ts';
import { bytesOf, type Message } from './packages.ts';
import { isGone } from './presence.ts';
import { NOTHING, type Session } from './session.ts';

/** Milliseconds in which an end that is there answers, unless its process computes. */
const ANSWER_TIMEOUT = 2_000;

/** How often something else has to be found at an address before that is an error: a server binds one end after the other. */
const OTHERS = 3;

/** Stands for all ends that share an address: what goes through streams does not end with one of them. */
export const ANY_END = '*';

/** Told of the end that is looked for. */
export interface EndListener {
  /** It is there, with this id. It counts as found once this resolves. */
  found(session: Session, end: string): Promise<void>;
  /** It was there, and is gone. */
  gone(error: PalmError): void;
  /** Something else is there, or NATS does not let it be reached. */
  refused(error: PalmError): void;
  /** Nobody is there. The next attempt follows after `delay` milliseconds. */
  absent(reason: string, attempt: number, delay: number): void;
}

/** Looks for a bound end until it is closed. */
export class EndFinder implements SessionUser {
  readonly #link: NatsLink;
  readonly #cluster: ClusterNames;
  readonly #names: ServerNames;
  readonly #address: string;
  readonly #kind: EndKind;
  readonly #listener: EndListener;
  /** The one end that is looked for, of several. */
  readonly #only: string | undefined;
  #session: Session | undefined;
  /** How often something else was there, in a row. */
  #others = 0;
  /** The end that is there. */
  #end: string | undefined;
  /** Resolved to look again at once. */
  #wake: Deferred<void> = deferred();
  /** Whether it is to look, whatever is known of other ends. */
  #mustLook = false;

  constructor(
    link: NatsLink,
    cluster: ClusterNames,
    address: string,
    kind: EndKind,
    listener: EndListener,
    only?: string,
  ) {
    this.#only = only;
    this.#link = link;
    this.#cluster = cluster;
    this.#names = cluster.server(address);
    this.#address = address;
    this.#kind = kind;
    this.#listener = listener;
  }

  start(): void {
    this.#link.use(this);
  }

  close(): void {
    this.#link.leave(this);
    this.#session = undefined;
    this.look();
  }

  /** Looks again at once. */
  look(): void {
    this.#mustLook = true;
    this.#wake.resolve();
    this.#wake = deferred();
  }

  up(session: Session): void {
    this.#session = session;
    const news = session.subscribe(this.#names.news(this.#kind), (message) => this.#heard(session, message));
    this.#search(session)
      // The session ended, and the next one begins anew.
      .catch(() => {})
      .finally(() => news.unsubscribe());
  }

  down(error: PalmError): void {
    this.#session = undefined;
    this.#lose(error);
    this.look();
  }

  failed(error: PalmError, attempt: number, delay: number): void {
    if (error.code === 'DISCONNECTED') this.#listener.absent(error.message, attempt, delay);
    else this.#listener.refused(error);
  }

  async #search(session: Session): Promise<void> {
    for (let attempt = 1; session === this.#session; attempt++) {
      const wake = this.#wake.promise;
      const end = await this.#dial(session, attempt);
      if (session !== this.#session) return;
      if (end === undefined) {
        await atMost(this.#link.settings.heartbeat, wake);
        continue;
      }
      this.#end = end;
      try {
        await this.#listener.found(session, end);
      } catch (error) {
        if (session !== this.#session) return;
        this.#end = undefined;
        this.#refuse(session, error, attempt);
        await atMost(this.#link.settings.heartbeat, wake);
        continue;
      }
      attempt = 0;
      await this.#watch(session, end);
    }
  }

  /** The end that is bound there. */
  async #dial(session: Session, attempt: number): Promise<string | undefined> {
    const { heartbeat } = this.#link.settings;
    const only = this.#only;
    try {
      if (only !== undefined) {
        const isThere = await session.ask(this.#cluster.end(only, 'ping'), NOTHING, ANSWER_TIMEOUT);
        return isThere === undefined ? undefined : only;
      }
      const answer = await session.ask(this.#names.at(this.#kind), NOTHING, ANSWER_TIMEOUT);
      const others = this.#others;
      this.#others = 0;
      if (answer !== undefined) return this.#read(decodeUtf8(bytesOf(answer)));
      const other = await session.ask(this.#names.any, NOTHING, ANSWER_TIMEOUT);
      if (other === undefined) {
        this.#listener.absent(`nobody is bound at ${this.#address}`, attempt, heartbeat);
      } else {
        const kind = decodeUtf8(bytesOf(other));
        // The end that is looked for was bound in between.
        if (kind === this.#kind) return undefined;
        const text = `${this.#address} is bound to ${kind}, not to ${this.#kind}`;
        this.#others = others + 1;
        if (this.#others < OTHERS) this.#listener.absent(text, attempt, heartbeat);
        else this.#listener.refused(new PalmError('PROTOCOL', text, { sent: false }));
      }
    } catch (error) {
      if (session !== this.#session) throw error;
      this.#refuse(session, error, attempt);
    }
    return undefined;
  }

  /** The end that is meant by what one says: where several share an address, all of them, but for one whom requests are sent to. */
  #read(said: string): string {
    const { id, shared } = readEnd(said);
    return shared === undefined || this.#kind === 'reply' ? id : ANY_END;
  }

  /** Tells why the end was not reached: NATS does not permit it, or there was no answer. */
  #refuse({ violation }: Session, cause: unknown, attempt: number): void {
    if (violation === undefined)
      this.#listener.absent(messageOf(cause), attempt, this.#link.settings.heartbeat);
    else this.#listener.refused(new PalmError('FORBIDDEN', `NATS: ${violation}`, { sent: false, cause }));
  }

  /** Resolves when the end is gone. One that computes is not. */
  async #watch(session: Session, end: string): Promise<void> {
    const { settings, watched } = this.#link;
    const isOne = end !== ANY_END;
    const subject = isOne ? this.#cluster.end(end, 'ping') : this.#names.at(this.#kind);
    const forget = watched.add(this.#address, { isOne, look: () => this.look() });
    this.#mustLook = false;
    while (this.#end === end && session === this.#session) {
      await atMost(settings.heartbeat, this.#wake.promise);
      if (this.#end !== end || session !== this.#session) break;
      const isToldOf = !isOne && watched.hasOne(this.#address);
      if (isToldOf && !this.#mustLook) continue;
      this.#mustLook = false;
      if ((await isGone(session, subject, this.#wake.promise)) && session === this.#session)
        this.#lose(this.#goneError());
    }
    forget();
  }

  #heard(session: Session, message: Message): void {
    if (session !== this.#session) return;
    const [what, end] = decodeUtf8(bytesOf(message)).split(' ');
    if (what === 'is') return;
    if (what === 'gone' && end === this.#end) this.#lose(this.#goneError());
    this.look();
  }

  #goneError(): PalmError {
    return new PalmError('DISCONNECTED', `the server at ${this.#address} is gone`, { sent: 'unknown' });
  }

  #lose(error: PalmError): void {
    if (this.#end === undefined) return;
    this.#end = undefined;
    this.#listener.gone(error);
    this.#link.watched.lost(this.#address);
  }
}
