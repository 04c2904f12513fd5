/** How a session goes on at another relay, when the one that had it is gone. */
import { type Frame, type RelayFrame, readRelayFrame } from '../relay-protocol/frames.ts';
import { Incoming } from '../relay-protocol/pieces.ts';
import { MESSAGE_ROOM, ReliableLog } from '../relay-protocol/reliable-log.ts';
import { AdoptableSession } from './adoptable.ts';
import type { SessionLog, SessionReader, SessionTerms, SharedSession } from './shared-session.ts';

const TERMS = ['client', 'maxFrame', 'window', 'heaviest', 'keyPrefix'] as const;

/** Has all that passes through a session kept as another relay needs it. */
export function keep(session: SharedSession, terms: SessionTerms, events: SessionReader): void {
  const log = new KeepingLog(session.log, events);
  const through = (incoming: SharedSession['incoming']) => ({
    whole: (frames: readonly RelayFrame[]) => log.kept.took(incoming.whole(frames)),
  });
  session.log = log;
  session.incoming = through(session.incoming);
  session.goesOn = (id, now) => {
    // Under other terms what is under way may not be acceptable.
    if (TERMS.some((name) => now[name] !== terms[name])) return false;
    session.id = id;
    session.incoming = through(new Incoming(readRelayFrame, terms.maxFrame + MESSAGE_ROOM));
    log.beginAnew();
    return true;
  };
}

/** The logs of a session with one relay after another. */
class KeepingLog implements SessionLog {
  readonly kept: AdoptableSession;
  /** That with the relay which has the session now. */
  #log: SessionLog;
  #isNew = false;

  constructor(log: SessionLog, events: SessionReader) {
    this.#log = log;
    this.kept = new AdoptableSession(
      (frame, flow) => this.#log.post(frame, flow),
      (frames) => events.arrived(frames),
    );
  }

  /** Another relay has the session: what is kept is posted to it once there is a connection. */
  beginAnew(): void {
    this.#log = new ReliableLog();
    this.#isNew = true;
  }

  get received(): number {
    return this.#log.received;
  }

  post(frame: Frame, flow?: () => string): void {
    this.kept.post(frame, flow);
  }

  resume(...connection: Parameters<SessionLog['resume']>): void {
    this.#log.resume(...connection);
    if (!this.#isNew) return;
    this.#isNew = false;
    this.kept.adopted();
  }

  readonly take: SessionLog['take'] = (...message) => this.#log.take(...message);
  readonly tell: SessionLog['tell'] = (frame) => this.#log.tell(frame);
  readonly ping: SessionLog['ping'] = () => this.#log.ping();
  readonly hold: SessionLog['hold'] = () => this.#log.hold();
  readonly release: SessionLog['release'] = () => this.#log.release();
  readonly suspend: SessionLog['suspend'] = () => this.#log.suspend();
}
