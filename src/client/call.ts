/** What eval and job have in common: checking a call, its envelope, and reading an answer. */
import { callPath, parseCall } from '../protocol/function-path.ts';
import { invalidCall, PalmError, show } from '../protocol/errors.ts';
import { type PalmMessage, palmMessage, Status } from '../protocol/message.ts';
import { clipped, escaped, remoteReason } from '../protocol/printable.ts';
import { type Bytes, encodeUtf8 } from '../protocol/bytes.ts';

/** The function to call: `server.function`, or a list of them, one for each stage of a pipeline. */
export type FunctionPath = string | readonly string[];

/** What all messages of one client say alike. */
export interface StreamMark {
  /** The client's stream id or session. */
  readonly pipeline: string;
  /** {@link Feature} bits. */
  readonly features: number;
}

/** A call as it was checked. */
export interface CallSpec extends StreamMark {
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
  stream: StreamMark,
): CallSpec {
  const [entry] = parseCall(path);
  if (entry?.server !== serverName) {
    const text = `this client is connected to server ${show(serverName)}, so the first function must be '${serverName}.…'`;
    throw invalidCall(`${text}, not ${show(typeof path === 'string' ? path : path[0])}`);
  }
  if (typeof cache !== 'string') throw invalidCall(`cache must be a text, not ${show(cache)}`);
  encodeUtf8(cache);
  return { function: callPath(path), cache, ...stream };
}

/** @throws PalmError `INVALID_CALL` naming `what` when it is no whole number from `least` on. */
export function checkCount(what: string, count: unknown, least = 1): number {
  if (typeof count === 'number' && Number.isSafeInteger(count) && count >= least) return count;
  throw invalidCall(`${what} must be a whole number from ${least} on, not ${show(count)}`);
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
export function readAnswer(message: PalmMessage, errorSentinel: boolean): Bytes | PalmError {
  const { payload, status } = message;
  if (status === Status.ok) {
    if (!(errorSentinel && payload.length === 1 && payload[0] === SENTINEL)) return payload;
    const text = `${nameOf(message.function)} answered '0', as pylm does when a function raises or is not found; see the server's log`;
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
