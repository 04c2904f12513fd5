import { type Limits, startTimer, watchLimits } from '../async/timers.ts';
import { deferred } from '../async/deferred.ts';
import { throwIfAborted } from '../async/signals.ts';
import { PalmError } from '../protocol/errors.ts';
import { type PalmMessage, Status } from '../protocol/message.ts';
import type { Bytes } from '../protocol/bytes.ts';
import { type CallSpec, callEnvelope, readAnswer } from './call.ts';
import type { CallPath } from './call-link.ts';

/**
 * Milliseconds that the other answers of an eval may take once one has failed. Parts of one message are answered at about
 * the same time, and behind what a generator throws no more come.
 */
const REST_TIMEOUT = 1_000;

/** One payload sent, and the answers it is to have. */
export interface Evaluation<T> extends Limits {
  readonly spec: CallSpec;
  readonly payload: Bytes;
  /** How many; with 0 it is over when the payload has left. */
  readonly messages: number;
  readonly errorSentinel: boolean;
  /** What the caller gets of a good answer. @throws PalmError that says why it cannot be read. */
  readonly decode: (answer: Bytes) => T;
}

/**
 * Sends one payload and resolves with its answers. Rejects with `REMOTE`, `TIMEOUT`, `DISCONNECTED`, `CLOSED`, each with the
 * good answers that came, or the signal's reason; whatever it ends with, nothing of it is left.
 */
export async function evaluate<T>(path: CallPath, evaluation: Evaluation<T>): Promise<T[]> {
  const { spec, messages } = evaluation;
  throwIfAborted(evaluation.signal);
  const done = deferred<T[]>();
  const answers: T[] = [];
  let left = messages;
  /** The first that is no good answer. */
  let failure: unknown;
  let stopRest = () => {};
  let id: string | undefined;
  let isOver = false;
  const finish = (error = failure) => {
    if (isOver) return;
    isOver = true;
    release();
    stopRest();
    if (id !== undefined) {
      path.mailbox.close(id);
      // The one place that was taken, when an answer was to give it back, and none did.
      if (left === messages && messages > 0) path.inFlight.release(1);
    }
    if (error === undefined) done.resolve(answers);
    else if (error instanceof PalmError && answers.length > 0)
      // One of its own: others may have failed with the same.
      done.reject(new PalmError(error.code, error.message, { ...error, cause: error, results: answers }));
    else done.reject(error);
  };
  const expired = () => {
    const came = messages > 1 ? `${answers.length} of ${messages} answers` : 'no answer';
    return failure ?? path.timeout(spec.function, evaluation.timeout, id === undefined ? undefined : came);
  };
  const release = watchLimits(evaluation, expired, finish);
  const answer = (message: PalmMessage) => {
    left--;
    try {
      const given = readAnswer(message, evaluation.errorSentinel);
      if (given instanceof PalmError) throw given;
      answers.push(evaluation.decode(given));
    } catch (error) {
      stopRest();
      stopRest = startTimer(REST_TIMEOUT, finish);
      failure ??= error;
    }
    // What is refused is so as a whole.
    if (left === 0 || message.status === Status.refused) finish();
  };

  const send = async () => {
    let { payload } = evaluation;
    if (!path.tryAdmit()) {
      // What waits is sent as it is now.
      payload = new Uint8Array(payload);
      await path.admit();
    }
    if (isOver) return path.inFlight.release(1);
    id = path.mailbox.open({ answer: messages > 0 ? answer : () => {}, fail: finish });
    await path.send([path.encode({ ...callEnvelope(spec, path.topic(id)), payload })]);
    if (messages === 0) finish();
  };
  send().catch(finish);
  return done.promise;
}
