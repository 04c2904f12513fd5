/** Calls over HTTP: what they give, in each form, and what is said when they fail. */
import { describe, expect, it } from 'vitest';
import { until, within } from '../../support/wait.ts';
import { CALLER, type Scene, testScenes } from './scene.ts';

const open = testScenes();
const EVENTS = { accept: 'text/event-stream' };
const LINES = { accept: 'application/x-ndjson' };

const errorOf = async (response: Response) => {
  const { error } = (await response.json()) as { readonly error: Readonly<Record<string, unknown>> };
  return { status: response.status, ...error };
};

describe('progress', () => {
  it('comes as events of that name, before the result, and is no result', async () => {
    const { post } = await open();
    const response = await post('/call/server.tells?messages=1', 'a\nb', EVENTS);
    expect(await response.text()).toBe(
      'event: progress\ndata: {"done":0,"total":2,"note":"a\\nb"}\n\n' +
        'event: progress\ndata: {"done":2,"total":2}\n\n' +
        'data: a\ndata: b\n\n',
    );
  });

  it('names the line that it is of', async () => {
    const { post } = await open();
    const response = await post('/call/server.tells', '"a"\n"b"\n', {
      ...EVENTS,
      'content-type': 'application/x-ndjson',
    });
    const events = (await response.text()).split('\n\n').filter(Boolean).toSorted();
    expect(events).toEqual([
      'id: 0\ndata: "a"',
      'id: 0\nevent: progress\ndata: {"done":0,"total":2,"note":"\\"a\\""}',
      'id: 0\nevent: progress\ndata: {"done":2,"total":2}',
      'id: 1\ndata: "b"',
      'id: 1\nevent: progress\ndata: {"done":0,"total":2,"note":"\\"b\\""}',
      'id: 1\nevent: progress\ndata: {"done":2,"total":2}',
    ]);
  });

  it('is not told to callers that take one body, or lines', async () => {
    const { post } = await open();
    expect(await (await post('/call/server.tells', 'x')).text()).toBe('x');
    const lines = await post('/call/server.tells?messages=1', 'x', LINES);
    expect(await lines.text()).toBe('{"text":"x"}\n');
  });
});

describe('a priority', () => {
  const read = (post: Scene['post'], priority: number) =>
    post('/call/server.priority', 'x', { 'frond-priority': String(priority) });

  it('reaches the server as it was given, with progress asked for, too', async () => {
    const { post } = await open();
    expect(await (await post('/call/server.priority?priority=-9', 'x')).text()).toBe('-9');
    expect(await (await read(post, -2)).text()).toBe('-2');
    const events = await post('/call/server.priority?messages=1&priority=-4', 'x', EVENTS);
    expect(await events.text()).toBe('data: -4\n\n');
  });

  it('above 0 must be granted, and up to what is granted', async () => {
    const { post } = await open();
    expect(await errorOf(await read(post, 1))).toMatchObject({ status: 403, code: 'FORBIDDEN' });
    const authenticate = () => ({ name: 'u', servers: ['*'], functions: ['*'], priority: 4 });
    const granted = await open({ authenticate });
    expect(await (await read(granted.post, 4)).text()).toBe('4');
    expect(await errorOf(await read(granted.post, 5))).toEqual({
      status: 403,
      code: 'FORBIDDEN',
      message: expect.stringContaining('a call may have a priority of 4 here at most, not 5'),
    });
  });
});

describe('one result', () => {
  it.each([
    ['text/plain', 'text/plain; charset=utf-8'],
    ['text/csv; charset=utf-8', 'text/plain; charset=utf-8'],
    ['application/octet-stream', 'application/octet-stream'],
    ['image/png', 'application/octet-stream'],
  ])('of a body of %s is a body of %s', async (given, type) => {
    const { post } = await open();
    const response = await post('/call/server.upper', 'hello', { 'content-type': given });
    expect([response.status, response.headers.get('content-type'), await response.text()]).toEqual([
      200,
      type,
      'HELLO',
    ]);
    expect(response.headers.get('x-content-type-options')).toBe('nosniff');
    expect(response.headers.get('cache-control')).toBe('no-store');
  });

  it('of JSON is called JSON when it is some, and text when not', async () => {
    const { post } = await open();
    const json = { 'content-type': 'application/json' };
    const good = await post('/call/server.same', '{"a":[1,2]}', json);
    expect([good.headers.get('content-type'), await good.json()]).toEqual([
      'application/json',
      { a: [1, 2] },
    ]);
    const bad = await post('/call/server.same', '{"a":', json);
    expect([bad.headers.get('content-type'), await bad.text()]).toEqual([
      'text/plain; charset=utf-8',
      '{"a":',
    ]);
  });

  it('is of the type that is accepted', async () => {
    const { post } = await open();
    const response = await post('/call/server.same', '[1]', { accept: 'application/json' });
    expect([response.headers.get('content-type'), await response.json()]).toEqual(['application/json', [1]]);
  });

  it('has every byte, of any size', async () => {
    const { post } = await open();
    for (const size of [0, 1, 65_536, 3_000_000]) {
      const payload = new Uint8Array(size).map((_, i) => i % 251);
      const response = await post('/call/server.same', payload);
      const answer = new Uint8Array(await response.arrayBuffer());
      expect([response.status, Buffer.compare(answer, payload)]).toEqual([200, 0]);
    }
  });

  it('goes through a pipeline, whose stages stand behind slashes', async () => {
    const { post } = await open();
    const response = await post('/call/first.upper/second.twice', 'ab');
    expect([response.status, await response.text()]).toEqual([200, 'ABAB']);
  });

  it('gets the cache field, and may be below the path of the WebSocket', async () => {
    const { post } = await open({ path: '/relay' });
    expect(await (await post('/relay/call/server.cache?cache=a%20b', '')).text()).toBe('a b');
    expect(await (await post('/call/server.upper', 'x')).text()).toBe('X');
  });

  it('comes to many callers at once, each its own', async () => {
    const { post, figure, relay } = await open();
    const texts = Array.from({ length: 80 }, (_, i) => `call ${i}`);
    const answers = await Promise.all(
      texts.map(async (text) => (await post('/call/server.upper', text)).text()),
    );
    expect(answers).toEqual(texts.map((text) => text.toUpperCase()));
    await until(() => relay.connections === 0);
    expect(await figure('sessions')).toBe(0);
    expect(await figure('held_bytes')).toBe(0);
    expect(await figure('http_calls_total{status="200"}')).toBe(80);
  });
});

describe('several results', () => {
  it('come as events', async () => {
    const { post } = await open();
    const response = await post('/call/server.count?messages=3', '3', EVENTS);
    expect(response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
    expect(await response.text()).toBe('data: 0\ndata: 0\n\ndata: 1\ndata: 1\n\ndata: 2\ndata: 2\n\n');
  });

  it('come as lines, as JSON for a body of JSON', async () => {
    const { post } = await open();
    const response = await post('/call/server.count?messages=2', '2', LINES);
    expect(response.headers.get('content-type')).toBe('application/x-ndjson');
    expect(await response.text()).toBe('{"text":"0\\n0"}\n{"text":"1\\n1"}\n');
    const json = await post('/call/server.same?messages=1', '{"a":\n1}', {
      ...LINES,
      'content-type': 'application/json',
    });
    expect(await json.text()).toBe('{"json":{"a":1}}\n');
  });

  it('that are not text are base64', async () => {
    const { post } = await open();
    const payload = new Uint8Array([255, 0]);
    expect(await (await post('/call/server.same?messages=1', payload, EVENTS)).text()).toBe(
      'event: base64\ndata: /wA=\n\n',
    );
    expect(await (await post('/call/server.same?messages=1', payload, LINES)).text()).toBe(
      '{"base64":"/wA="}\n',
    );
  });

  it('come of the lines of a body, each with the index of its input', async () => {
    const { post } = await open();
    const inputs = Array.from({ length: 500 }, (_, i) => String(i)).join('\n');
    const response = await post('/call/server.odd', inputs, {
      ...LINES,
      'content-type': 'application/x-ndjson',
    });
    const lines = (await response.text())
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(lines).toHaveLength(500);
    expect(lines.sort((a, b) => a.index - b.index).slice(0, 2)).toEqual([
      { index: 0, error: { code: 'REMOTE', message: 'even', remoteName: 'RangeError' } },
      { index: 1, json: 1 },
    ]);
  });

  it('end with an error when none comes in time', async () => {
    const { post } = await open();
    const response = await post('/call/server.count?timeout=100', '2', LINES);
    const lines = (await response.text())
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(lines).toEqual([
      { text: '0\n0' },
      { text: '1\n1' },
      { error: { code: 'TIMEOUT', message: 'no result came within 100 ms' } },
    ]);
  });

  it('are not kept for a caller that does not read them', async () => {
    const { post, figure } = await open({ limits: { maxHeld: 1_048_576 } });
    const response = await post('/call/server.flood', '', EVENTS);
    await expect.poll(() => figure('held_bytes'), { timeout: 8_000 }).toBeLessThan(4_000_000);
    await response.body?.cancel();
    await expect.poll(() => figure('sessions'), { timeout: 8_000 }).toBe(0);
  });
});

describe('a call that fails', () => {
  it.each([
    ['/call/server.boom', 502, 'REMOTE', 'boom'],
    ['/call/server.missing', 404, 'REMOTE', 'no function'],
    ['/call/stranger.upper', 403, 'FORBIDDEN', 'may not use'],
    ['/call/server', 400, 'INVALID_CALL', 'exactly one dot'],
    ['/call/', 400, 'INVALID_CALL', 'exactly one dot'],
    ['/call/server.a.b', 400, 'INVALID_CALL', 'exactly one dot'],
    ['/call/server.%ff', 400, 'INVALID_CALL', 'the path must be'],
    ['/call/server.upper%20server.upper', 400, 'INVALID_CALL', 'exactly one dot'],
    ['/call/server.upper//', 400, 'INVALID_CALL', 'stage 1'],
    ['/call/server.upper?timeout=0', 400, 'INVALID_CALL', 'timeout'],
    ['/call/server.upper?timeout=soon', 400, 'INVALID_CALL', 'timeout'],
    ['/call/server.upper?messages=2', 400, 'INVALID_CALL', 'several results'],
    ['/call/server.big?x=1', 502, 'REMOTE', 'maxFrame'],
  ])('at %s is answered with %i %s', async (path, status, code, text) => {
    const { post } = await open();
    const response = await post(path, '5000000');
    expect(response.headers.get('content-type')).toBe('application/json');
    expect(await errorOf(response)).toMatchObject({ status, code, message: expect.stringContaining(text) });
  });

  it('because of its input is answered with what is wrong, and where', async () => {
    const { post } = await open();
    const type = { 'content-type': 'application/json' };
    expect(await (await post('/call/server.half', '{"of":3}', type)).json()).toBe(1.5);
    expect(await errorOf(await post('/call/server.half', '{"of":"x"}', type))).toMatchObject({
      status: 400,
      code: 'INVALID_CALL',
      issues: [{ path: ['of'], message: expect.stringContaining('number') }],
    });
  });

  it('takes longer than its time', async () => {
    const { post } = await open();
    for (const [path, headers] of [
      ['/call/server.waits?timeout=50', {}],
      ['/call/server.waits', { 'frond-timeout': '50' }],
    ] as const) {
      expect(await errorOf(await post(path, '', headers))).toMatchObject({ status: 504, code: 'TIMEOUT' });
    }
  });

  it('as an event is told by its status when it is the first, and by an event after others', async () => {
    const { post } = await open();
    expect(await errorOf(await post('/call/server.boom', '', EVENTS))).toMatchObject({ status: 502 });
  });

  it('has no token, a wrong one, or one that may not do this', async () => {
    const { post } = await open({
      authenticate: (token) =>
        token === CALLER ? { name: 'caller', servers: ['server'], functions: ['server.same'] } : undefined,
    });
    expect(await errorOf(await post('/call/server.upper'))).toMatchObject({ status: 403, code: 'FORBIDDEN' });
    expect(await errorOf(await post('/call/first.upper/second.twice'))).toMatchObject({ status: 403 });
    expect((await post('/call/server.same', 'x')).status).toBe(200);
    for (const authorization of ['Bearer wrong', '', 'Basic YTpi', `Bearer ${CALLER} x`]) {
      const response = await post('/call/server.same', 'x', { authorization });
      expect(response.headers.get('www-authenticate')).toBe('Bearer');
      expect(await errorOf(response)).toMatchObject({ status: 401, code: 'FORBIDDEN' });
    }
  });

  it('is of nobody, and may be, where those without a token may', async () => {
    const { port } = await open({
      authenticate: undefined,
      anonymous: { servers: ['server'], functions: ['server.upper'] },
    });
    const call = (path: string) =>
      fetch(`http://127.0.0.1:${port}${path}`, { method: 'POST', body: 'x' }).then(({ status }) => status);
    expect([await call('/call/server.upper'), await call('/call/server.same')]).toEqual([200, 403]);
  });

  it('is too large', async () => {
    const { post } = await open({ limits: { maxFrame: 10_000 } });
    expect(await errorOf(await post('/call/server.same', new Uint8Array(10_001)))).toMatchObject({
      status: 413,
      code: 'TOO_LARGE',
    });
    // It fits, but not with what is around it.
    expect(await errorOf(await post('/call/server.same', new Uint8Array(9_999)))).toMatchObject({
      status: 413,
    });
    expect((await post('/call/server.same', new Uint8Array(9_000))).status).toBe(200);
  });

  it.each([
    ['is too large', CALLER, 413],
    ['comes with a wrong token', 'a token that nobody has', 401],
  ])(
    '%s is told so, though all of its body is sent before anything is read',
    async (_what, token, status) => {
      const { raw } = await open({ limits: { maxFrame: 10_000 } });
      const { socket, text } = await raw();
      socket.pause();
      const errors: unknown[] = [];
      socket.on('error', (error) => errors.push(error));
      const pieces = 40;
      const piece = Buffer.alloc(20_000);
      socket.write(
        `POST /call/server.same HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${token}\r\ncontent-length: ${pieces * piece.length}\r\n\r\n`,
      );
      for (let i = 0; i < pieces; i++) {
        await new Promise((resolve) => socket.write(piece, resolve));
      }
      const answer = text();
      socket.resume();
      expect(await within(5_000, answer)).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
      expect(errors).toEqual([]);
    },
  );
});

describe('a caller that goes', () => {
  it('leaves nothing behind', async () => {
    const { post, figure, signals, port } = await open();
    const controller = new AbortController();
    const gone = fetch(`http://127.0.0.1:${port}/call/server.waits`, {
      method: 'POST',
      headers: { authorization: `Bearer ${CALLER}` },
      signal: controller.signal,
    }).catch((error) => error.name);
    await until(() => signals.length === 1);
    expect(await figure('sessions')).toBe(1);
    controller.abort();
    expect(await gone).toBe('AbortError');
    await expect.poll(() => figure('sessions'), { timeout: 5_000 }).toBe(0);
    expect(await figure('http_calls_total{status="499"}')).toBe(1);
    expect((await post('/call/server.upper', 'x')).status).toBe(200);
  });
});

describe('where it may be called', () => {
  it('is nowhere unless the relay says so', async () => {
    const { post } = await open({ http: false });
    expect((await post('/call/server.upper', 'x')).status).toBe(404);
  });

  it('is by POST alone', async () => {
    const { port } = await open();
    for (const method of ['GET', 'PUT', 'DELETE', 'PATCH']) {
      const response = await fetch(`http://127.0.0.1:${port}/call/server.upper`, { method });
      expect([response.status, response.headers.get('allow')]).toEqual([405, 'POST, OPTIONS']);
    }
  });

  it('is by pages of origins that may connect', async () => {
    const { post, port } = await open({ origins: ['https://dash.example'] });
    const origin = 'https://dash.example';
    const asked = await fetch(`http://127.0.0.1:${port}/call/server.upper`, {
      method: 'OPTIONS',
      headers: { origin, 'access-control-request-method': 'POST' },
    });
    expect([asked.status, asked.headers.get('access-control-allow-origin')]).toEqual([204, origin]);
    expect(asked.headers.get('access-control-allow-headers')).toContain('authorization');
    expect(asked.headers.get('access-control-allow-credentials')).toBeNull();
    const response = await post('/call/server.upper', 'x', { origin });
    expect([response.status, response.headers.get('access-control-allow-origin')]).toEqual([200, origin]);
    for (const other of ['https://evil.example', 'null', '']) {
      const refused = await post('/call/server.upper', 'x', { origin: other });
      expect([refused.status, refused.headers.get('access-control-allow-origin')]).toEqual([403, null]);
    }
  });

  it('is not where it goes down: what is under way gets its time, and is ended then', async () => {
    const { post, relay, signals } = await open();
    const waiting = post('/call/server.waits', '');
    await until(() => signals.length === 1);
    const closing = relay.close({ timeout: 300 });
    expect((await post('/call/server.upper', 'x')).status).toBe(503);
    expect((await within(5_000, waiting)).status).toBe(503);
    await within(5_000, closing);
  });
});
