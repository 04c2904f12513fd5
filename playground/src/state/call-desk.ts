import { signal } from '@preact/signals';
import { type CallProgress, PalmError } from 'frond';
import type { Connection } from './connection.ts';
import { decodeAs, encodeAs, type Format, isFormat } from './formats.ts';
import type { Link } from './link.ts';
import { unlessAborted } from './unless-aborted.ts';
import { wholeNumber } from './whole-number.ts';

export interface Answer {
  readonly path: string;
  /** One, or as many as were asked for. */
  readonly parts: readonly { readonly shown: string; readonly as: Format; readonly size: number }[];
  /** Milliseconds that the call took. */
  readonly took: number;
}

export type CallState =
  | { readonly type: 'idle' }
  /** With how far the function says that it is, if it does. */
  | { readonly type: 'calling'; readonly progress: CallProgress | undefined }
  | { readonly type: 'answered'; readonly answer: Answer }
  | { readonly type: 'failed'; readonly error: unknown; readonly took: number };

/** Milliseconds after which the page shows that it waits for an answer. */
const PATIENCE = 60;

/** What a call uses of the page. */
export interface CallPage {
  readonly link: Link;
  readonly connection: Connection;
}

/** One call: made from the link's fields, with its outcome. */
export class CallDesk {
  readonly state = signal<CallState>({ type: 'idle' });
  readonly #page: CallPage;
  #abort: AbortController | undefined;

  constructor(page: CallPage) {
    this.#page = page;
  }

  /**
   * Makes the call, unless it is shown that the last one still waits for its answer.
   * @param answers - what answers are written in, where the server says it. Default: the format of the payload.
   */
  async run(answers?: Format): Promise<void> {
    if (this.state.peek().type === 'calling') return;
    const { link, connection } = this.#page;
    const { fn, payload, cache, session } = link.value;
    const format = isFormat(link.value.format) ? link.value.format : 'text';
    this.#abort?.abort(new PalmError('CANCELLED', 'another call was made'));
    const abort = new AbortController();
    this.#abort = abort;
    // Most answers arrive before a person could read that they are awaited.
    let progress: CallProgress | undefined;
    const waiting = setTimeout(() => {
      this.state.value = { type: 'calling', progress };
    }, PATIENCE);
    let started = performance.now();
    try {
      const messages = wholeNumber('Answers to wait for', link.value.messages, 1);
      const timeout = wholeNumber('Time-out in ms', link.value.timeout, 1);
      const bytes = encodeAs(format, payload);
      const { client, stages } = await unlessAborted(connection.clientFor(fn, session), abort.signal);
      started = performance.now();
      const given = await client.eval(stages, bytes, {
        messages,
        timeout,
        signal: abort.signal,
        onProgress: (told) => {
          progress = told;
          if (this.#abort === abort && this.state.peek().type === 'calling')
            this.state.value = { type: 'calling', progress };
        },
        ...(cache !== '' && { cache }),
      });
      const took = performance.now() - started;
      const parts = [given]
        .flat()
        .map((answer) => ({ ...decodeAs(answers ?? format, answer), size: answer.length }));
      this.state.value = { type: 'answered', answer: { path: fn, parts, took } };
    } catch (caught) {
      // Also when it was aborted while connecting.
      const error = abort.signal.aborted ? abort.signal.reason : caught;
      if (this.#abort === abort)
        this.state.value = { type: 'failed', error, took: performance.now() - started };
    } finally {
      clearTimeout(waiting);
    }
  }

  abort(): void {
    this.#abort?.abort(new PalmError('CANCELLED', 'you aborted the call'));
  }
}
