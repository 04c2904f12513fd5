/** What eval and job have in common: checking a call, its envelope, and reading an answer. */

import { deferred } from '../async/deferred.ts';
import { throwIfAborted } from '../async/signals.ts';
import { type CallLimits, startTimer, watchLimits } from '../async/timers.ts';
import { type Bytes, encodeUtf8 } from '../protocol/bytes.ts';
import { inspectValue, invalidCall, PalmError } from '../protocol/errors.ts';
import { joinPath, parsePath } from '../protocol/function-path.ts';
import { type PalmMessage, palmMessage, Status } from '../protocol/message.ts';
import { clipped, escaped, remoteReason } from '../protocol/printable.ts';
import type { CallLink } from './call-link.ts';

/** The function to call: `server.function`, or a list of them, one for each stage of a pipeline. */
export type FunctionPath = string | readonly string[];

/** What all messages of one client say alike. */
export interface MessageDefaults {
  /** The client's stream id or session. */
  readonly pipeline: string;
  /** {@link Feature} bits. */
  readonly features: number;
}

/** A call as it was checked. */
export interface CallSpec extends MessageDefaults {
  readonly function: string;
  readonly cache: string;
}

/**
 * Checks a call to the server called `serverName`.
 * @throws PalmError `INVALID_CALL` when a stage is not `server.function`, when the first is another server's, which would
 * answer the wrong thing or nothing, or when `cache` is no text.
 */
export function checkCall(
  path: FunctionPath,
  serverName: string,
  cache: unknown,
  stream: MessageDefaults,
): CallSpec {
  const [entry] = parsePath(path);
  if (entry?.server !== serverName) {
    const first = inspectValue(typeof path === 'string' ? path : path[0]);
    throw invalidCall(`this client calls server '${serverName}' first: '${serverName}.…', not ${first}`);
  }
  if (typeof cache !== 'string') throw invalidCall(`cache must be a text, not ${inspectValue(cache)}`);
  encodeUtf8(cache);
  return { function: joinPath(path), cache, ...stream };
}

/** The envelope of a call, its payload to be filled in. */
export function callEnvelope(spec: CallSpec, client: string): PalmMessage {
  const { pipeline, features, cache } = spec;
  return palmMessage({ pipeline, client, function: spec.function, cache, features });
}

const SENTINEL = 0x30;

/** Characters of a function's or error's name in an error: more tell nobody anything. */
const LONGEST_NAME = 200;

/**
 * The payload of an answer.
 * @param errorSentinel - whether a payload of one byte, `0`, is a failed call.
 * @returns the payload, or the `REMOTE` error that the answer stands for.
 */
export function readAnswer(message: PalmMessage, errorSentinel: boolean | undefined): Bytes | PalmError {
  const { payload, status } = message;
  if (status === Status.ok) {
    if (!(errorSentinel && payload.length === 1 && payload[0] === SENTINEL)) return payload;
    const text = `${nameOf(message.function)} answered '0': in pylm the function raised or does not exist; see the server's log`;
    return new PalmError('REMOTE', text, { sent: true });
  }
  const name = message.errorName === '' ? undefined : nameOf(message.errorName);
  const what = status === Status.refused ? 'was refused' : 'failed';
  const text = `${nameOf(message.function)} ${what}: ${name === undefined ? '' : `${name}: `}${remoteReason(message.error)}`;
  const code = status === Status.refused ? 'FORBIDDEN' : 'REMOTE';
  return new PalmError(code, text, { sent: true, ...(name !== undefined && { remoteName: name }) });
}

/** A function's or error's name as an error shows it. */
export function nameOf(text: string): string {
  return escaped(clipped(text, LONGEST_NAME));
}

/**
 * Milliseconds that the other answers of an eval may take once one has failed. Parts of one message are answered at about
 * the same time, and behind what a generator throws no more come.
 */
const REST_TIMEOUT = 1_000;

/** One payload sent, and the answers it is to have. */
export interface Evaluation<T> extends CallLimits {
  readonly spec: CallSpec;
  readonly payload: Bytes;
  /** How many; with 0 it is over when the payload has left. */
  readonly messages: number;
  readonly errorSentinel: boolean | undefined;
  /** What the caller gets of a good answer. @throws PalmError that says why it cannot be read. */
  readonly decode: (answer: Bytes) => T;
}

/**
 * Sends one payload and resolves with its answers. Rejects with `REMOTE`, `TIMEOUT`, `DISCONNECTED`, `CLOSED`, each with the
 * good answers that came, or the signal's reason; whatever it ends with, nothing of it is left.
 */
export async function evaluate<T>(link: CallLink, evaluation: Evaluation<T>): Promise<T[]> {
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
      link.mailbox.close(id);
      // The one place that was taken, when an answer was to give it back, and none did.
      if (left === messages && messages > 0) link.inFlight.release(1);
    }
    if (error === undefined) done.resolve(answers);
    else if (error instanceof PalmError && answers.length > 0)
      // One of its own: others may have failed with the same.
      done.reject(new PalmError(error.code, error.message, { ...error, cause: error, results: answers }));
    else done.reject(error);
  };
  const expired = () => {
    const came = messages > 1 ? `${answers.length} of ${messages} answers` : 'no answer';
    return (
      failure ?? link.timeout(nameOf(spec.function), evaluation.timeout, id === undefined ? undefined : came)
    );
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
    if (!link.tryAdmit()) {
      // What waits is sent as it is now.
      payload = new Uint8Array(payload);
      await link.admit();
    }
    if (isOver) return link.inFlight.release(1);
    id = link.mailbox.open({ answer: messages > 0 ? answer : () => {}, fail: finish });
    await link.send([link.encode({ ...callEnvelope(spec, link.topic(id)), payload })]);
    if (messages === 0) finish();
  };
  send().catch(finish);
  return done.promise;
}
