/**
 * The names of this transport at NATS: addresses, subjects and streams. `<c>` is the cluster, `<s>` the server of an address.
 *
 *     palm.<c>.in.<s>                what is pushed to the server        stream PALM_<c>_IN_<s>
 *     palm.<c>.in.<s>.prompt         calls of clients that wait for few  in the same stream
 *     palm.<c>.in.<s>.<n>            its lanes from the second on        in the same stream
 *     palm.<c>.work.<s>              what it pushes to its pullers       stream PALM_<c>_WORK_<s>
 *     palm.<c>.out.<s>.<topic>       what it publishes                   stream PALM_<c>_OUT, for all servers
 *     palm.<c>.sub.<s>.<topic>       who subscribes to that: asked whether there is anybody
 *     palm.<c>.come.<s>              the topic that somebody has just subscribed to
 *     palm.<c>.big.<id>.<n>          pieces of frames                    stream PALM_<c>_BIG, for all servers
 *     palm.<c>.big.runs.<s>.<n>      how often message n was begun       in the same stream
 *     palm.<c>.cache.<s>.v.<key>     a value of its cache                stream PALM_<c>_CACHE_<s>
 *     palm.<c>.cache.<s>.p.<id>.<n>  pieces of a large one               in the same stream
 *     palm.<c>.at.<kind>.<s>         who is bound there: asked by those that dial
 *     palm.<c>.any.<s>               as what it is bound, whatever the kind
 *     palm.<c>.news.<kind>.<s>       `here` or `gone`, and which end
 *     palm.<c>.who.<kind>.<s>        asks all that are bound there for news: `is`, and which end
 *     palm.<c>.end.<id>.<verb>       one bound end: ping, attach, detach, ask.<link>
 *     palm.<c>.link.<id>             one dialled end: asked whether it is there
 *     palm.<c>.readers.<queue>       `here`, `gone` or `who`, said by those that share a queue
 *     palm.<c>.reader.<id>.<verb>    one of them: ping, held
 *
 * Who shares what the server publishes has a consumer `<own>_<hash>` of PALM_<c>_OUT, named by its own address and by the topic.
 */
import { createHash } from 'node:crypto';
import { NATS_LANES } from '../../src/flow-control.ts';
import { inspectValue, invalidCall } from '../../src/protocol/errors.ts';
import { randomId } from '../../src/protocol/ids.ts';
import { escaped } from '../../src/protocol/printable.ts';

/** The consumer that all readers of a server's calls share. */
export const READERS = 'frond';

/** Characters of a hash in the name of a consumer. */
const HASH = 16;

/** What an end is bound as. */
export type EndKind = 'reply' | 'pull' | 'push' | 'publish';

/** What an end says when it is asked for: its id, and behind it as what it shares the address, if it does. */
export function writeEnd(id: string, shared: string | undefined): string {
  return shared === undefined ? id : `${id} ${shared}`;
}

/** Reads that. */
export function readEnd(said: string): { readonly id: string; readonly shared: string | undefined } {
  const space = said.indexOf(' ');
  if (space === -1) return { id: said, shared: undefined };
  return { id: said.slice(0, space), shared: said.slice(space + 1) };
}

/** Bytes of a server's name in a subject: the names of streams have 255. */
const LONGEST_SERVER = 128;

/** Characters of a subject that carries a topic. A line of NATS's protocol has 4,096 bytes, and a longer one ends the connection. */
const LONGEST_SUBJECT = 2_048;

/** Begins the names that the system chooses. What is made for them goes with who bound them. */
const CHOSEN = '*';

/** The address for which a name is chosen. */
export const ANY = 'nats:*';

const UNFIT = /[.*>%\s\p{Cc}\\/]|^$/gu;
const utf8 = new TextEncoder();

/** A name as one token of a subject: what has a meaning there is `%XX`, byte by byte, and an empty name is `%`. */
export function encodeToken(text: string): string {
  return text.replace(UNFIT, (own) => {
    if (own === '') return '%';
    return [...utf8.encode(own)]
      .map((byte) => `%${byte.toString(16).padStart(2, '0').toUpperCase()}`)
      .join('');
  });
}

/** The name that a token stands for. */
export function decodeToken(token: string): string {
  return token === '%' ? '' : decodeURIComponent(token);
}

/** Whether the system chose the name of an address. */
export function isChosen(address: string): boolean {
  return address.startsWith(`nats:${CHOSEN}`);
}

/** The address to bind: `nats:*` becomes one with a random name. */
export function chosen(address: string): string {
  return address === ANY ? `nats:${CHOSEN}${randomId()}` : address;
}

/**
 * The address of a further end of a server. All have one, but for those of pushed work: a Master pulls calls and results of workers. Masters that
 * share an address have a number each there, since what one has pushed is nothing to another.
 */
export function besideOf(address: string, option: string): string {
  return option.startsWith('worker') ? `${address}/workers${NUMBERED}` : address;
}

/** Ends an address that gets a number when it is bound. */
const NUMBERED = '/*';

/** The addresses that may be bound for one, the first that is free; undefined for an address that is bound as it is. */
export function numbered(address: string): ((number: number) => string) | undefined {
  if (!address.endsWith(NUMBERED)) return undefined;
  const own = address.slice(0, -NUMBERED.length);
  return (number) => (number === 1 ? own : `${own}/${number}`);
}

/** @throws PalmError `INVALID_CALL` when it is not `nats:<server>`. */
export function checkNatsAddress(address: unknown): void {
  const [, name] = (typeof address === 'string' && /^nats:(?!\/\/)(\S+)$/u.exec(address)) || [];
  if (name !== undefined && escaped(name) === name && utf8.encode(encodeToken(name)).length <= LONGEST_SERVER)
    return;
  const hint = String(address).startsWith('nats://') ? '; where NATS is, the option servers says' : '';
  throw invalidCall(
    `over NATS an address is 'nats:<server>', with a name without spaces and of at most ${LONGEST_SERVER} bytes, not ${inspectValue(address)}${hint}`,
  );
}

/** The subjects and streams of a cluster. */
export class ClusterNames {
  readonly #cluster: string;

  constructor(cluster: string) {
    this.#cluster = encodeToken(cluster);
  }

  /** The stream of all publications. */
  get out(): StreamName {
    return this.#stream('OUT', 'out.>');
  }

  /** The stream of the pieces of frames that one message cannot hold. */
  get big(): StreamName {
    return this.#stream('BIG', 'big.>');
  }

  /** The subjects of all that is pushed to servers, or that they push. */
  queues(kind: 'in' | 'work'): string {
    return this.#subject(`${kind}.*`);
  }

  /** The subject of a piece, or with `>` of all pieces of a frame. */
  piece(id: string, number: number | '>'): string {
    return this.#subject(`big.${id}.${number}`);
  }

  /** The subject of a verb of a bound end. */
  end(id: string, verb: string): string {
    return this.#subject(`end.${id}.${verb}`);
  }

  /** The subject of a dialled end. */
  link(id: string): string {
    return this.#subject(`link.${id}`);
  }

  /** The subject of what those say who share a queue. */
  readers(queue: string): string {
    return this.#subject(`readers.${queue}`);
  }

  /** The subject of a verb of one of them. */
  reader(id: string, verb: string): string {
    return this.#subject(`reader.${id}.${verb}`);
  }

  /** What is published under a subject, as the queue of those that bind an address. */
  published(subject: string, address: string): SharedQueue {
    const own = encodeToken(address.slice('nats:'.length));
    const name = `${own}_${createHash('sha256').update(subject).digest('base64url').slice(0, HASH)}`;
    const { stream } = this.out;
    return { stream, consumer: name, subject, name, isOnly: false, runs: (seq) => this.#runs(name, seq) };
  }

  /** The name of the server whose ends share a consumer that {@link published} names; undefined for one that it does not. */
  sharedBy(consumer: string): string | undefined {
    const end = consumer.length - HASH - 1;
    return consumer[end] === '_' ? decodeToken(consumer.slice(0, end)) : undefined;
  }

  /** The names of the server at an address. */
  server(address: string): ServerNames {
    const server = encodeToken(address.slice('nats:'.length));
    const out = this.#subject(`out.${server}.`);
    const sub = this.#subject(`sub.${server}.`);
    return {
      address,
      server,
      calls: this.#callsOf(server),
      promptCalls: this.#callsOf(server, 'prompt'),
      lanes: Array.from({ length: NATS_LANES - 1 }, (_, i) => this.#callsOf(server, `${i + 2}`)),
      pull: this.#stream(`IN_${server}`, `in.${server}`),
      cache: this.#stream(`CACHE_${server}`, `cache.${server}.>`),
      value: (key) => this.#subject(`cache.${server}.v.${key}`),
      valuePiece: (id, number) => this.#subject(`cache.${server}.p.${id}.${number}`),
      push: this.#stream(`WORK_${server}`, `work.${server}`),
      at: (kind) => this.#subject(`at.${kind}.${server}`),
      any: this.#subject(`any.${server}`),
      who: (kind) => this.#subject(`who.${kind}.${server}`),
      news: (kind) => this.#subject(`news.${kind}.${server}`),
      published: `${out}>`,
      topicSubject: (topic) => topicSubject(out, topic),
      topicOf: (subject) => subject.slice(out.length).split('.').map(decodeToken).join('/'),
      filters: (topic) => topicFilters(out, topic),
      come: this.#subject(`come.${server}`),
      listener: (topic) => topicSubject(sub, topic),
      listeners: (topic) => topicFilters(sub, topic),
    };
  }

  /** A queue in the stream of a server's calls. @param kind - which one; left out, the first. */
  #callsOf(server: string, kind?: string): SharedQueue {
    const end = (mark: string) => (kind === undefined ? '' : mark + kind);
    return {
      stream: this.#stream(`IN_${server}`, '').stream,
      consumer: READERS + end('-'),
      subject: this.#subject(`in.${server}${end('.')}`),
      name: server + end('%'),
      isOnly: true,
      runs: (seq) => this.#runs(server, seq),
    };
  }

  #runs(queue: string, seq: number): string {
    return this.#subject(`big.runs.${queue}.${seq}`);
  }

  #subject(rest: string): string {
    return `palm.${this.#cluster}.${rest}`;
  }

  /** A cluster's name must end where the next part begins, so an underline of its own is encoded. */
  #stream(rest: string, subject: string): StreamName {
    return {
      stream: `PALM_${this.#cluster.replaceAll('_', '%5F')}_${rest}`,
      subject: this.#subject(subject),
    };
  }
}

function tokensOf(topic: string): string {
  return topic.split('/').map(encodeToken).join('.');
}

function topicSubject(under: string, topic: string): string | undefined {
  const subject = under + tokensOf(topic);
  return subject.length > LONGEST_SUBJECT ? undefined : subject;
}

function topicFilters(under: string, topic: string): readonly string[] {
  if (topic.endsWith('/')) return [`${under}${tokensOf(topic.slice(0, -1))}.>`];
  return ['', '.>'].map((end) => `${under}${tokensOf(topic)}${end}`);
}

/** Messages that several ends share. */
export interface SharedQueue {
  readonly stream: string;
  /** The consumer of the stream that they read by, and the subject of what it gives. */
  readonly consumer: string;
  readonly subject: string;
  /** Its name as one token, which no other queue has. */
  readonly name: string;
  /** Whether nobody else reads its messages. */
  readonly isOnly: boolean;
  /** The subject that keeps how often the message at a place was begun. */
  runs(seq: number): string;
}

/** A stream, and the subject that it stores. */
export interface StreamName {
  readonly stream: string;
  readonly subject: string;
}

/** The subjects and streams of the server at an address. */
export interface ServerNames {
  readonly address: string;
  /** The server as one token. */
  readonly server: string;
  /** What is pushed to it. */
  readonly pull: StreamName;
  /** What it pushes. */
  readonly push: StreamName;
  /** The subjects of all that it publishes. */
  readonly published: string;
  readonly any: string;
  /** What its cache keeps. */
  readonly cache: StreamName;
  /** The subject of a value. */
  value(key: string): string;
  /** The subject of a piece of a value, or of all its pieces. */
  valuePiece(id: string, number: number | '*'): string;
  /** What is pushed to it, as a queue that several share. */
  readonly calls: SharedQueue;
  /** What goes past that, in the same stream. */
  readonly promptCalls: SharedQueue;
  /** Further queues like `calls`, in the same stream. */
  readonly lanes: readonly SharedQueue[];
  at(kind: EndKind): string;
  who(kind: EndKind): string;
  news(kind: EndKind): string;
  /** The subject of a topic; undefined when it is too long. */
  topicSubject(topic: string): string | undefined;
  topicOf(subject: string): string;
  /** What a subscription to a topic takes: the topic itself, unless it ends in a slash, and all below it. */
  filters(topic: string): readonly string[];
  /** The subject of topics that somebody has just subscribed to. */
  readonly come: string;
  /** The subject that all who subscribe to a topic hear; undefined when it is too long. */
  listener(topic: string): string | undefined;
  /** What those hear so who subscribe to what {@link filters} takes. */
  listeners(topic: string): readonly string[];
}
