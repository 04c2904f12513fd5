/** Calls over HTTP before and after their one client: who is let in, what is refused and how, and that each leaves what it had. */
import { type IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { Duplex, PassThrough } from 'node:stream';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { EnvelopeCodec } from '../../../../../src/protocol/envelope.ts';
import { palmMessage } from '../../../../../src/protocol/message.ts';
import type { ConnectionInfo } from '../../../../../transports/relay/auth/identity.ts';
import { Identity } from '../../../../../transports/relay/auth/identity.ts';
import { NamePatterns } from '../../../../../transports/relay/name-patterns.ts';
import { HttpCalls, type HttpCallsSettings } from '../../../../../transports/relay/session/http-calls.ts';
import { resolveLimits } from '../../../../../transports/relay/session/limits.ts';
import type { SessionSocket } from '../../../../../transports/relay/session/session.ts';
import { type ClientFrame, loneMessage, Type } from '../../../../../transports/relay-protocol/frames.ts';
import { bytes } from '../../../../support/bytes.ts';

/** Ends what is under way. A call waits for its result with a timer, which the tests after it would find. */
const underWay: (() => void)[] = [];

afterEach(() => {
  for (const go of underWay.splice(0)) go();
  vi.useRealTimers();
});

const INFO: ConnectionInfo = { address: '203.0.113.7', origin: undefined };
const TOKEN = 'a token';
const ALICE = new Identity({
  name: 'alice',
  servers: ['server', 'last', 'gone'],
  functions: ['own.*', 'end.*'],
});
const LIMITS = resolveLimits({ maxFrame: 2_000, greetingTimeout: 500 });

const settle = async () => {
  for (let i = 0; i < 4; i++) await new Promise(setImmediate);
};
const codec = new EnvelopeCodec();

interface Given {
  readonly path?: string;
  readonly identify?: (token: string | undefined) => Promise<Identity | undefined>;
  readonly refusal?: { readonly status: number; readonly reason: string };
  readonly functions?: NamePatterns;
  readonly known?: () => Promise<void>;
  readonly failing?: boolean;
}

function ground({ path = '/', identify, refusal, functions, known = async () => {}, failing }: Given = {}) {
  const events: string[] = [];
  const logged: unknown[] = [];
  const taken: ClientFrame[] = [];
  const arrived: number[] = [];
  const admitted: unknown[] = [];
  const leave = vi.fn();
  const httpCall = vi.fn();
  const sockets = new Map<object, SessionSocket>();
  let last: object | undefined;
  const newSession = () => ({
    id: 'relay/7',
    identity: ALICE,
    arriving: (count: number) => arrived.push(count),
    admitted: (credentials: unknown) => admitted.push(credentials),
    resume: () => {},
    take: ({ frames }: { readonly frames: readonly ClientFrame[] }) => taken.push(...frames),
  });
  const sessions = {
    begin: (identity: Identity, address: string) => {
      if (failing === true) throw new TypeError('a bug');
      events.push(`${identity.name} from ${address} begins`);
      last = newSession();
      return last;
    },
    connect: (session: object, socket: SessionSocket) => {
      // As a session does: it tells the socket before that it is replaced.
      sockets.get(session)?.close(4409, 'another connection took the session over');
      sockets.set(session, socket);
    },
    disconnected: (session: object, socket: SessionSocket, mayReturn: boolean) =>
      events.push(
        `${socket === sockets.get(session) ? 'its socket' : 'another'} ends, and may return: ${mayReturn}`,
      ),
  };
  const connected = () => (last === undefined ? undefined : sockets.get(last));
  const upstream = (name: string) => ({
    name,
    palmName: name === 'server' ? 'own' : 'end',
    known,
    functions,
    offers: async () => [{ name: 'upper' }, { name: 'other' }],
  });
  const upstreams = new Map([
    ['server', upstream('server')],
    ['last', upstream('last')],
    ['secret', upstream('secret')],
  ]);
  const log = (level: string) => (text: string, fields: unknown) => logged.push([level, text, fields]);
  const calls = new HttpCalls({
    path,
    limits: LIMITS,
    admission: { identify: identify ?? (async (token?: string) => (token === TOKEN ? ALICE : undefined)) },
    upgrades: { admit: () => ({ info: INFO, refusal, leave }) },
    sessions,
    metrics: { httpCall },
    logger: { warning: log('warning'), error: log('error') },
    find: (name: string) => upstreams.get(name),
    names: () => [...upstreams.keys()],
  } as unknown as HttpCallsSettings);

  const ask = (url: string, { method = 'POST', token = TOKEN as string | null, headers = {} } = {}) => {
    let written = '';
    const socket = new Duplex({
      read() {},
      write(chunk: Buffer, _encoding, done) {
        written += chunk.toString('latin1');
        done();
      },
    });
    const setTimeout = vi.fn();
    Object.assign(socket, { setTimeout });
    const request = Object.assign(new PassThrough(), {
      method,
      url,
      httpVersionMajor: 1,
      httpVersionMinor: 1,
      complete: true,
      headers: { ...(token !== null && { authorization: `Bearer ${token}` }), ...headers },
      socket: { remoteAddress: '192.0.2.1' },
    });
    const response = new ServerResponse(request as unknown as IncomingMessage);
    response.sendDate = false;
    response.assignSocket(socket as Socket);
    const isTaken = calls.respond(request as unknown as IncomingMessage, response);
    /** The caller's connection has ended. */
    const go = () => {
      socket.destroy();
      request.destroy();
    };
    underWay.push(go);
    return {
      isTaken,
      setTimeout,
      request,
      response,
      send: (body: string) => request.end(body),
      go,
      get status() {
        return Number(written.split(' ', 2)[1]);
      },
      get head() {
        return written.split('\r\n\r\n', 1)[0] ?? '';
      },
      get body() {
        return written.slice(written.indexOf('\r\n\r\n') + 4);
      },
      get error() {
        return JSON.parse(this.body).error as Readonly<Record<string, unknown>>;
      },
    };
  };
  /** The server answers the call that is under way. */
  const answer = (text: string) => {
    const frame = codec.encode(palmMessage({ payload: bytes(text) })).slice();
    connected()?.send(loneMessage([Type.results, 2, [{ topic: 'relay/7/1', frames: [frame] }]]));
  };
  /** Both channels of the call that is under way are open. */
  const ready = () => {
    for (const channel of [1, 2]) connected()?.send(loneMessage([Type.ready, channel, 1, true]));
  };
  return {
    calls,
    ask,
    answer,
    ready,
    events,
    logged,
    taken,
    arrived,
    admitted,
    leave,
    httpCall,
    upstreams,
    close: (code: number, reason: string) => connected()?.close(code, reason),
  };
}

const BEGINS = 'alice from 203.0.113.7 begins';
const ENDS = 'its socket ends, and may return: false';

describe('a request is a call', () => {
  it.each([
    ['/', '/call/server.upper', true],
    ['/relay', '/relay/call/server.upper', true],
    ['/relay/', '/relay/call/server.upper', true],
    ['/relay/', '/call/server.upper', true],
    ['/relay', '/relayed/call/server.upper', false],
    ['/relay', '/other/call/server.upper', false],
    ['/', '/', false],
    ['/', '/call', false],
    ['/', '/openapi.json/', false],
    ['/relay', '/relay/openapi.json', true],
  ])('where the relay is at %s and it is to %s: %s', async (path, url, isTaken) => {
    const { ask, httpCall } = ground({ path });
    const asked = ask(url);
    expect(asked.isTaken).toBe(isTaken);
    if (!isTaken) expect([asked.response.listenerCount('error'), asked.head]).toEqual([0, '']);
    asked.go();
    await settle();
    expect(httpCall.mock.calls.length).toBe(isTaken ? 1 : 0);
  });
});

describe('a call', () => {
  it('is of a session of its own, from who shows the token to the answer', async () => {
    const own = ground();
    const call = own.ask('/call/server.upper');
    call.request.write('ab');
    await settle();
    expect(own.admitted).toEqual([{ token: TOKEN, info: INFO }]);
    expect(own.arrived).toEqual([2]);
    call.send('c');
    await settle();
    expect(own.arrived, 'the body counts until the call has it').toEqual([2, 3, 0]);
    expect(own.taken).toEqual([
      [Type.open, 1, expect.anything(), 'server', ''],
      [Type.open, 2, expect.anything(), 'server', 'relay/7/'],
    ]);
    expect([own.events, call.setTimeout.mock.calls]).toEqual([[BEGINS], [[0]]]);
    own.answer('ABC');
    await settle();
    expect([call.status, call.body, own.events]).toEqual([200, 'ABC', [BEGINS, ENDS]]);
    expect(call.head).toContain('vary: origin');
    expect(call.head).not.toContain('access-control');
  });

  it('goes to the first server of a pipeline, by its own names, and its results come from the last', async () => {
    for (const [path, last, names] of [
      ['server.upper/last.twice', 'last', 'own.upper end.twice'],
      ['server.upper/last.twice/server.f', 'server', 'own.upper end.twice own.f'],
    ] as const) {
      const own = ground();
      const call = own.ask(`/call/${path}`);
      call.send('x');
      await settle();
      expect(own.taken).toEqual([
        [Type.open, 1, expect.anything(), 'server', ''],
        [Type.open, 2, expect.anything(), last, 'relay/7/'],
      ]);
      own.ready();
      await settle();
      const [frame = bytes('')] = own.taken.flatMap((own) => (own[0] === Type.send ? own[3] : []));
      expect(codec.decode(frame)).toMatchObject({ function: names, payload: bytes('x') });
    }
  });

  it('of a page may be read by it', async () => {
    const own = ground();
    const call = own.ask('/call/server.upper', { headers: { origin: 'https://page.example' } });
    call.send('x');
    await settle();
    own.answer('X');
    await settle();
    expect(call.head).toContain('access-control-allow-origin: https://page.example');
    expect(call.head).toContain('vary: origin');
  });

  it('to a server that is taken away while its body comes goes to nobody, and the relay has not failed', async () => {
    const own = ground();
    const call = own.ask('/call/server.upper');
    await settle();
    own.upstreams.delete('server');
    call.send('x');
    await settle();
    expect([call.head, own.logged, own.taken[0]?.slice(3, 4)]).toEqual(['', [], ['server']]);
  });
});

describe('is refused before a session begins', () => {
  it.each([
    [403, 'FORBIDDEN'],
    [429, 'CLOSED'],
    [503, 'CLOSED'],
    [500, 'CLOSED'],
  ])('with %i, as %s', async (status, code) => {
    const own = ground({ refusal: { status, reason: 'the reason' } });
    const call = own.ask('/call/server.upper');
    await settle();
    expect([call.status, call.error, own.events]).toEqual([status, { code, message: 'the reason' }, []]);
    expect(own.logged).toEqual([
      ['warning', 'call over HTTP refused', { address: '192.0.2.1', status, reason: 'the reason' }],
    ]);
    call.go();
    await settle();
    expect([own.httpCall.mock.calls, own.leave.mock.calls.length]).toEqual([[[status]], 0]);
  });

  it.each([
    [null, 'a token is needed'],
    ['wrong', 'the token is wrong or has expired'],
  ])('with the token %j: %s', async (token, message) => {
    const own = ground();
    const call = own.ask('/call/server.upper', { token });
    await settle();
    expect([call.status, call.error, own.events]).toEqual([401, { code: 'FORBIDDEN', message }, []]);
  });

  it('while the token cannot be checked', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const own = ground({ identify: () => new Promise(() => {}) });
    const call = own.ask('/call/server.upper');
    await vi.advanceTimersByTimeAsync(LIMITS.greetingTimeout - 1);
    expect(call.head).toBe('');
    await vi.advanceTimersByTimeAsync(1);
    await settle();
    expect([call.status, call.error, own.events]).toEqual([
      503,
      { code: 'TIMEOUT', message: 'the token could not be checked in time' },
      [],
    ]);
    expect(vi.getTimerCount()).toBe(0);
  });

  it.each([
    ['server.upper/secret.f', 'secret'],
    ['secret.f/server.upper', 'secret'],
    ['server.upper/gone.f', 'gone'],
    ['gone.f', 'gone'],
  ])('for %s, because of the server %s', async (path, server) => {
    const own = ground();
    const call = own.ask(`/call/${path}`);
    await settle();
    expect([call.status, call.error, own.events]).toEqual([
      403,
      { code: 'FORBIDDEN', message: `alice may not use a server "${server}" here, or there is none` },
      [],
    ]);
  });

  it('when its caller goes while the token is checked', async () => {
    let tell: (identity: Identity) => void = () => {};
    const own = ground({
      identify: () =>
        new Promise((resolve) => {
          tell = resolve;
        }),
    });
    const call = own.ask('/call/server.upper');
    await settle();
    call.go();
    await settle();
    tell(ALICE);
    await settle();
    expect([own.events, own.logged, own.httpCall.mock.calls]).toEqual([[], [], [[499]]]);
    expect(own.leave).toHaveBeenCalledOnce();
  });
});

describe('fails, and leaves its session once', () => {
  it('where the relay fails, which the log says more of than the caller learns', async () => {
    const own = ground({ failing: true });
    const call = own.ask('/call/server.upper');
    await settle();
    expect([call.status, call.error]).toEqual([500, { code: 'PROTOCOL', message: 'the relay failed' }]);
    expect(own.logged).toEqual([
      ['error', 'call over HTTP refused', { address: '192.0.2.1', status: 500, reason: 'a bug' }],
    ]);
  });

  it('with too much in its body together with what is around it', async () => {
    const own = ground();
    const call = own.ask('/call/server.upper');
    call.send('x'.repeat(LIMITS.maxFrame - 1));
    await settle();
    expect([call.status, call.error['code'], own.events]).toEqual([413, 'TOO_LARGE', [BEGINS, ENDS]]);
    expect(own.logged).toEqual([]);
    call.go();
    await settle();
    expect(own.events).toHaveLength(2);
    await own.calls.idle();
  });

  it('when the session has no room for its body', async () => {
    const own = ground();
    const call = own.ask('/call/server.upper');
    call.request.complete = false;
    call.request.write('x');
    await settle();
    own.close(4413, 'too much is kept');
    await settle();
    expect([call.status, call.error]).toEqual([429, { code: 'TOO_LARGE', message: 'too much is kept' }]);
    expect(own.events).toEqual([BEGINS, ENDS]);
    expect(own.logged).toEqual([
      [
        'warning',
        'call over HTTP refused',
        { address: '192.0.2.1', status: 429, reason: 'too much is kept' },
      ],
    ]);
    // The rest of its body is read, so that it hears of that, and taken for nothing.
    expect([call.request.destroyed, call.response.writableEnded]).toEqual([false, false]);
    call.send('the rest');
    await settle();
    expect([call.response.writableEnded, own.taken, own.logged.length]).toEqual([true, [], 1]);
  });

  it('when its caller goes while the body comes', async () => {
    const own = ground();
    const call = own.ask('/call/server.upper');
    call.request.write('x');
    await settle();
    call.go();
    await settle();
    expect([own.events, own.taken, call.head]).toEqual([[BEGINS, ENDS], [], '']);
  });

  it('when its caller goes while the server is asked for its name', async () => {
    let tell = () => {};
    const known = () =>
      new Promise<void>((resolve) => {
        tell = resolve;
      });
    const own = ground({ known });
    const call = own.ask('/call/server.upper');
    call.send('x');
    await settle();
    call.go();
    await settle();
    tell();
    await settle();
    expect([own.events, own.taken]).toEqual([[BEGINS, ENDS], []]);
  });

  it('when the session ends while the server is asked for its name', async () => {
    let tell = () => {};
    const known = () =>
      new Promise<void>((resolve) => {
        tell = resolve;
      });
    const own = ground({ known });
    const call = own.ask('/call/server.upper');
    call.send('x');
    await settle();
    own.close(4413, 'too much is kept');
    tell();
    await settle();
    expect([call.status, own.events, own.taken]).toEqual([429, [BEGINS, ENDS], []]);
  });

  it('when its caller goes while it waits for the answer, or is written to', async () => {
    const own = ground();
    const call = own.ask('/call/server.upper');
    call.send('x');
    await settle();
    expect(() => call.response.emit('error', new Error('EPIPE'))).not.toThrow();
    call.go();
    await settle();
    expect([own.events, own.httpCall.mock.calls]).toEqual([[BEGINS, ENDS], [[499]]]);
    expect(own.leave).toHaveBeenCalledOnce();
  });
});

describe('the relay waits for calls under way', () => {
  it('and not where there are none', async () => {
    await ground().calls.idle();
  });

  it('until the last of them is over, and ends them when their time is', async () => {
    const own = ground();
    const [first, second] = [own.ask('/call/server.upper'), own.ask('/call/server.upper')];
    first.send('x');
    await settle();
    second.send('x');
    await settle();
    let isIdle = false;
    const idle = own.calls.idle().then(() => {
      isIdle = true;
    });
    own.answer('X');
    await settle();
    expect([second.status, isIdle]).toEqual([200, false]);
    own.calls.close();
    await idle;
    expect([first.status, first.error]).toEqual([
      503,
      { code: 'CLOSED', message: 'the relay is going down' },
    ]);
  });
});

describe('a page that asks whether it may', () => {
  it.each([
    ['/call/server.upper', 'POST'],
    ['/openapi.json', 'GET'],
  ])('call %s is told, and nothing else is done', async (url, method) => {
    const identify = vi.fn(async () => ALICE);
    const own = ground({ identify });
    const asked = own.ask(url, { method: 'OPTIONS', headers: { origin: 'https://page.example' } });
    await settle();
    expect([asked.status, identify.mock.calls, own.logged, own.events]).toEqual([204, [], [], []]);
    for (const line of [
      `access-control-allow-methods: ${method}`,
      'access-control-allow-headers: authorization, content-type, accept, frond-timeout',
      'access-control-max-age: 600',
      'access-control-allow-origin: https://page.example',
    ])
      expect(asked.head).toContain(line);
  });
});

describe('the description of the functions', () => {
  it('has those of the servers that the caller may use, and is its own alone', async () => {
    const own = ground();
    const asked = own.ask('/openapi.json', { method: 'GET' });
    await settle();
    const document = JSON.parse(asked.body);
    expect(Object.keys(document.paths)).toEqual([
      '/call/server.upper',
      '/call/server.other',
      '/call/last.upper',
      '/call/last.other',
    ]);
    expect([asked.status, document.info.title, document.servers]).toEqual([200, 'frond', undefined]);
    for (const line of [
      'content-type: application/json',
      'cache-control: no-store',
      'x-content-type-options: nosniff',
      `content-length: ${Buffer.byteLength(asked.body)}`,
    ])
      expect(asked.head).toContain(line);
  });

  it('has none that nobody may call through this relay', async () => {
    const own = ground({ functions: new NamePatterns(['own.upper']) });
    const asked = own.ask('/openapi.json', { method: 'GET' });
    await settle();
    expect(Object.keys(JSON.parse(asked.body).paths)).toEqual(['/call/server.upper']);
  });

  it('has none that the caller may not call', async () => {
    const identity = new Identity({ name: 'bob', servers: ['*'], functions: ['end.other'] });
    const own = ground({ identify: async () => identity, functions: new NamePatterns(['*']) });
    const asked = own.ask('/openapi.json', { method: 'GET' });
    await settle();
    expect(Object.keys(JSON.parse(asked.body).paths)).toEqual(['/call/last.other', '/call/secret.other']);
  });

  it('has only its head for HEAD', async () => {
    const own = ground();
    const asked = own.ask('/openapi.json', { method: 'HEAD' });
    await settle();
    expect([asked.status, asked.body]).toEqual([200, '']);
    expect(asked.head).toMatch(/content-length: \d{3}/);
  });

  it.each(['POST', 'PUT', 'DELETE'])('is not read with %s', async (method) => {
    const own = ground();
    const asked = own.ask('/openapi.json', { method });
    await settle();
    expect([asked.status, asked.error]).toEqual([
      405,
      { code: 'INVALID_CALL', message: 'the description of the functions is read with GET' },
    ]);
  });
});
