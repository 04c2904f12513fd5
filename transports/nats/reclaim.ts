/** Gives again what an end had that is gone, where several share a queue. NATS itself waits for half a minute: it does not know who is gone. */
import { startTimer } from '../../src/async/timers.ts';
import { decodeUtf8, encodeUtf8 } from '../../src/protocol/bytes.ts';
import { randomId } from '../../src/protocol/ids.ts';
import type { NatsHost } from './host.ts';
import type { SharedQueue } from './names.ts';
import { bytesOf, type Message, type NatsSubscription } from './packages.ts';
import { isGone } from './presence.ts';
import { NOTHING, type Session } from './session.ts';

/** What each of them is asked: whether it is there, and what it has. */
const PING = 'ping';
const HELD = 'held';

/** What the others are told when NATS may have given something that nobody has. */
const OWED = 'owed';

/** Milliseconds in which an end that does not compute says what it has. */
const ANSWER_TIMEOUT = 2_000;

/** Milliseconds in which an end that was lost may be back: its connection to NATS may only have broken. It has kept what it had. */
const BACK = 300;

/** Milliseconds after the begin in which others say that they are there, and those that an outage ended are back. */
const ARRIVAL = 500;

/** Milliseconds in which what was given to an end is with it. */
const ON_ITS_WAY = 100;

/** Places that are given again at once. Where more lie between the first and the last, most are settled, or of another queue. */
const MOST_PLACES = 200_000;

/** Places up to which all between the first and the last are given again, and messages that are looked for one by one where there are more. */
const FEW_PLACES = 10_000;
const LOOKED_FOR = 1_000;

/**
 * One of the ends that share a queue: the one whose id is the first of all asks each heartbeat whether the others are there, and they ask for
 * that one. What nobody has who is there was given to one that is gone, or to a question that has ended, and is given again: NATS takes that
 * word from anybody. A process that was killed without a neighbour is found by the next one, which looks once when it begins.
 *
 * Calls may run twice for it, when an end is away from NATS for longer than {@link BACK}: its results have names, so nobody sees two.
 */
export class Reclaimer {
  readonly #host: NatsHost;
  readonly #queues: readonly SharedQueue[];
  /** What the ends that share them speak under. */
  readonly #group: string;
  readonly #places: () => readonly number[];
  readonly #others = new Set<string>();
  #session: Session | undefined;
  #id = '';
  #subscriptions: NatsSubscription[] = [];
  #stopTimer: (() => void) | undefined;
  /** Whether NATS may have given something that nobody has. */
  #isOwed = false;

  /**
   * @param queues - of one stream, which the same ends share.
   * @param places - the places of what this end has in the stream.
   */
  constructor(
    host: NatsHost,
    queues: readonly [SharedQueue, ...SharedQueue[]],
    places: () => readonly number[],
  ) {
    this.#host = host;
    this.#queues = queues;
    this.#group = host.names.readers(queues[0].name);
    this.#places = places;
  }

  /** Looks after the others from now on. */
  begin(session: Session): void {
    this.#session = session;
    this.#id = randomId();
    this.#isOwed = true;
    const { names } = this.#host;
    this.#subscriptions = [
      session.subscribe(names.reader(this.#id, '*'), (message) => this.#asked(session, message)),
      session.subscribe(this.#group, (message) => this.#heard(session, message)),
    ];
    for (const word of [`here ${this.#id}`, 'who']) session.publish(this.#group, encodeUtf8(word));
    this.#lookIn(ARRIVAL);
  }

  /** What an end had asked for has ended without NATS saying so: it may have given something to that since. */
  owe(): void {
    this.#session?.publish(this.#group, encodeUtf8(OWED));
  }

  end(): void {
    const session = this.#session;
    this.#session = undefined;
    session?.publish(this.#group, encodeUtf8(`gone ${this.#id}`));
    this.#others.clear();
    for (const subscription of this.#subscriptions) subscription.unsubscribe();
    this.#subscriptions = [];
    this.#stopTimer?.();
  }

  #asked(session: Session, { subject, reply }: Message): void {
    if (reply === undefined) return;
    const isHeld = subject === this.#host.names.reader(this.#id, HELD);
    session.publish(reply, isHeld ? encodeUtf8(writePlaces(this.#places())) : NOTHING);
  }

  #heard(session: Session, message: Message): void {
    const [word, end = this.#id] = decodeUtf8(bytesOf(message)).split(' ');
    if (word === 'who') session.publish(message.subject, encodeUtf8(`here ${this.#id}`));
    else if (word === OWED) this.#isOwed = true;
    else if (word === 'gone') this.#others.delete(end);
    else if (end !== this.#id) this.#others.add(end);
  }

  #lookIn(delay: number): void {
    this.#stopTimer = startTimer(delay, () => void this.#look());
  }

  async #look(): Promise<void> {
    const session = this.#session;
    if (session === undefined) return;
    let delay = this.#host.link.settings.heartbeat;
    const watched = this.#isFirst() ? [...this.#others] : [this.#first()];
    const subjectOf = (end: string) => this.#host.names.reader(end, PING);
    const gone = await Promise.all(watched.map((end) => isGone(session, subjectOf(end))));
    if (session !== this.#session) return;
    if (gone.includes(true)) {
      for (const [index, end] of watched.entries()) if (gone[index]) this.#others.delete(end);
      this.#isOwed = true;
      delay = BACK;
    } else if (this.#isOwed && this.#isFirst()) {
      const held = (first: number, last: number) => this.#held(session, first, last);
      // Others may say so again meanwhile.
      this.#isOwed = false;
      try {
        await Promise.all(this.#queues.map((queue) => giveAgain(session, queue, held)));
      } catch {
        // What cannot be said now is asked again.
        this.#isOwed = true;
      }
      if (session !== this.#session) return;
    }
    this.#lookIn(delay);
  }

  #first(): string {
    const [first = this.#id] = [...this.#others, this.#id].sort();
    return first;
  }

  #isFirst(): boolean {
    return this.#first() === this.#id;
  }

  /** The places of what somebody has who is there. */
  async #held(session: Session, first: number, last: number): Promise<ReadonlySet<number>> {
    const held = new Set<number>();
    // Twice: what comes while it is asked for is with nobody once.
    for (let round = 0; round < 2; round++) {
      await new Promise<void>((resolve) => startTimer(ON_ITS_WAY, resolve));
      const ends = [...this.#others].map((end) => this.#host.names.reader(end, HELD));
      const answers = await Promise.all(ends.map((end) => session.ask(end, NOTHING, ANSWER_TIMEOUT)));
      for (const answer of answers)
        if (answer !== undefined)
          for (const place of placesIn(decodeUtf8(bytesOf(answer)), first, last)) held.add(place);
      for (const place of this.#places()) held.add(place);
    }
    return held;
  }
}

/** A queue, as what was given of it is given again. */
export type ReadQueue = Pick<SharedQueue, 'stream' | 'consumer' | 'subject' | 'isOnly'>;

/**
 * Has NATS give again what it gave to somebody, and nobody has.
 * @param heldBetween - the places of what somebody has, from a first one to a last.
 * @throws when it cannot be said yet what nobody has.
 */
export async function giveAgain(
  session: Session,
  queue: ReadQueue,
  heldBetween: (first: number, last: number) => ReadonlySet<number> | Promise<ReadonlySet<number>>,
): Promise<void> {
  const { stream, consumer } = queue;
  const given = await session.manager.consumers.info(stream, consumer);
  if (given.num_ack_pending === 0) return;
  const first = given.ack_floor.stream_seq + 1;
  const { stream_seq: last, consumer_seq: count } = given.delivered;
  const places = await placesBetween(session, queue, first, last, given.num_ack_pending);
  const held = await heldBetween(first, last);
  for (const place of places) if (!held.has(place)) session.publish(againSubject(queue, place, count), AGAIN);
}

/**
 * The places that may have been given, from the first that is not settled to the last: all, or those with a message of the queue where that is soon
 * looked for. None where NATS's own wait has to do.
 * @param count - of the messages that were given and are not settled.
 */
async function placesBetween(
  { manager: { streams } }: Session,
  { stream, subject, isOnly }: ReadQueue,
  first: number,
  last: number,
  count: number,
): Promise<Iterable<number>> {
  const found: number[] = [];
  if (last - first < FEW_PLACES || !isOnly || count > LOOKED_FOR) {
    if (last - first < MOST_PLACES) for (let place = first; place <= last; place++) found.push(place);
    return found;
  }
  // The stream removes what is settled, so each message that is found is open.
  for (let seq = first; found.length < 2 * LOOKED_FOR; ) {
    const next = await streams.getMessage(stream, { next_by_subj: subject, seq });
    if (next === null || next.seq > last) break;
    found.push(next.seq);
    seq = next.seq + 1;
  }
  return found;
}

const AGAIN = encodeUtf8('-NAK');

/**
 * The address that comes with a message and takes what is said of it: how often and where it was given, of which nats-server looks at the place
 * in the stream, and at whether so many were given.
 */
function againSubject({ stream, consumer }: ReadQueue, place: number, given: number): string {
  return `$JS.ACK.${stream}.${consumer}.1.${place}.${given}.1.0`;
}

/** Places in any order, as `1-3 7`. */
export function writePlaces(places: readonly number[]): string {
  const ranges: [first: number, last: number][] = [];
  for (const place of [...places].sort((a, b) => a - b)) {
    const range = ranges.at(-1);
    if (range !== undefined && place <= range[1] + 1) range[1] = place;
    else ranges.push([place, place]);
  }
  return ranges.map(([first, last]) => (first === last ? `${first}` : `${first}-${last}`)).join(' ');
}

/** The places of such a text that lie between two others, each once, whatever the text says. */
export function* placesIn(text: string, first: number, last: number): Iterable<number> {
  let next = first;
  for (const range of text.split(' ')) {
    const [from = Number.NaN, to = from] = range.split('-').map(Number);
    if (from <= to) for (next = Math.max(next, from); next <= Math.min(to, last); next++) yield next;
  }
}
