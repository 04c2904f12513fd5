/** Gives again what an end had that is gone, where several share a queue. NATS itself waits for half a minute: it does not know who is gone. */
import { startTimer } from '../../src/async/timers.ts';
import { type Bytes, decodeUtf8, encodeUtf8 } from '../../src/protocol/bytes.ts';
import type { NatsHost } from './host.ts';
import type { ServerNames } from './names.ts';
import { bytesOf, type NatsSubscription } from './packages.ts';
import { isGone } from './presence.ts';
import { NOTHING, type Session } from './session.ts';
import { READERS } from './streams.ts';

/** The verb of an end that is asked what it has. */
export const HELD = 'held';

/** Milliseconds in which an end that does not compute says what it has. */
const ANSWER_TIMEOUT = 2_000;

/** Milliseconds in which an end that was lost may be back: its connection to NATS may only have broken. It has kept what it had. */
const BACK = 300;

/** Milliseconds after the begin in which others say that they are there, and those that an outage ended are back. */
const ARRIVAL = 500;

/** Milliseconds in which what was given to an end is with it. */
const ON_ITS_WAY = 100;

/** Places that are given again at once. Where more lie between the first and the last, most are settled, and NATS's own wait has to do. */
const MOST_PLACES = 200_000;

/**
 * One of the ends that share a queue: the one whose id is the first of all asks each heartbeat whether the others are there, and they ask for
 * that one. What nobody has who is there was given to one that is gone, and is given again: NATS takes that word from anybody. A process that
 * was killed without a neighbour is found by the next one, which looks once when it begins.
 *
 * Calls may run twice for it, when an end is away from NATS for longer than {@link BACK}: its results have names, so nobody sees two.
 */
export class Reclaimer {
  readonly #host: NatsHost;
  readonly #names: ServerNames;
  readonly #places: () => readonly number[];
  readonly #others = new Set<string>();
  #session: Session | undefined;
  #id = '';
  #news: NatsSubscription | undefined;
  #stopTimer: (() => void) | undefined;
  /** Whether there may be something of an end that is gone. */
  #isOwed = false;

  /** @param places - the places of what this end has in the stream. */
  constructor(host: NatsHost, names: ServerNames, places: () => readonly number[]) {
    this.#host = host;
    this.#names = names;
    this.#places = places;
  }

  /** Looks after the others from now on, as the end with this id. */
  begin(session: Session, id: string): void {
    this.#session = session;
    this.#id = id;
    this.#isOwed = true;
    this.#news = session.subscribe(this.#names.news('pull'), (message) => {
      const [what, end = id] = decodeUtf8(bytesOf(message)).split(' ');
      if (what === 'gone') this.#others.delete(end);
      else if (end !== id) this.#others.add(end);
    });
    session.publish(this.#names.who('pull'), NOTHING);
    this.#lookIn(ARRIVAL);
  }

  end(): void {
    this.#session = undefined;
    this.#others.clear();
    this.#news?.unsubscribe();
    this.#stopTimer?.();
  }

  /** What this end has, for the one that asks. */
  answer(): Bytes {
    return encodeUtf8(writePlaces(this.#places()));
  }

  #lookIn(delay: number): void {
    this.#stopTimer = startTimer(delay, () => void this.#look());
  }

  async #look(): Promise<void> {
    const session = this.#session;
    if (session === undefined) return;
    let delay = this.#host.link.settings.heartbeat;
    const watched = this.#isFirst() ? [...this.#others] : [this.#first()];
    const gone = await Promise.all(watched.map((end) => isGone(session, this.#ping(end))));
    if (session !== this.#session) return;
    if (gone.includes(true)) {
      for (const [index, end] of watched.entries()) if (gone[index]) this.#others.delete(end);
      this.#isOwed = true;
      delay = BACK;
    } else if (this.#isOwed && this.#isFirst()) {
      const isDone = await this.#reclaim(session).catch(() => false);
      if (session !== this.#session) return;
      this.#isOwed = !isDone;
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

  #ping(end: string): string {
    return this.#host.names.end(end, 'ping');
  }

  /** Rejects, or gives false, when it cannot be said yet what nobody has. */
  async #reclaim(session: Session): Promise<boolean> {
    const { stream } = this.#names.pull;
    const given = await session.manager.consumers.info(stream, READERS);
    if (given.num_ack_pending === 0) return true;
    const first = given.ack_floor.stream_seq + 1;
    const { stream_seq: last, consumer_seq: count } = given.delivered;
    if (last - first >= MOST_PLACES) return true;
    const held = new Set<number>();
    // Twice: what comes while it is asked for is with nobody once.
    for (let round = 0; round < 2; round++) {
      await new Promise<void>((resolve) => startTimer(ON_ITS_WAY, resolve));
      const ends = [...this.#others].map((end) => this.#host.names.end(end, HELD));
      const answers = await Promise.all(ends.map((end) => session.ask(end, NOTHING, ANSWER_TIMEOUT)));
      for (const answer of answers)
        if (answer !== undefined)
          for (const place of placesIn(decodeUtf8(bytesOf(answer)), first, last)) held.add(place);
      for (const place of this.#places()) held.add(place);
    }
    for (let place = first; place <= last; place++)
      if (!held.has(place)) session.publish(againSubject(stream, place, count), AGAIN);
    return true;
  }
}

const AGAIN = encodeUtf8('-NAK');

/**
 * The address that comes with a message and takes what is said of it: how often and where it was given, of which nats-server looks at the place
 * in the stream, and at whether so many were given.
 */
function againSubject(stream: string, place: number, given: number): string {
  return `$JS.ACK.${stream}.${READERS}.1.${place}.${given}.1.0`;
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
