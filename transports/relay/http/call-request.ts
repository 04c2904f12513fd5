/** A call as an HTTP request says it: `POST /call/server.function`, with the payload as its body. */
import type { IncomingMessage } from 'node:http';
import { startTimer } from '../../../src/async/timers.ts';
import type { Bytes } from '../../../src/protocol/bytes.ts';
import { MOST_PRIORITY } from '../../../src/protocol/envelope-head.ts';
import { inspectValue, messageOf, type PalmErrorCode } from '../../../src/protocol/errors.ts';
import { parsePath } from '../../../src/protocol/function-path.ts';

/** Why a request is not answered with a result. */
export class HttpFailure extends Error {
  readonly status: number;
  readonly code: PalmErrorCode;
  /** What else the caller is told. */
  readonly details: Readonly<Record<string, unknown>>;

  constructor(
    status: number,
    code: PalmErrorCode,
    message: string,
    details: Readonly<Record<string, unknown>> = {},
  ) {
    super(message);
    this.status = status;
    this.code = code;
    this.details = details;
  }
}

/** How results are written down: one as the body, or each as an event or a line. */
export type ResultForm = 'one' | 'events' | 'lines';

/** What a body is: one payload as bytes, text or JSON, or a payload in each line. */
export type BodyKind = 'bytes' | 'text' | 'json' | 'lines';

/** A call that was read from a request. */
export interface HttpCall {
  /** Stages, as `server.function`. */
  readonly stages: readonly string[];
  readonly form: ResultForm;
  readonly kind: BodyKind;
  /** The type of a single result; undefined for what the request's own body is. */
  readonly wanted: BodyKind | undefined;
  /** Milliseconds to wait for each result. */
  readonly timeout: number;
  /** Results to wait for; undefined for as many as come. */
  readonly messages: number | undefined;
  /** From -9 to 9. */
  readonly priority: number;
  /** For the `cache` field of the messages. */
  readonly cache: string;
  readonly token: string | undefined;
}

const TIMEOUT = 30_000;
const LONGEST_TIMEOUT = 86_400_000;
const MOST_MESSAGES = 1_000_000;

/** Characters of the `cache` field. */
const LONGEST_CACHE = 1_024;

/**
 * Reads what a request calls, without its body.
 * @param path - what follows `/call/`: one stage, or several with slashes between them.
 * @throws HttpFailure for a request that is not a call.
 */
export function readCall(request: IncomingMessage, path: string): HttpCall {
  const { method, headers } = request;
  if (method !== 'POST') {
    throw new HttpFailure(405, 'INVALID_CALL', `a call is a POST request, not ${inspectValue(method)}`);
  }
  if ((headers['content-encoding'] ?? 'identity') !== 'identity') {
    throw new HttpFailure(415, 'INVALID_CALL', 'a body must not be compressed: leave content-encoding out');
  }
  const form = formOf(headers.accept ?? '');
  const kind = kindOf(headers['content-type'] ?? '');
  if (kind === 'lines' && form === 'one') {
    const text =
      'the results of several inputs come as text/event-stream or application/x-ndjson: accept one of them';
    throw new HttpFailure(406, 'INVALID_CALL', text);
  }
  const query = new URLSearchParams((request.url ?? '').split('?')[1] ?? '');
  const cache = query.get('cache') ?? '';
  if (cache.length > LONGEST_CACHE) throw invalid(`cache may have ${LONGEST_CACHE} characters`);
  const messages = numberOf('messages', query.get('messages'), MOST_MESSAGES);
  if (form === 'one' && (messages ?? 1) !== 1) {
    throw invalid('several results come as text/event-stream or application/x-ndjson: accept one of them');
  }
  const timeout = query.get('timeout') ?? headers['frond-timeout'];
  return {
    stages: stagesOf(path),
    form,
    kind,
    wanted: wantedOf(headers.accept ?? ''),
    timeout: numberOf('timeout', timeout, LONGEST_TIMEOUT) ?? TIMEOUT,
    messages: form === 'one' ? 1 : messages,
    priority: priorityOf(query.get('priority') ?? headers['frond-priority']),
    cache,
    token: tokenOf(headers.authorization),
  };
}

function stagesOf(path: string): readonly string[] {
  try {
    const stages = path.split('/').map(decodeURIComponent);
    parsePath(stages);
    return stages;
  } catch (error) {
    throw invalid(
      `the path must be /call/server.function, with further stages behind slashes: ${messageOf(error)}`,
    );
  }
}

function formOf(accept: string): ResultForm {
  if (/\btext\/event-stream\b/i.test(accept)) return 'events';
  return /\bapplication\/(x-ndjson|jsonl)\b/i.test(accept) ? 'lines' : 'one';
}

function kindOf(contentType: string): BodyKind {
  const [type = ''] = contentType.split(';', 1);
  if (/^\s*application\/(x-ndjson|jsonl)\s*$/i.test(type)) return 'lines';
  if (/^\s*(application\/json|[^/]+\/[^/]+\+json)\s*$/i.test(type)) return 'json';
  return /^\s*text\//i.test(type) ? 'text' : 'bytes';
}

function wantedOf(accept: string): BodyKind | undefined {
  const [type = ''] = accept.split(/[,;]/, 1);
  const kind = kindOf(type);
  if (kind !== 'bytes') return kind;
  return /^\s*application\/octet-stream\s*$/i.test(type) ? 'bytes' : undefined;
}

/** @throws HttpFailure for what is not a whole number from 1 to `most`. */
function numberOf(name: string, given: string | readonly string[] | null | undefined, most: number) {
  if (given === null || given === undefined) return undefined;
  const number = typeof given === 'string' && /^\d{1,15}$/.test(given) ? Number(given) : 0;
  if (number >= 1 && number <= most) return number;
  throw invalid(`${name} must be a whole number from 1 to ${most}, not ${inspectValue(given)}`);
}

/** @throws HttpFailure for what is not a priority. */
function priorityOf(given: string | readonly string[] | undefined): number {
  if (given === undefined) return 0;
  if (typeof given === 'string' && /^-?\d$/.test(given)) return Number(given);
  throw invalid(
    `priority must be a whole number from -${MOST_PRIORITY} to ${MOST_PRIORITY}, not ${inspectValue(given)}`,
  );
}

/** The token in a header. @throws HttpFailure for a header of another kind. */
export function tokenOf(authorization: string | undefined): string | undefined {
  if (authorization === undefined) return undefined;
  const [, token] = /^Bearer +(.*?) *$/i.exec(authorization) ?? [];
  if (token !== undefined) return token;
  throw new HttpFailure(401, 'FORBIDDEN', 'the header authorization must be: Bearer, and a token');
}

function invalid(message: string): HttpFailure {
  return new HttpFailure(400, 'INVALID_CALL', message);
}

/** Milliseconds in which a body must have come. */
const BODY_TIMEOUT = 30_000;

/**
 * Reads the body of a request.
 * @param most - bytes that it may have.
 * @param arriving - called with the bytes that have come so far.
 * @param signal - ends the reading.
 * @throws HttpFailure when it is too large, too slow, or ends early.
 */
export function readBody(
  request: IncomingMessage,
  most: number,
  arriving: (bytes: number) => void,
  signal: AbortSignal,
): Promise<Bytes> {
  const tooLarge = new HttpFailure(413, 'TOO_LARGE', `the body may have at most ${most} bytes`);
  if (Number(request.headers['content-length'] ?? 0) > most) return Promise.reject(tooLarge);
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    const take = (chunk: Buffer) => {
      size += chunk.length;
      if (size > most) return settle(() => reject(tooLarge));
      chunks.push(chunk);
      arriving(size);
    };
    const settle = (end: () => void) => {
      stop();
      request.off('data', take).off('end', whole).off('close', cut).off('error', cut);
      signal.removeEventListener('abort', cut);
      // An error that comes later has no listener, and would end the process.
      request.on('error', () => {});
      end();
    };
    const whole = () => settle(() => resolve(new Uint8Array(Buffer.concat(chunks))));
    const cut = () => settle(() => reject(new HttpFailure(400, 'DISCONNECTED', 'the body was cut off')));
    const stop = startTimer(BODY_TIMEOUT, () =>
      settle(() =>
        reject(new HttpFailure(408, 'TIMEOUT', `the body did not come within ${BODY_TIMEOUT} ms`)),
      ),
    );
    request.on('data', take).on('end', whole).on('close', cut).on('error', cut);
    signal.addEventListener('abort', cut);
    if (signal.aborted) cut();
  });
}

/** Payloads that a body with one in each line may have. */
const MOST_LINES = 10_000;

/** The payloads in a body. @throws HttpFailure for too many, or none. */
export function payloadsOf(body: Bytes, kind: BodyKind): readonly Bytes[] {
  if (kind !== 'lines') return [body];
  const payloads: Bytes[] = [];
  for (let at = 0; at < body.length; ) {
    const found = body.indexOf(NEWLINE, at);
    const next = found < 0 ? body.length : found;
    const end = body[next - 1] === RETURN && next > at ? next - 1 : next;
    if (end > at) payloads.push(body.subarray(at, end));
    if (payloads.length > MOST_LINES)
      throw new HttpFailure(413, 'TOO_LARGE', `a body may have ${MOST_LINES} lines`);
    at = next + 1;
  }
  if (payloads.length === 0) throw invalid('the body has no lines, and each of them is the input of a call');
  return payloads;
}

const NEWLINE = 0x0a;
const RETURN = 0x0d;
