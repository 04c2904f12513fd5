/** How a call over HTTP is read: each header and parameter, each limit at its value and beside it, and each refusal. */
import { EventEmitter } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  type BodyKind,
  type HttpCall,
  HttpFailure,
  payloadsOf,
  readBody,
  readCall,
} from '../../../../../transports/relay/http/call-request.ts';
import { bytes, textOf } from '../../../../support/bytes.ts';

const LINES = { accept: 'application/x-ndjson' };

function read(path: string, headers: object = {}, url = '', method = 'POST'): HttpCall {
  return readCall({ method, headers, url: `/call/x${url}` } as unknown as IncomingMessage, path);
}

/** What a request is refused with. */
function refusal(read: () => unknown): Partial<HttpFailure> {
  try {
    read();
  } catch (error) {
    if (error instanceof HttpFailure) {
      const { status, code, message, details } = error;
      return { status, code, message, details };
    }
    throw error;
  }
  throw new Error('it was read');
}

describe('a call', () => {
  it('is all defaults when it says no more than its function', () => {
    expect(read('server.f')).toEqual({
      stages: ['server.f'],
      priority: 0,
      form: 'one',
      kind: 'bytes',
      wanted: undefined,
      timeout: 30_000,
      messages: 1,
      cache: '',
      token: undefined,
    });
  });

  it('has its stages behind slashes, decoded one by one', () => {
    expect(read('a.f/b.g/c.h').stages).toEqual(['a.f', 'b.g', 'c.h']);
    expect(read('%C3%A9.f').stages).toEqual(['é.f']);
  });

  it.each(['', 'server', 'a.b.c', 'a.f/', 'a.f//b.g', '%ff', 'a.f%20b.g', 'a%2Fb'])(
    'is refused at the path %j',
    (path) => {
      expect(refusal(() => read(path))).toMatchObject({
        status: 400,
        code: 'INVALID_CALL',
        message: expect.stringMatching(
          /^the path must be \/call\/server\.function, with further stages behind slashes: ./,
        ),
        details: {},
      });
    },
  );

  it.each(['GET', 'PUT', 'post', ''])('is refused with the method %j', (method) => {
    expect(refusal(() => read('a.f', {}, '', method))).toMatchObject({
      status: 405,
      code: 'INVALID_CALL',
      message: `a call is a POST request, not ${JSON.stringify(method)}`,
    });
  });

  it('may say that its body is not compressed, and must not compress it', () => {
    expect(read('a.f', { 'content-encoding': 'identity' }).stages).toEqual(['a.f']);
    for (const encoding of ['gzip', 'br', ''])
      expect(refusal(() => read('a.f', { 'content-encoding': encoding }))).toMatchObject({
        status: 415,
        code: 'INVALID_CALL',
        message: 'a body must not be compressed: leave content-encoding out',
      });
  });

  it.each([
    ['text/event-stream', 'events'],
    ['TEXT/Event-Stream; q=1', 'events'],
    ['text/html, text/event-stream', 'events'],
    ['application/x-ndjson', 'lines'],
    ['application/JSONL', 'lines'],
    ['application/jsonlines', 'one'],
    ['context/event-stream', 'one'],
    ['text/event-streams', 'one'],
    ['application/json', 'one'],
    ['*/*', 'one'],
    ['', 'one'],
  ])('that accepts %j gets its results as %s', (accept, form) => {
    expect(read('a.f', { accept }).form).toBe(form);
  });

  it.each([
    ['application/x-ndjson', 'lines'],
    [' application/JSONL ; charset=utf-8', 'lines'],
    ['application/json', 'json'],
    [' Application/JSON ;charset=utf-8', 'json'],
    ['application/problem+json', 'json'],
    ['image/x-y+json', 'json'],
    ['text/plain', 'text'],
    [' TEXT/csv; header=present', 'text'],
    ['application/jsonp', 'bytes'],
    ['xapplication/json', 'bytes'],
    ['application/json x', 'bytes'],
    ['application/x-ndjsonx', 'bytes'],
    ['xapplication/x-ndjson', 'bytes'],
    ['a/b/c+json', 'bytes'],
    ['+json', 'bytes'],
    ['/x+json', 'bytes'],
    ['image/png', 'bytes'],
    ['application/text/plain', 'bytes'],
    ['text', 'bytes'],
    ['', 'bytes'],
  ])('whose body is %j has it as %s', (type, kind) => {
    expect(read('a.f', { ...LINES, 'content-type': type }).kind).toBe(kind);
  });

  it.each([
    ['text/plain', 'text'],
    ['application/json, text/plain', 'json'],
    ['application/json;q=0.5', 'json'],
    ['application/octet-stream', 'bytes'],
    [' Application/Octet-Stream ', 'bytes'],
    ['application/octet-stream2', undefined],
    ['xapplication/octet-stream', undefined],
    ['*/*', undefined],
    ['', undefined],
  ])('that accepts %j wants %s', (accept, wanted) => {
    expect(read('a.f', { accept }).wanted).toBe(wanted);
  });

  it('with an input in each line needs a form for several results', () => {
    const lines = { 'content-type': 'application/x-ndjson' };
    expect(refusal(() => read('a.f', lines))).toMatchObject({
      status: 406,
      code: 'INVALID_CALL',
      message:
        'the results of several inputs come as text/event-stream or application/x-ndjson: accept one of them',
    });
    for (const accept of ['text/event-stream', 'application/jsonl'])
      expect(read('a.f', { ...lines, accept }).kind).toBe('lines');
  });

  it('says how many results it waits for, and needs a form for several', () => {
    expect(read('a.f', {}, '?messages=1').messages).toBe(1);
    expect(read('a.f', LINES).messages).toBeUndefined();
    for (const count of [1, 2, 1_000_000])
      expect(read('a.f', LINES, `?messages=${count}`).messages).toBe(count);
    expect(refusal(() => read('a.f', {}, '?messages=2'))).toMatchObject({
      status: 400,
      message: 'several results come as text/event-stream or application/x-ndjson: accept one of them',
    });
    for (const count of ['0', '1000001', '-1', '1.5', '', 'x', '1x', ' 1', '1'.repeat(16)])
      expect(
        refusal(() => read('a.f', LINES, `?messages=${encodeURIComponent(count)}`)),
        count,
      ).toMatchObject({
        status: 400,
        code: 'INVALID_CALL',
        message: `messages must be a whole number from 1 to 1000000, not ${JSON.stringify(count)}`,
      });
  });

  it('says how long it waits, in the query or else in a header', () => {
    for (const time of [1, 86_400_000]) {
      expect(read('a.f', {}, `?timeout=${time}`).timeout).toBe(time);
      expect(read('a.f', { 'frond-timeout': String(time) }).timeout).toBe(time);
    }
    expect(read('a.f', { 'frond-timeout': '7' }, '?timeout=5').timeout).toBe(5);
    const text = /^timeout must be a whole number from 1 to 86400000, not /;
    for (const time of ['0', '86400001', 'soon'])
      expect(refusal(() => read('a.f', {}, `?timeout=${time}`)).message).toMatch(text);
    expect(refusal(() => read('a.f', { 'frond-timeout': ['1', '2'] })).message).toMatch(text);
  });

  it('says its priority, in the query or else in a header', () => {
    expect(read('a.f').priority).toBe(0);
    for (const priority of [9, 1, 0, -1, -9]) {
      expect(read('a.f', {}, `?priority=${priority}`).priority).toBe(priority);
      expect(read('a.f', { 'frond-priority': String(priority) }).priority).toBe(priority);
    }
    expect(read('a.f', { 'frond-priority': '7' }, '?priority=5').priority).toBe(5);
    const text = /^priority must be a whole number from -9 to 9, not /;
    for (const priority of ['10', '-10', '1.5', '', 'high'])
      expect(refusal(() => read('a.f', {}, `?priority=${priority}`)).message).toMatch(text);
    expect(refusal(() => read('a.f', { 'frond-priority': ['1', '2'] })).message).toMatch(text);
  });

  it('has a cache field of up to 1,024 characters', () => {
    expect(read('a.f', {}, '?cache=a%20b&x=y').cache).toBe('a b');
    for (const length of [1_023, 1_024])
      expect(read('a.f', {}, `?cache=${'x'.repeat(length)}`).cache).toHaveLength(length);
    expect(refusal(() => read('a.f', {}, `?cache=${'x'.repeat(1_025)}`))).toMatchObject({
      status: 400,
      code: 'INVALID_CALL',
      message: 'cache may have 1024 characters',
    });
  });

  it.each([
    ['Bearer secret', 'secret'],
    ['bearer   secret  ', 'secret'],
    ['Bearer a b', 'a b'],
    ['Bearer  ', ''],
  ])('with the authorization %j has the token %j', (authorization, token) => {
    expect(read('a.f', { authorization }).token).toBe(token);
  });

  it.each(['', 'secret', 'Basic YTpi', 'Bearer', 'Bearersecret', 'x Bearer secret'])(
    'with the authorization %j is refused, as one with a token that nobody has',
    (authorization) => {
      expect(refusal(() => read('a.f', { authorization }))).toMatchObject({
        status: 401,
        code: 'FORBIDDEN',
        message: 'the header authorization must be: Bearer, and a token',
      });
    },
  );
});

describe('a body', () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  function reading(most: number, headers: object = {}) {
    const request = Object.assign(new EventEmitter(), { headers });
    const arrived: number[] = [];
    const controller = new AbortController();
    const { signal } = controller;
    const unheard = vi.spyOn(signal, 'removeEventListener');
    const body = readBody(request as unknown as IncomingMessage, most, (size) => arrived.push(size), signal);
    const listeners = () =>
      ['data', 'end', 'close'].reduce((sum, event) => sum + request.listenerCount(event), 0);
    const nothingIsLeft = () => {
      expect([listeners(), vi.getTimerCount(), unheard.mock.calls.length]).toEqual([0, 0, 1]);
      // An error that comes late has a listener, and ends nothing.
      expect(request.listenerCount('error')).toBe(1);
      request.emit('error', new Error('late'));
    };
    return { request, body, arrived, nothingIsLeft, controller };
  }

  it('is what came, and is counted while it comes', async () => {
    const { request, body, arrived, nothingIsLeft } = reading(5, { 'content-length': '5' });
    request.emit('data', Buffer.from('ab'));
    request.emit('data', Buffer.from('cde'));
    request.emit('end');
    expect(textOf(await body)).toBe('abcde');
    expect(arrived).toEqual([2, 5]);
    nothingIsLeft();
  });

  it('is refused at once when it says that it is too large, and when it turns out to be', async () => {
    const tooLarge = { status: 413, code: 'TOO_LARGE', message: 'the body may have at most 5 bytes' };
    const said = reading(5, { 'content-length': '6' });
    await expect(said.body).rejects.toMatchObject(tooLarge);
    expect([said.request.eventNames(), vi.getTimerCount()]).toEqual([[], 0]);
    const found = reading(5);
    found.request.emit('data', Buffer.from('abcde'));
    found.request.emit('data', Buffer.from('f'));
    await expect(found.body).rejects.toMatchObject(tooLarge);
    // What is too much is not kept.
    expect(found.arrived).toEqual([5]);
    found.nothingIsLeft();
  });

  it.each(['close', 'error'])('that ends early by %s is refused', async (event) => {
    const { request, body, nothingIsLeft } = reading(5);
    request.emit('data', Buffer.from('ab'));
    request.emit(event, new Error('reset'));
    await expect(body).rejects.toMatchObject({
      status: 400,
      code: 'DISCONNECTED',
      message: 'the body was cut off',
    });
    nothingIsLeft();
  });

  it('that nobody wants any more is read no further, at any time', async () => {
    const cutOff = { status: 400, message: 'the body was cut off' };
    const { request, body, arrived, nothingIsLeft, controller } = reading(5);
    request.emit('data', Buffer.from('ab'));
    controller.abort();
    request.emit('data', Buffer.from('c'));
    await expect(body).rejects.toMatchObject(cutOff);
    expect(arrived).toEqual([2]);
    nothingIsLeft();
    const aborted = Object.assign(new EventEmitter(), { headers: {} });
    const late = readBody(aborted as unknown as IncomingMessage, 5, () => {}, AbortSignal.abort());
    await expect(late).rejects.toMatchObject(cutOff);
    expect([aborted.listenerCount('data'), vi.getTimerCount()]).toEqual([0, 0]);
  });

  it('has 30 seconds', async () => {
    const { body, nothingIsLeft } = reading(5);
    const told = vi.fn();
    body.catch(told);
    await vi.advanceTimersByTimeAsync(29_999);
    expect(told).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(1);
    await expect(body).rejects.toMatchObject({
      status: 408,
      code: 'TIMEOUT',
      message: 'the body did not come within 30000 ms',
    });
    nothingIsLeft();
  });
});

describe('payloads', () => {
  const split = (text: string, kind: BodyKind = 'lines') => payloadsOf(bytes(text), kind).map(textOf);

  it('are the body itself but for lines', () => {
    for (const kind of ['bytes', 'text', 'json'] as const) {
      expect(split('a\nb', kind)).toEqual(['a\nb']);
      expect(split('', kind)).toEqual(['']);
    }
  });

  it.each([
    ['a', ['a']],
    ['a\n', ['a']],
    ['a\nb', ['a', 'b']],
    ['a\r\nb\r\n', ['a', 'b']],
    ['\n\r\n\na\n\n', ['a']],
    ['a\rb\n', ['a\rb']],
    [' \n', [' ']],
  ])('of the lines %j are %j', (text, payloads) => {
    expect(split(text)).toEqual(payloads);
  });

  it.each(['', '\n', '\r\n\n'])('are not in the lines %j', (text) => {
    expect(refusal(() => split(text))).toMatchObject({
      status: 400,
      code: 'INVALID_CALL',
      message: 'the body has no lines, and each of them is the input of a call',
    });
  });

  it('are at most 10,000', () => {
    for (const count of [9_999, 10_000]) expect(split('a\n'.repeat(count))).toHaveLength(count);
    expect(refusal(() => split('a\n'.repeat(10_001)))).toMatchObject({
      status: 413,
      code: 'TOO_LARGE',
      message: 'a body may have 10000 lines',
    });
  });
});
