/** The answer to a call over HTTP, byte for byte: in each form, when it fails, and when its caller is gone. */
import { EventEmitter } from 'node:events';
import { type IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { describe, expect, it } from 'vitest';
import {
  type BodyKind,
  HttpFailure,
  type ResultForm,
} from '../../../../../transports/relay/http/call-request.ts';
import { CallResponse, writeFailure } from '../../../../../transports/relay/http/call-response.ts';
import { bytes } from '../../../../support/bytes.ts';

interface Call {
  readonly form?: ResultForm;
  readonly kind?: BodyKind;
  readonly wanted?: BodyKind;
  /** Whether the whole request has come. */
  readonly complete?: boolean;
}

/** A response on a socket that keeps what is written. */
function answering({ form = 'one', kind = 'bytes', wanted, complete = true }: Call = {}) {
  let written = '';
  let isReading = true;
  const socket = new Duplex({
    writableHighWaterMark: 1_000,
    read() {},
    write(chunk: Buffer, _encoding, done) {
      written += chunk.toString('latin1');
      if (isReading) done();
    },
  });
  const asked = { method: 'POST', httpVersionMajor: 1, httpVersionMinor: 1, headers: {}, complete };
  const request = Object.assign(new EventEmitter(), asked);
  const response = new ServerResponse(request as unknown as IncomingMessage);
  response.sendDate = false;
  response.useChunkedEncodingByDefault = false;
  response.assignSocket(socket as Socket);
  const call = new CallResponse(response, { form, kind, wanted });
  const parts = () => written.split('\r\n\r\n');
  return {
    call,
    response,
    socket,
    stall: () => {
      isReading = false;
    },
    get status() {
      return Number(written.split(' ', 2)[1]);
    },
    get headers() {
      const lines = (parts()[0] ?? '').split('\r\n').slice(1);
      return Object.fromEntries(lines.map((line) => line.split(': ', 2)));
    },
    get body() {
      return parts().slice(1).join('\r\n\r\n');
    },
  };
}

const COMMON = { 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' };
const failure = new HttpFailure(502, 'REMOTE', 'boom', { remoteName: 'RangeError' });
const TOLD = '{"code":"REMOTE","message":"boom","remoteName":"RangeError"}';
const NO_TEXT = new Uint8Array([255, 0]);

describe('one result', () => {
  it.each([
    ['bytes', '[1]', 'application/octet-stream'],
    ['text', '[1]', 'text/plain; charset=utf-8'],
    ['json', '[1]', 'application/json'],
    ['lines', '[1]', 'application/json'],
    ['json', '[1', 'text/plain; charset=utf-8'],
  ] as const)('of a body of %s that is %j is called %s', (kind, text, type) => {
    const answer = answering({ kind });
    answer.call.result(bytes(text), undefined);
    expect([answer.status, answer.body]).toEqual([200, text]);
    expect(answer.headers).toMatchObject({
      ...COMMON,
      'content-type': type,
      'content-length': String(text.length),
    });
    expect(answer.call.isOver).toBe(true);
  });

  it('that is not text is called neither text nor JSON', () => {
    for (const kind of ['text', 'json'] as const) {
      const answer = answering({ kind });
      answer.call.result(NO_TEXT, undefined);
      expect(answer.headers['content-type']).toBe('application/octet-stream');
      expect(answer.body).toBe('\xff\0');
    }
  });

  it('is of the type that is wanted, before that of the body', () => {
    const answer = answering({ kind: 'text', wanted: 'bytes' });
    answer.call.result(bytes('x'), undefined);
    expect(answer.headers['content-type']).toBe('application/octet-stream');
  });

  it('is a part of a larger buffer', () => {
    const answer = answering({ kind: 'json' });
    answer.call.result(bytes('xx[1]xx').subarray(2, 5), undefined);
    expect([answer.headers['content-type'], answer.body]).toEqual(['application/json', '[1]']);
  });

  it('is the only one: what comes later is passed over', () => {
    const answer = answering();
    answer.call.result(bytes('a'), undefined);
    answer.call.result(bytes('b'), undefined);
    answer.call.failedResult(failure, undefined);
    answer.call.fail(failure);
    answer.call.beat();
    answer.call.end();
    expect(answer.body).toBe('a');
  });

  it('that failed is the status, also with an index', () => {
    for (const index of [undefined, 0]) {
      const answer = answering();
      answer.call.failedResult(failure, index);
      expect([answer.status, answer.body, answer.call.isOver]).toEqual([502, `{"error":${TOLD}}\n`, true]);
    }
  });
});

describe('several results', () => {
  it('are events, whose lines end at any line break', () => {
    const answer = answering({ form: 'events' });
    answer.call.result(bytes('a\nb\r\nc\rd'), undefined);
    answer.call.result(bytes(''), 7);
    answer.call.result(NO_TEXT, 0);
    answer.call.result(bytes('xéx').subarray(1, 3), undefined);
    answer.call.beat();
    answer.call.end();
    expect(answer.status).toBe(200);
    expect(answer.headers).toMatchObject({
      ...COMMON,
      'content-type': 'text/event-stream; charset=utf-8',
      'x-accel-buffering': 'no',
    });
    expect(answer.body).toBe(
      'data: a\ndata: b\ndata: c\ndata: d\n\nid: 7\ndata: \n\nid: 0\nevent: base64\ndata: /wA=\n\n' +
        `data: ${Buffer.from('é').toString('latin1')}\n\n:\n\n`,
    );
    expect(answer.call.isOver).toBe(true);
  });

  it.each([
    ['text', '[1]', '{"text":"[1]"}\n'],
    ['bytes', '[1]', '{"text":"[1]"}\n'],
    ['json', '[1]', '{"json":[1]}\n'],
    ['lines', '[1]', '{"json":[1]}\n'],
    ['json', '[1', '{"text":"[1"}\n'],
  ] as const)('are lines: of a body of %s, %j is %j', (kind, text, line) => {
    const answer = answering({ form: 'lines', kind });
    answer.call.result(bytes(`x${text}x`).subarray(1, text.length + 1), undefined);
    answer.call.end();
    expect(answer.body).toBe(line);
    expect(answer.headers).toMatchObject({ ...COMMON, 'content-type': 'application/x-ndjson' });
  });

  it('have the index of their input, and base64 where they are not text', () => {
    const answer = answering({ form: 'lines' });
    answer.call.result(bytes('a'), 0);
    answer.call.result(NO_TEXT, 1);
    answer.call.failedResult(failure, 2);
    answer.call.end();
    expect(answer.body).toBe(
      `{"index":0,"text":"a"}\n{"index":1,"base64":"/wA="}\n{"index":2,"error":${TOLD}}\n`,
    );
  });

  it('that are none are an answer all the same', () => {
    const answer = answering({ form: 'events' });
    answer.call.end();
    answer.call.end();
    expect([answer.status, answer.body, answer.response.writableEnded]).toEqual([200, '', true]);
  });

  it('whose first failed have its status, and tell of one that failed later', async () => {
    const early = answering({ form: 'events' });
    early.call.failedResult(failure, undefined);
    expect([early.status, early.call.isOver]).toEqual([502, true]);
    const late = answering({ form: 'events' });
    late.call.result(bytes('a'), undefined);
    late.call.failedResult(failure, undefined);
    expect(late.call.isOver).toBe(false);
    late.call.failedResult(failure, 3);
    await new Promise(setImmediate);
    expect(late.body).toBe(
      `data: a\n\nevent: error\ndata: ${TOLD}\n\nid: 3\nevent: error\ndata: ${TOLD}\n\n`,
    );
    // One of several inputs fails for itself, also as the first.
    const several = answering({ form: 'events' });
    several.call.failedResult(failure, 0);
    expect([several.response.statusCode, several.call.isOver]).toEqual([200, false]);
  });

  it('end with a failure as the last of them', () => {
    const answer = answering({ form: 'lines' });
    answer.call.result(bytes('a'), undefined);
    answer.call.fail(failure);
    answer.call.result(bytes('b'), undefined);
    expect(answer.body).toBe(`{"text":"a"}\n{"error":${TOLD}}\n`);
    expect([answer.call.isOver, answer.response.writableEnded]).toEqual([true, true]);
  });

  it('are shown to go on as events alone', async () => {
    for (const form of ['one', 'lines'] as const) {
      const answer = answering({ form });
      answer.call.beat();
      expect(answer.response.headersSent).toBe(false);
    }
    const events = answering({ form: 'events' });
    events.call.beat();
    events.call.result(bytes('a'), undefined);
    await new Promise(setImmediate);
    expect(events.body).toBe(':\n\ndata: a\n\n');
  });

  it('have no end but one: what comes later is written nowhere, and ends nothing', async () => {
    for (const form of ['events', 'lines'] as const) {
      const answer = answering({ form });
      const late: unknown[] = [];
      answer.response.on('error', (error) => late.push(error));
      answer.call.result(bytes('a'), undefined);
      answer.call.end();
      const { body } = answer;
      answer.call.result(bytes('b'), undefined);
      answer.call.failedResult(failure, undefined);
      answer.call.failedResult(failure, 0);
      answer.call.fail(failure);
      answer.call.beat();
      answer.call.progress({ done: 1, total: undefined, note: undefined }, undefined);
      answer.call.end();
      await new Promise(setImmediate);
      expect([answer.body, late]).toEqual([body, []]);
    }
  });

  it('wait while the caller does not take them', () => {
    const { call, response, stall } = answering({ form: 'lines' });
    expect([call.isBackedUp, call.unsent]).toEqual([false, 0]);
    stall();
    call.result(bytes('x'.repeat(100_000)), undefined);
    expect(call.isBackedUp).toBe(true);
    expect(call.unsent).toBeGreaterThan(100_000);
    let drained = 0;
    call.onDrain(() => drained++);
    expect(drained).toBe(0);
    response.emit('drain');
    response.emit('drain');
    expect(drained).toBe(1);
  });
});

describe('progress', () => {
  const half = { done: 1, total: 2, note: 'reading' };

  it('is an event among the results, with the index of its input where there are several', async () => {
    const answer = answering({ form: 'events' });
    answer.call.progress(half, undefined);
    answer.call.progress({ ...half, done: 2 }, 7);
    answer.call.result(bytes('a'), 7);
    answer.call.end();
    await new Promise(setImmediate);
    expect(answer.headers['content-type']).toBe('text/event-stream; charset=utf-8');
    expect(answer.body).toBe(
      'event: progress\ndata: {"done":1,"total":2,"note":"reading"}\n\n' +
        'id: 7\nevent: progress\ndata: {"done":2,"total":2,"note":"reading"}\n\n' +
        'id: 7\ndata: a\n\n',
    );
  });

  it('is not told where an answer has no place for it', () => {
    for (const form of ['one', 'lines'] as const) {
      const answer = answering({ form });
      answer.call.progress(half, undefined);
      expect(answer.response.headersSent).toBe(false);
    }
  });

  it('is not kept for a caller that is behind', () => {
    const { call, stall } = answering({ form: 'events' });
    stall();
    call.result(bytes('x'.repeat(100_000)), undefined);
    const { unsent } = call;
    call.progress(half, undefined);
    expect(call.unsent).toBe(unsent);
  });
});

describe('a failure', () => {
  it('is JSON, with what its code asks for', async () => {
    const headersOf = async (status: number, complete = true) => {
      const answer = answering({ complete });
      writeFailure(answer.response, new HttpFailure(status, 'CLOSED', 'é'));
      await new Promise(setImmediate);
      expect([answer.status, answer.body]).toEqual([
        status,
        Buffer.from('{"error":{"code":"CLOSED","message":"é"}}\n').toString('latin1'),
      ]);
      const { 'www-authenticate': authenticate, allow, 'retry-after': retry, connection } = answer.headers;
      expect(answer.headers).toMatchObject({
        ...COMMON,
        'content-type': 'application/json',
        'content-length': '43',
      });
      return { authenticate, allow, retry, connection };
    };
    const none = { authenticate: undefined, allow: undefined, retry: undefined };
    expect(await headersOf(400)).toMatchObject(none);
    expect(await headersOf(401)).toMatchObject({ ...none, authenticate: 'Bearer' });
    expect(await headersOf(405)).toMatchObject({ ...none, allow: 'POST, OPTIONS' });
    expect(await headersOf(429)).toMatchObject({ ...none, retry: '1' });
    expect(await headersOf(503)).toMatchObject({ ...none, retry: '1' });
    // The rest of the body is read for nothing, and not for long.
    expect((await headersOf(413, false)).connection).toBe('close');
    expect((await headersOf(413)).connection).not.toBe('close');
  });

  it('is not written to a caller that is gone', () => {
    const answer = answering();
    answer.response.destroy();
    answer.call.fail(failure);
    expect([answer.call.isOver, answer.response.headersSent]).toEqual([true, false]);
  });
});
