/** Finds all ends that answer requests at an address, where several share it. */
import { deferred } from '../../src/async/deferred.ts';
import { startTimer } from '../../src/async/timers.ts';
import { decodeUtf8 } from '../../src/protocol/bytes.ts';
import type { RequestEnd } from '../../src/transport.ts';
import { NatsRequester } from './dialled.ts';
import type { NatsHost } from './host.ts';
import type { SessionUser } from './link.ts';
import type { ServerNames } from './names.ts';
import { bytesOf } from './packages.ts';
import { NOTHING, type Session } from './session.ts';

/** Milliseconds in which an end that was lost may be found again: its link, or the whole connection to NATS, may only have broken. */
const BACK = 2_000;

/** Asks who is there every heartbeat, and hears of those that come. */
export class EachEnd implements SessionUser {
  readonly #host: NatsHost;
  readonly #address: string;
  readonly #names: ServerNames;
  readonly #found: (end: RequestEnd) => void;
  readonly #ends = new Map<string, { close(): void }>();
  #session: Session | undefined;
  #stopTimer: (() => void) | undefined;

  constructor(host: NatsHost, address: string, found: (end: RequestEnd) => void) {
    this.#host = host;
    this.#address = address;
    this.#names = host.names.server(address);
    this.#found = found;
  }

  start(): void {
    this.#host.link.use(this);
  }

  up(session: Session): void {
    this.#session = session;
    session.subscribe(this.#names.news('reply'), (message) => {
      const [what, id] = decodeUtf8(bytesOf(message)).split(' ');
      if (id !== undefined && what !== 'gone' && session === this.#session && !this.#ends.has(id))
        this.#open(id);
    });
    this.#ask(session);
  }

  down(): void {
    this.#session = undefined;
    this.#stopTimer?.();
  }

  failed(): void {}

  async close(): Promise<void> {
    this.#host.link.leave(this);
    this.down();
    for (const end of [...this.#ends.values()]) end.close();
    this.#host.release(this);
  }

  #ask(session: Session): void {
    session.publish(this.#names.who('reply'), NOTHING);
    this.#stopTimer = startTimer(this.#host.link.settings.heartbeat, () => this.#ask(session));
  }

  #open(id: string): void {
    const requester = new NatsRequester(this.#host, this.#address, id);
    const gone = deferred<void>();
    let stopTimer: (() => void) | undefined;
    const close = () => {
      stopTimer?.();
      if (!this.#ends.delete(id)) return;
      gone.resolve();
      void requester.close();
    };
    const mayEnd = () => {
      stopTimer?.();
      stopTimer = startTimer(BACK, () => {
        if (!requester.isReady) close();
      });
    };
    this.#ends.set(id, { close });
    requester.onBreak(mayEnd);
    requester.dial();
    // It may be gone before it is reached.
    mayEnd();
    this.#found({ request: (frame) => requester.request(frame), gone: gone.promise });
  }
}
