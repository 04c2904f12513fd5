/** The answer to a call over HTTP: one result as the body, or several as server-sent events or JSON lines. */
import { isUtf8 } from 'node:buffer';
import type { ServerResponse } from 'node:http';
import type { Bytes } from '../../../src/protocol/bytes.ts';
import type { Progress } from '../../../src/protocol/progress.ts';
import type { BodyKind, HttpCall, HttpFailure } from './call-request.ts';
import { readRest } from './unwanted-body.ts';

const TYPES: Readonly<Record<BodyKind, string>> = {
  bytes: 'application/octet-stream',
  text: 'text/plain; charset=utf-8',
  json: 'application/json',
  lines: 'application/json',
};

/** A failure, as each form of an answer says it. */
export interface ToldFailure {
  readonly code: string;
  readonly message: string;
  readonly [detail: string]: unknown;
}

/** Writes the answer to one call. Everything after its end is passed over. */
export class CallResponse {
  readonly #response: ServerResponse;
  readonly #call: Pick<HttpCall, 'form' | 'kind' | 'wanted'>;
  #isOver = false;

  constructor(response: ServerResponse, call: Pick<HttpCall, 'form' | 'kind' | 'wanted'>) {
    this.#response = response;
    this.#call = call;
  }

  /** Bytes that the caller's side has not taken. */
  get unsent(): number {
    return this.#response.writableLength;
  }

  /** Whether the answer has ended. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** Whether more should wait until the caller's side has taken what it has. {@link onDrain} is called then. */
  get isBackedUp(): boolean {
    return this.#response.writableNeedDrain;
  }

  onDrain(listener: () => void): void {
    this.#response.once('drain', listener);
  }

  /** @param index - number of the input that it is the result for, where there are several. */
  result(payload: Bytes, index: number | undefined): void {
    if (this.#isOver) return;
    const { form, kind, wanted } = this.#call;
    if (form === 'one') this.#one(payload, wanted ?? kind);
    else if (form === 'events') this.#event(payload, index);
    else this.#line({ ...this.#value(payload) }, index);
  }

  /** A result that has failed. A single one fails the answer. */
  failedResult(failure: HttpFailure, index: number | undefined): void {
    if (this.#isOver) return;
    const { form } = this.#call;
    // Alone, or before any other, it is the answer's status.
    if (form === 'one' || (index === undefined && !this.#response.headersSent)) this.fail(failure);
    else this.#told(failure, index);
  }

  /** How far a function is. It is passed over where the answer has no place for that, or the caller's side is behind. */
  progress(progress: Progress, index: number | undefined): void {
    if (this.#isOver || this.#call.form !== 'events' || this.isBackedUp) return;
    this.#begin();
    const head = index === undefined ? '' : `id: ${index}\n`;
    this.#response.write(`${head}event: progress\ndata: ${JSON.stringify(progress)}\n\n`);
  }

  /** Ends the answer after its last result. */
  end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#begin();
    this.#response.end();
  }

  /** Ends the answer with a failure: as its status, or behind the results that were written. */
  fail(failure: HttpFailure): void {
    if (this.#isOver) return;
    if (this.#response.destroyed) {
      this.#isOver = true;
      return;
    }
    if (this.#response.headersSent) {
      this.#told(failure, undefined);
      this.#isOver = true;
      this.#response.end();
      return;
    }
    this.#isOver = true;
    writeFailure(this.#response, failure);
  }

  /** Shows that the answer goes on, where its form has something for that. */
  beat(): void {
    if (this.#isOver || this.#call.form !== 'events') return;
    this.#begin();
    this.#response.write(':\n\n');
  }

  #begin(): void {
    if (this.#response.headersSent) return;
    const isEvents = this.#call.form === 'events';
    this.#response.writeHead(200, {
      ...HEADERS,
      'content-type': isEvents ? 'text/event-stream; charset=utf-8' : 'application/x-ndjson',
      // Proxies that keep answers until they are whole would keep this one for ever.
      'x-accel-buffering': 'no',
    });
  }

  #one(payload: Bytes, kind: BodyKind): void {
    this.#isOver = true;
    this.#response.writeHead(200, {
      ...HEADERS,
      'content-type': TYPES[fitting(payload, kind)],
      'content-length': payload.length,
    });
    this.#response.end(payload);
  }

  #event(payload: Bytes, index: number | undefined): void {
    this.#begin();
    const isText = isUtf8(payload);
    const buffer = Buffer.from(payload.buffer, payload.byteOffset, payload.length);
    const text = buffer.toString(isText ? 'utf8' : 'base64');
    // A line break of any kind ends a line of an event.
    const lines = text.split(/\r\n|\r|\n/).map((line) => `data: ${line}\n`);
    const head = `${index === undefined ? '' : `id: ${index}\n`}${isText ? '' : 'event: base64\n'}`;
    this.#response.write(`${head}${lines.join('')}\n`);
  }

  #value(payload: Bytes): Readonly<Record<string, unknown>> {
    const buffer = Buffer.from(payload.buffer, payload.byteOffset, payload.length);
    if (!isUtf8(payload)) return { base64: buffer.toString('base64') };
    const text = buffer.toString('utf8');
    if (this.#call.kind === 'json' || this.#call.kind === 'lines') {
      try {
        return { json: JSON.parse(text) };
      } catch {
        // It is told as text.
      }
    }
    return { text };
  }

  #line(value: object, index: number | undefined): void {
    this.#begin();
    this.#response.write(`${JSON.stringify({ ...(index !== undefined && { index }), ...value })}\n`);
  }

  #told(failure: HttpFailure, index: number | undefined): void {
    const error = toldOf(failure);
    if (this.#call.form === 'lines') {
      this.#line({ error }, index);
      return;
    }
    this.#begin();
    const head = index === undefined ? '' : `id: ${index}\n`;
    this.#response.write(`${head}event: error\ndata: ${JSON.stringify(error)}\n\n`);
  }
}

/** Headers of every answer: it is of its caller alone, and is what its type says. */
const HEADERS = { 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' } as const;

/** Answers a request with a failure. Where its body has not come yet, the connection ends a while later. */
export function writeFailure(response: ServerResponse, failure: HttpFailure): void {
  const { status } = failure;
  const body = `${JSON.stringify({ error: toldOf(failure) })}\n`;
  const { req: request } = response;
  response.writeHead(status, {
    ...HEADERS,
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(body),
    ...(status === 401 && { 'www-authenticate': 'Bearer' }),
    ...(status === 405 && { allow: 'POST, OPTIONS' }),
    ...((status === 429 || status === 503) && { 'retry-after': '1' }),
    // What is left of a body that was not read would be read for nothing.
    ...(!request.complete && { connection: 'close' }),
  });
  if (request.complete) {
    response.end(body);
    return;
  }
  response.write(body);
  readRest(request, () => response.end());
}

function toldOf({ code, message, details }: HttpFailure): ToldFailure {
  return { code, message, ...details };
}

/** The kind that a result can be called: nothing is called text or JSON that is not. */
function fitting(payload: Bytes, kind: BodyKind): BodyKind {
  if (kind === 'bytes' || !isUtf8(payload)) return 'bytes';
  if (kind === 'text') return kind;
  try {
    JSON.parse(Buffer.from(payload.buffer, payload.byteOffset, payload.length).toString('utf8'));
    return 'json';
  } catch {
    return 'text';
  }
}
