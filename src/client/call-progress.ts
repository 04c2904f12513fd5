/** Hears how far functions are, for callers that want to know. Loaded when a client first has one. */
import { harmless } from '../async/harmless.ts';
import type { Logger } from '../logging.ts';
import type { Bytes } from '../protocol/bytes.ts';
import { messageOf } from '../protocol/errors.ts';
import { type PalmMessage, Status } from '../protocol/message.ts';
import { type Progress, progressCall, progressField, readProgress } from '../protocol/progress.ts';
import type { CallSpec } from './call.ts';
import type { CallLink, OpenCall } from './call-link.ts';

/** How far a function is that a call runs. */
export interface CallProgress extends Progress {
  /** The function, as `server.function`: of a pipeline, that of the stage which says it. */
  readonly function: string;
  /** Index of the input of a map; undefined for `eval` and for a job, whose inputs are not numbered. */
  readonly index: number | undefined;
}

/** Takes progress. What it throws is logged, once, and it hears no more of that call. */
export type ProgressListener = (progress: CallProgress) => unknown;

/** Results that end. */
interface Ending {
  onEnd(listener: () => void): void;
}

/**
 * Runs a call whose caller wants to hear of progress.
 * @param kind - of an `eval` the progress ends with its answer, of others with their results.
 * @param run - sends what it is given.
 */
export async function withProgress(
  link: CallLink,
  logger: Logger,
  kind: 'eval' | 'job' | 'map',
  listener: ProgressListener,
  spec: CallSpec,
  run: (spec: CallSpec) => unknown,
): Promise<unknown> {
  const inbox = new ProgressInbox(link, logger, listener, spec.function.split(' '));
  let isRunning = false;
  try {
    const outcome = await run({
      ...spec,
      id: inbox.call,
      metadata: joined(progressField(inbox.call), spec.metadata),
    });
    if (kind !== 'eval') {
      (outcome as Ending).onEnd(() => inbox.close());
      isRunning = true;
    }
    return outcome;
  } finally {
    if (!isRunning) inbox.close();
  }
}

/** Takes the messages of progress of one call, under a topic of their own. */
class ProgressInbox implements OpenCall {
  /** The id that the call is to have. Its progress is named after it, so that a relay keeps the two in order. */
  readonly call: string;
  readonly #link: CallLink;
  readonly #logger: Logger;
  readonly #stages: readonly string[];
  readonly #id: string;
  #listener: ProgressListener | undefined;
  #isClosed = false;

  constructor(link: CallLink, logger: Logger, listener: ProgressListener, stages: readonly string[]) {
    this.#link = link;
    this.#logger = logger;
    this.#listener = listener;
    this.#stages = stages;
    this.call = link.mailbox.open(this);
    link.mailbox.close(this.call);
    this.#id = link.mailbox.open(this, progressCall(this.call));
  }

  answer({ status, payload, stage, ordinal }: PalmMessage): void {
    const listener = this.#listener;
    const progress = status === Status.progress ? readProgress(payload) : undefined;
    if (listener === undefined || progress === undefined) return;
    const stages = this.#stages;
    const path = stages[stage] ?? stages.join(' ');
    const index = ordinal > 0 ? ordinal - 1 : undefined;
    harmless(
      () => listener({ ...progress, function: path, index }),
      (error) => {
        if (this.#listener === undefined) return;
        this.#listener = undefined;
        this.#logger.warning('onProgress threw, and hears no more', {
          function: path,
          reason: messageOf(error),
        });
      },
    );
  }

  /** The link broke. A map may send its inputs again. */
  fail(): void {
    if (!this.#isClosed) this.#link.mailbox.open(this, this.#id);
  }

  close(): void {
    this.#isClosed = true;
    this.#listener = undefined;
    this.#link.mailbox.close(this.#id);
  }
}

function joined(field: Bytes, more: Bytes | undefined): Bytes {
  if (more === undefined) return field;
  const whole = new Uint8Array(field.length + more.length);
  whole.set(field);
  whole.set(more, field.length);
  return whole;
}
