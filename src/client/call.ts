/** A call: how it is checked, its envelope, how an answer is read, and `eval`. */

import { deferred } from '../async/deferred.ts';
import { throwIfAborted } from '../async/signals.ts';
import { type CallLimits, startTimer, watchLimits } from '../async/timers.ts';
import { type Bytes, encodeUtf8 } from '../protocol/bytes.ts';
import { inspectValue, invalidCall, mustBe, PalmError } from '../protocol/errors.ts';
import { decodeFailure } from '../protocol/failure-details.ts';
import { parsePath } from '../protocol/function-path.ts';
import { EMPTY_MESSAGE, Feature, NO_BYTES, type PalmMessage, Status } from '../protocol/message.ts';
import { clipped, escaped, remoteReason } from '../protocol/printable.ts';
import type { CallLink } from './call-link.ts';

/** The function to call: `server.function`, or a list of them, one for each stage of a pipeline. */
export type FunctionPath = string | readonly string[];

/** The fields that all messages of one client share. */
export interface MessageDefaults {
  /** The client's stream id or session. */
  readonly pipeline: string;
  /** {@link Feature} bits. */
  readonly features: number;
  /** The field that holds the metadata. */
  readonly metadata?: Bytes | undefined;
}

/** A call that was checked. */
export interface CallSpec extends MessageDefaults {
  readonly function: string;
  readonly cache: string;
  /** Its id in the mailbox, where it has to be known before; a new one unless given. */
  readonly id?: string;
}

/**
 * Checks a call to the server called `serverName`.
 * @throws PalmError `INVALID_CALL` when a stage is not `server.function`, when the first stage names another server, or when
 * `cache` is not a string.
 */
export function checkCall(
  path: FunctionPath,
  serverName: string,
  cache: unknown,
  defaults: MessageDefaults,
): CallSpec {
  const [entry] = parsePath(path);
  if (entry?.server !== serverName) {
    const first = inspectValue(typeof path === 'string' ? path : path[0]);
    throw invalidCall(`this client calls server '${serverName}' first: '${serverName}.…', not ${first}`);
  }
  if (typeof cache !== 'string') throw mustBe('cache', 'a string', cache);
  encodeUtf8(cache);
  return { function: typeof path === 'string' ? path : path.join(' '), cache, ...defaults };
}

/** @throws PalmError `INVALID_CALL` when payloads cannot be taken from it. */
export function checkInput(payloads: unknown): void {
  if (payloads !== null && typeof payloads === 'object') {
    // A stream where those cannot be iterated yet, as in Safari, and a Blob.
    if (Symbol.asyncIterator in payloads || 'getReader' in payloads) return;
    if ('stream' in payloads && 'slice' in payloads) return;
    // A Uint8Array is iterable too, but its bytes are not what was meant.
    if (Symbol.iterator in payloads && !ArrayBuffer.isView(payloads)) return;
  }
  throw mustBe('payloads', 'an iterable, a stream or a Blob', payloads);
}

/** The envelope of a call. The caller sets its payload. */
export function callEnvelope(spec: CallSpec, client: string): PalmMessage {
  const { pipeline, features, cache, metadata } = spec;
  const unknown = metadata ?? NO_BYTES;
  return { ...EMPTY_MESSAGE, pipeline, client, function: spec.function, cache, features, unknown };
}

const SENTINEL = 0x30;

/** Characters of a function's or error's name that an error shows. */
const LONGEST_NAME = 200;

/**
 * The payload of an answer.
 * @param errorSentinel - whether a payload of one byte, `0`, means that the call failed.
 * @returns the payload, or the `REMOTE`, `FORBIDDEN` or `INVALID_CALL` error that the answer stands for.
 */
export function readAnswer(message: PalmMessage, errorSentinel: boolean | undefined): Bytes | PalmError {
  const { payload, status } = message;
  if (status === Status.ok) {
    if (!(errorSentinel && payload.length === 1 && payload[0] === SENTINEL)) return payload;
    const text = `${nameOf(message.function)} answered '0': in pylm it raised or does not exist: see its log`;
    return new PalmError('REMOTE', text, { sent: true });
  }
  const name = message.errorName === '' ? undefined : nameOf(message.errorName);
  const what = status === Status.refused ? 'was refused' : 'failed';
  const text = `${nameOf(message.function)} ${what}: ${name === undefined ? '' : `${name}: `}${remoteReason(message.error)}`;
  const code =
    status === Status.refused ? 'FORBIDDEN' : status === Status.invalid ? 'INVALID_CALL' : 'REMOTE';
  return new PalmError(code, text, { sent: true, remoteName: name, ...decodeFailure(payload) });
}

/** The name of a function or error, as an error shows it. */
export function nameOf(text: string): string {
  return escaped(clipped(text, LONGEST_NAME));
}

/**
 * Milliseconds in which the other answers of an eval may come after one has failed. Parts of one message are answered at about the
 * same time, and no more answers come after a generator has thrown.
 */
const REST_TIMEOUT = 1_000;

/** One payload, and the answers that are wanted. */
export interface Evaluation<T> extends CallLimits {
  readonly spec: CallSpec;
  readonly payload: Bytes;
  /** Number of answers. With 0, the eval ends when the payload has left. */
  readonly messages: number;
  readonly errorSentinel: boolean | undefined;
  /** The value of a good answer. @throws PalmError when it cannot be read. */
  readonly decode: (answer: Bytes) => T;
}

/**
 * Sends one payload and resolves with its answers. Rejects with `REMOTE`, `TIMEOUT`, `DISCONNECTED` or `CLOSED`, each with the
 * good answers that came, or with the signal's reason. However it ends, it leaves no timer, listener or entry behind.
 */
export async function evaluate<T>(link: CallLink, evaluation: Evaluation<T>): Promise<T[]> {
  const { spec, messages } = evaluation;
  throwIfAborted(evaluation.signal);
  const done = deferred<T[]>();
  const answers: T[] = [];
  let left = messages;
  /** The error of the first bad answer. */
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
      // An answer gives the place back, but none came.
      if (left === messages && messages > 0) link.inFlight.release(1);
      if (left > 0) link.cancel(id, spec, error);
    }
    if (error === undefined) done.resolve(answers);
    else if (error instanceof PalmError && answers.length > 0)
      // A new error: the same one may be given to other calls.
      done.reject(new PalmError(error.code, error.message, { ...error, cause: error, results: answers }));
    else done.reject(error);
  };
  const expired = () => {
    const came = messages > 1 ? `${answers.length} of ${messages} answers` : 'no answer';
    return failure ?? link.timeout(nameOf(spec.function), evaluation.timeout, id && came);
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
    // A refusal is for the whole call.
    if (left === 0 || message.status === Status.refused) finish();
  };

  const send = async () => {
    let { payload } = evaluation;
    if (!link.tryAdmit()) {
      // A copy: the caller may change its payload while this waits.
      payload = new Uint8Array(payload);
      await link.admit();
      // Over a broken link the answer would be lost, and nothing would say so.
      while (!link.isReady && !isOver) {
        link.inFlight.release(1);
        await link.admit();
      }
    }
    if (isOver) return link.inFlight.release(1);
    id = link.mailbox.open({ answer: messages > 0 ? answer : () => {}, fail: finish }, spec.id);
    const message = callEnvelope(spec, link.topic(id));
    message.payload = payload;
    message.features |= Feature.single;
    await link.send([link.encode(message)]);
    if (messages === 0) finish();
  };
  send().catch(finish);
  return done.promise;
}
