import { startTimer } from '../../src/async/deadline.ts';

/** Milliseconds that credit waits for more, or for something else that goes to the client. */
const WAIT = 250;
/** Bytes that are told of at once. */
const MOST = 65_536;

/**
 * Credit that is owed to a client: told when it is much, with the answers that go to the client anyway, or after a while.
 * A message for each batch of calls would cost as much as its answers do.
 */
export class Credit {
  readonly #most: number;
  readonly #tell: (bytes: number) => void;
  #owed = 0;
  #stopTimer: (() => void) | undefined;

  /** @param window - bytes that the client may have out: it is not to wait for what is owed. */
  constructor(window: number, tell: (bytes: number) => void) {
    this.#most = Math.min(MOST, window / 4);
    this.#tell = tell;
  }

  add(bytes: number): void {
    this.#owed += bytes;
    if (this.#owed >= this.#most) this.pay();
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
    if (owed > 0) this.#tell(owed);
  }
}
