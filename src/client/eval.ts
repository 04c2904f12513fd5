import { type Limits, watchLimits } from '../async/deadline.ts';
import { deferred } from '../async/deferred.ts';
import { PalmError } from '../protocol/errors.ts';
import type { Bytes } from '../protocol/utf8.ts';
import { type CallSpec, callEnvelope, readAnswer } from './calls.ts';
import type { CallPath } from './path.ts';

/** One payload sent, and the answers it is to have. */
export interface Evaluation extends Limits {
  readonly spec: CallSpec;
  readonly payload: Bytes;
  readonly messages: number;
  readonly errorSentinel: boolean;
}

/**
 * Sends one payload and resolves with its answers. Rejects with `REMOTE`, `TIMEOUT`, `DISCONNECTED`, `CLOSED`, or the
 * signal's reason; whatever it ends with, nothing of it is left.
 */
export async function evaluate(path: CallPath, evaluation: Evaluation): Promise<Bytes[]> {
  const { spec, messages, errorSentinel } = evaluation;
  evaluation.signal?.throwIfAborted();
  const done = deferred<Bytes[]>();
  const answers: Bytes[] = [];
  let id: string | undefined;
  let isOver = false;
  let isAnswered = false;
  const finish = (reason?: { readonly error: unknown }) => {
    if (isOver) return;
    isOver = true;
    release();
    if (id !== undefined) {
      path.mailbox.close(id);
      // The one place that was taken, when no answer gave it back.
      if (!isAnswered) path.inFlight.release(1);
    }
    if (reason === undefined) done.resolve(answers);
    else done.reject(reason.error);
  };
  const expired = () => {
    const came = messages > 1 ? `${answers.length} of ${messages} answers` : 'no answer';
    return path.timeout(spec.function, evaluation.timeout, id === undefined ? undefined : came);
  };
  const release = watchLimits(evaluation, expired, (error) => finish({ error }));

  const send = async () => {
    let { payload } = evaluation;
    if (!path.tryAdmit()) {
      // What waits is sent as it is now.
      payload = new Uint8Array(payload);
      await path.admit();
    }
    if (isOver) return path.inFlight.release(1);
    id = path.mailbox.open({
      answer: (message) => {
        isAnswered = true;
        const answer = readAnswer(message, errorSentinel);
        if (answer instanceof PalmError) return finish({ error: answer });
        answers.push(answer);
        if (answers.length === messages) finish();
      },
      fail: (error) => finish({ error }),
    });
    await path.send([path.encode({ ...callEnvelope(spec, path.topic(id)), payload })]);
  };
  send().catch((error) => finish({ error }));
  return done.promise;
}
