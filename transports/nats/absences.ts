/** How a publisher learns that a subscriber is gone for good. NATS says only whether somebody listens, and one who does not may come back. */
import { harmless } from '../../src/async/harmless.ts';
import { startTimer } from '../../src/async/timers.ts';
import { NATS_LOOKED_FOR } from '../../src/flow-control.ts';
import { decodeUtf8 } from '../../src/protocol/bytes.ts';
import { isTakenBy } from '../../src/protocol/topics.ts';
import type { ServerNames } from './names.ts';
import { bytesOf } from './packages.ts';
import { isGone } from './presence.ts';
import type { Session } from './session.ts';

/** Heartbeats between two looks. */
const LOOK = 5;

/** Heartbeats after which one who does not listen counts as gone. Behind relays a client may go on at another one for so long. */
export const ABSENCE = 120;

/** Topics that are asked for at the same time. */
const AT_ONCE = 50;

/** A topic that nobody subscribes to. */
interface Absence {
  /** When that was seen first, and when somebody wanted to know of it last, on the clock of `performance.now()`. */
  readonly since: number;
  wanted: number;
  isTold: boolean;
}

export interface AbsencesSettings {
  readonly names: ServerNames;
  /** In milliseconds. */
  readonly heartbeat: number;
  /** Gives topics that somebody wants to know of. Called at each look. */
  readonly topics: () => Iterable<string>;
  /** Called with false at each look at which the subscriber of a topic counts as gone, and with true when there is one again. */
  readonly listener: (topic: string, isThere: boolean) => void;
}

/** Looks again and again whether somebody subscribes to the topics of calls that are not done. */
export class Absences {
  readonly #settings: AbsencesSettings;
  readonly #absences = new Map<string, Absence>();
  #session: Session | undefined;
  #stopTimer = () => {};
  #stopHearing = () => {};

  constructor(settings: AbsencesSettings) {
    this.#settings = settings;
  }

  begin(session: Session): void {
    this.end();
    this.#session = session;
    // What it calls now comes behind this.
    const { come } = this.#settings.names;
    const news = session.subscribe(come, (message) => this.#came(decodeUtf8(bytesOf(message))));
    this.#stopHearing = () => news.unsubscribe();
    this.#lookLater();
  }

  /** Without a session nobody can be asked, and after an outage all have to come back. */
  end(): void {
    this.#session = undefined;
    this.#stopTimer();
    this.#stopHearing();
    for (const topic of [...this.#absences.keys()]) this.#forget(topic);
  }

  #lookLater(): void {
    const session = this.#session;
    if (session === undefined) return;
    this.#stopTimer = startTimer(LOOK * this.#settings.heartbeat, () =>
      this.#look(session).then(() => {
        if (session === this.#session) this.#lookLater();
      }),
    );
  }

  async #look(session: Session): Promise<void> {
    const now = performance.now();
    const topics = this.#wanted(now);
    for (let from = 0; from < topics.length; from += AT_ONCE) {
      await Promise.all(
        topics.slice(from, from + AT_ONCE).map(async (topic) => {
          const subject = this.#settings.names.listener(topic);
          // Nobody can subscribe to a topic that is too long.
          if (subject === undefined) return;
          const isAbsent = await isGone(session, subject);
          if (session === this.#session) this.#found(topic, !isAbsent, now);
        }),
      );
      if (session !== this.#session) return;
    }
  }

  /** What is to be asked for: what is wanted now, and what was absent and wanted a while ago. */
  #wanted(now: number): string[] {
    const wanted = new Set<string>();
    for (const topic of this.#settings.topics()) {
      if (wanted.size === NATS_LOOKED_FOR) break;
      wanted.add(topic);
    }
    for (const [topic, absence] of this.#absences) {
      if (wanted.has(topic)) absence.wanted = now;
      else if (now - absence.wanted >= this.#absence) this.#forget(topic);
      else wanted.add(topic);
    }
    return [...wanted];
  }

  #found(topic: string, isThere: boolean, now: number): void {
    if (isThere) {
      this.#forget(topic);
      return;
    }
    const absence = this.#absences.get(topic) ?? { since: now, wanted: now, isTold: false };
    this.#absences.set(topic, absence);
    if (now - absence.since < this.#absence) return;
    absence.isTold = true;
    harmless(() => this.#settings.listener(topic, false));
  }

  #forget(topic: string): void {
    const absence = this.#absences.get(topic);
    this.#absences.delete(topic);
    if (absence?.isTold) harmless(() => this.#settings.listener(topic, true));
  }

  /** Somebody has just subscribed: of those behind a relay, to what their topics begin with. */
  #came(subscription: string): void {
    for (const topic of [...this.#absences.keys()]) if (isTakenBy(topic, subscription)) this.#forget(topic);
  }

  get #absence(): number {
    return ABSENCE * this.#settings.heartbeat;
  }
}
