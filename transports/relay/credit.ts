import { startTimer } from '../../src/async/timers.ts';
import { FIRST_WINDOW } from '../relay-protocol/window.ts';

/** Milliseconds that credit waits for more, or for something else that goes to the client. */
const WAIT = 250;
/** Bytes that are told of at once; less where the client may not have four times as much out. */
const MOST = 65_536;

/**
 * Credit that is owed to a client: told when it is much, with the answers that go to the client anyway, or after a while.
 * A message for each batch of calls would cost as much as its answers do.
 */
export class Credit {
  readonly #largest: number;
  /** What the client allows itself by now. */
  #window = FIRST_WINDOW;
  readonly #tell: (bytes: number) => void;
  #owed = 0;
  #stopTimer: (() => void) | undefined;

  /** @param window - bytes that the client may have out: it is not to wait for what is owed. */
  constructor(window: number, tell: (bytes: number) => void) {
    this.#largest = window;
    this.#tell = tell;
  }

  /** @param hasWaited - whether they had to wait for their turn: then what comes early only waits, too, and the client is told late. */
  add(bytes: number, hasWaited: boolean): void {
    this.#owed += bytes;
    const most = hasWaited ? MOST : Math.min(MOST, this.#window / 4);
    if (this.#owed >= Math.min(most, this.#largest / 4)) this.pay();
    else this.#stopTimer ??= startTimer(WAIT, () => this.pay());
  }

  /** Nothing is owed any more. */
  forget(): void {
    this.#owed = 0;
    this.#stopTimer?.();
    this.#stopTimer = undefined;
  }

  /** Tells of what is owed. */
  pay(): void {
    const owed = this.#owed;
    this.forget();
    this.#window += owed;
    if (owed > 0) this.#tell(owed);
  }
}
