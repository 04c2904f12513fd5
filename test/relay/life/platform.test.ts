/** What platforms do at the end of a WebSocket, and what an application does when it is asked for a token. */
import { afterEach, describe, expect, it } from 'vitest';
import type { Connection, ConnectionStatus } from '../../../src/transport.ts';
import { loneMessage, readClientMessage, Type } from '../../../transports/relay-protocol/frames.ts';
import { websocket } from '../../../transports/websocket/index.ts';
import type { WebsocketOptions } from '../../../transports/websocket/options.ts';
import { until, within } from '../../support/wait.ts';
import { type FakePlatform, type FakeSocket, fakePlatform } from './fake-socket.ts';

const URL = 'ws://relay.example/';
const LIMIT = 2_000;

let connection: Connection | undefined;

afterEach(async () => {
  await connection?.close({ timeout: 0 });
  connection = undefined;
});

/** Opens a connection on a platform, and notes what it says of itself. */
async function open({ WebSocket }: FakePlatform, options: WebsocketOptions = {}) {
  const own = await websocket(URL, { WebSocket, maxDelay: 1, ...options }).open();
  connection = own;
  const statuses: ConnectionStatus[] = [];
  const listen = async () => {
    for await (const status of own.status()) statuses.push(status);
  };
  listen();
  const identified = own.identify();
  identified.catch(() => {});
  const count = (type: ConnectionStatus['type']) => statuses.filter((status) => status.type === type).length;
  return { connection: own, identified, count, statuses };
}

const welcome = () =>
  loneMessage([
    Type.welcome,
    'session',
    'relay/1',
    false,
    0,
    1_000_000,
    1_000_000,
    20_000,
    60_000,
    '',
  ]).slice().buffer;

function greet(socket: FakeSocket): void {
  socket.open();
  socket.get(welcome());
}

const endings: Record<string, (socket: FakeSocket) => void> = {
  'error alone': (socket) => socket.fail(),
  'error alone, with a reason': (socket) => socket.fail('refused'),
  'close alone': (socket) => socket.end(),
  'error, then close': (socket) => {
    socket.fail();
    socket.end();
  },
  'close, then error': (socket) => {
    socket.end();
    socket.fail();
  },
  'error twice, close twice': (socket) => {
    for (let i = 0; i < 2; i++) socket.fail();
    for (let i = 0; i < 2; i++) socket.end();
  },
  'open, then all at once': (socket) => {
    socket.open();
    socket.fail();
    socket.end();
  },
};

describe.each(Object.entries(endings))('%s', (_, end) => {
  it('ends an attempt once, and another follows', async () => {
    const platform = fakePlatform((socket, index) => (index < 20 ? end(socket) : greet(socket)));
    const { identified, count } = await open(platform);
    await within(LIMIT, identified, 'the welcome');
    expect(platform.made).toHaveLength(21);
    expect({ reconnecting: count('reconnecting'), disconnected: count('disconnected') }).toEqual({
      reconnecting: 20,
      disconnected: 20,
    });
  });

  it('ends a link that was up once, and it is made anew', async () => {
    const platform = fakePlatform((socket) => {
      greet(socket);
      if (platform.made.length <= 20) setImmediate(() => end(socket));
    });
    const { count } = await open(platform);
    await within(
      LIMIT,
      until(() => platform.made.length > 20 && count('connected') > 20),
    );
    expect({ made: platform.made.length, reconnecting: count('reconnecting') }).toEqual({
      made: 21,
      reconnecting: 20,
    });
  });
});

describe('a constructor that throws', () => {
  it('ends the connection, once, and says why', async () => {
    let asked = 0;
    class Refusing {
      constructor() {
        asked++;
        throw new Error('the policy of this page says no');
      }
    }
    const platform = { WebSocket: Refusing as unknown as FakePlatform['WebSocket'], made: [] };
    const { connection, identified, count } = await open(platform);
    await expect(within(LIMIT, identified)).rejects.toMatchObject({ code: 'FORBIDDEN' });
    expect((await within(LIMIT, connection.closed))?.message).toMatch(/the policy of this page says no/);
    expect({ asked, closed: count('closed') }).toEqual({ asked: 1, closed: 1 });
  });
});

describe.each([
  ['a text', 'words'],
  ['a Blob', new Blob(['words'])],
  ['a message that is none', new Uint8Array([0xc1]).buffer],
  ['a message that is no welcome', loneMessage([Type.ping]).slice().buffer],
])('%s in place of a welcome', (_, data) => {
  it('ends the connection with PROTOCOL, once', async () => {
    const platform = fakePlatform((socket) => {
      expect(socket.binaryType).toBe('arraybuffer');
      socket.open();
      socket.get(data);
      socket.get(data);
      socket.end(4400);
    });
    const { connection, identified, count } = await open(platform);
    await expect(within(LIMIT, identified)).rejects.toMatchObject({ code: 'PROTOCOL' });
    await within(LIMIT, connection.closed);
    expect(platform.made.map(({ closes }) => closes)).toEqual([[4400]]);
    expect(count('closed')).toBe(1);
  });
});

describe('closing while it connects', () => {
  it.each([
    ['before it opens', () => {}],
    ['before the welcome', (socket: FakeSocket) => socket.open()],
  ])('%s: nothing is made or sent any more, whatever the platform still says', async (_, begin) => {
    const platform = fakePlatform(begin);
    const { connection, identified } = await open(platform);
    await within(
      LIMIT,
      until(() => platform.made.length === 1),
    );
    await new Promise(setImmediate);
    const [socket] = platform.made;
    const sent = socket?.sent.length;
    await within(LIMIT, connection.close());
    await expect(identified).rejects.toMatchObject({ code: 'CLOSED' });
    expect(socket?.closes).toEqual([1000]);
    socket?.open();
    socket?.get(welcome());
    socket?.fail();
    socket?.end();
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(platform.made).toHaveLength(1);
    expect(socket?.sent).toHaveLength(sent ?? 0);
  });

  it('a platform that cannot close yet is asked again in plain words', async () => {
    const platform = fakePlatform((socket) => {
      const close = socket.close.bind(socket);
      socket.close = (code) => {
        close(code);
        if (code !== undefined) throw new Error('InvalidAccessError');
      };
    });
    const { connection } = await open(platform);
    await within(
      LIMIT,
      until(() => platform.made.length === 1),
    );
    await new Promise(setImmediate);
    await within(LIMIT, connection.close());
    expect(platform.made[0]?.closes).toEqual([1000, undefined]);
  });
});

describe('an attempt that takes too long', () => {
  it.each([
    ['to open', () => {}],
    ['to be greeted', (socket: FakeSocket) => socket.open()],
  ])('%s is given up: the next one follows, and what it says later is not heard', async (_, begin) => {
    const platform = fakePlatform((socket, index) => (index === 0 ? begin(socket) : greet(socket)));
    const { identified } = await open(platform, { connectTimeout: 20 });
    await within(LIMIT, identified, 'the welcome');
    const [first, second] = platform.made;
    const sent = first?.sent.length;
    first?.open();
    first?.get(welcome());
    first?.end();
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(first?.sent).toHaveLength(sent ?? 0);
    expect(second?.closes).toEqual([]);
    expect(platform.made).toHaveLength(2);
  });
});

describe('the token', () => {
  const tokenIn = (socket: FakeSocket | undefined) =>
    socket?.sent.map((message) => readClientMessage(new Uint8Array(message)).frames[0]?.[1]);

  it.each([
    ['at once', (count: number) => `t${count}`],
    ['later', async (count: number) => `t${count}`],
  ])('is asked for at each connection: %s', async (_, give) => {
    let count = 0;
    const platform = fakePlatform((socket, index) => {
      greet(socket);
      if (index < 3) setImmediate(() => socket.end());
    });
    await open(platform, { token: () => give(++count) });
    await within(
      LIMIT,
      until(() => platform.made.length === 4 && platform.made[3]?.sent.length === 1),
    );
    expect(platform.made.map(tokenIn)).toEqual([['t1'], ['t2'], ['t3'], ['t4']]);
    expect(count).toBe(4);
  });

  it.each([
    [
      'throws',
      () => {
        throw new Error('no network');
      },
    ],
    ['rejects', () => Promise.reject(new Error('no network'))],
    ['never answers', () => new Promise<string>(() => {})],
  ])('is asked for again when the provider %s', async (how, fail) => {
    let count = 0;
    const platform = fakePlatform(greet);
    const { identified, statuses } = await open(platform, {
      connectTimeout: 20,
      token: () => (++count < 4 ? fail() : 'fine'),
    });
    await within(LIMIT, identified, 'the welcome');
    expect(platform.made.map(tokenIn)).toEqual([['fine']]);
    const reasons = statuses.flatMap((status) => (status.type === 'disconnected' ? [status.reason] : []));
    // What went wrong before anybody could listen is not told.
    expect(reasons.length).toBeGreaterThanOrEqual(2);
    for (const reason of reasons)
      expect(reason).toMatch(how === 'never answers' ? /token.*20 ms/ : /token.*no network/);
  });

  it.each(['answers', 'fails'])('is not asked for after the end: the provider %s later', async (how) => {
    let count = 0;
    let answer = () => {};
    const token = () =>
      new Promise<string>((resolve, reject) => {
        count++;
        answer = () => (how === 'answers' ? resolve('late') : reject(new Error('late')));
      });
    const platform = fakePlatform(greet);
    const { connection } = await open(platform, { token });
    await within(LIMIT, connection.close());
    answer();
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect({ count, made: platform.made.length }).toEqual({ count: 1, made: 0 });
  });
});
