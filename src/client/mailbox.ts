import type { PalmError } from '../protocol/errors.ts';
import type { PalmMessage } from '../protocol/message.ts';

/** A call that waits for answers. */
export interface OpenCall {
  answer(message: PalmMessage): void;
  /** It will get no more answers: to what was sent before break `number` of the path, if that is given. */
  fail(error: PalmError, number?: number): void;
}

/** The calls that were sent and are not done, by their id. */
export class Mailbox {
  readonly #calls = new Map<string, OpenCall>();
  #next = 1;
  #unclaimed = 0;

  /** Answers that came for no call that waits: late ones, and ones beyond those asked for. */
  get unclaimed(): number {
    return this.#unclaimed;
  }

  /** Registers a call, before it is sent: the answer may come at once. Gives its id, which it may have had before. */
  open(call: OpenCall, id = (this.#next++).toString(36)): string {
    this.#calls.set(id, call);
    return id;
  }

  close(id: string): void {
    this.#calls.delete(id);
  }

  get(id: string): OpenCall | undefined {
    const call = this.#calls.get(id);
    if (call === undefined) this.#unclaimed++;
    return call;
  }

  /** Ids of the calls that wait. */
  ids(): string[] {
    return [...this.#calls.keys()];
  }

  /** Fails those of the calls that still wait, and gives how many they are. */
  fail(ids: readonly string[], error: PalmError, number?: number): number {
    let failed = 0;
    for (const id of ids) {
      const call = this.#calls.get(id);
      if (this.#calls.delete(id)) failed++;
      call?.fail(error, number);
    }
    return failed;
  }
}
