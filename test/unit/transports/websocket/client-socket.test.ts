/** One WebSocket of a page, on a platform whose sockets a test moves: what is heard of it, and its one end. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ClientSocket } from '../../../../transports/websocket/client-socket.ts';
import { FakeSocket } from '../../../relay/life/fake-socket.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

function ground() {
  const made: { url: string; protocol: string; socket: FakeSocket }[] = [];
  class Own extends FakeSocket {
    constructor(url: string, protocol: string) {
      super();
      made.push({ url, protocol, socket: this });
    }
  }
  const heard: unknown[] = [];
  const socket = new ClientSocket(Own, 'ws://relay.example/', 1_000, {
    opened: () => heard.push('opened'),
    received: (message) => heard.push([...message]),
    ended: ({ code, reason }) => heard.push(`${code} ${reason}`),
  });
  const own = made[0]?.socket as FakeSocket;
  return { socket, own, heard, made };
}

describe('a socket', () => {
  it('speaks the subprotocol, and takes bytes', () => {
    const { made, own } = ground();
    expect(made).toMatchObject([{ url: 'ws://relay.example/', protocol: 'frond.v1' }]);
    expect(own.binaryType).toBe('arraybuffer');
  });

  it('tells what comes, until its end', () => {
    const { own, heard } = ground();
    own.open();
    own.get(new Uint8Array([1, 2]).buffer);
    own.end(1001, 'bye');
    own.end(1001, 'bye');
    own.open();
    own.get(new Uint8Array([3]).buffer);
    own.fail('late');
    expect(heard).toEqual(['opened', [1, 2], '1001 bye']);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('that gets a text is dropped', () => {
    const { own, heard } = ground();
    own.open();
    own.get('words');
    expect(heard).toEqual(['opened', '4400 a text message came']);
    expect(own.closes).toEqual([4400]);
  });

  it.each([
    ['why', 'why'],
    ['', 'no connection'],
    [undefined, 'no connection'],
  ])('that fails with %j ends with 1006', (message, reason) => {
    const { own, heard } = ground();
    own.fail(message);
    expect(heard).toEqual([`1006 ${reason}`]);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('gets its time to be open and greeted, and no more', () => {
    const late = ground();
    late.own.open();
    vi.advanceTimersByTime(999);
    expect(late.heard).toEqual(['opened']);
    vi.advanceTimersByTime(1);
    expect(late.heard).toEqual(['opened', '4408 no greeting from ws://relay.example/ within 1000 ms']);
    expect(late.own.closes).toEqual([4408]);
    const greeted = ground();
    greeted.own.open();
    greeted.socket.established();
    vi.advanceTimersByTime(10_000);
    expect([greeted.heard, vi.getTimerCount()]).toEqual([['opened'], 0]);
  });
});

describe('a message', () => {
  it('is sent while the socket is open, and not while it connects or closes', () => {
    const { socket, own, heard } = ground();
    const message = new Uint8Array([1]);
    for (const state of [0, 2]) {
      own.readyState = state;
      socket.send(message);
    }
    expect([own.sent, heard]).toEqual([[], []]);
    own.readyState = 1;
    socket.send(message);
    expect([own.sent, heard]).toEqual([[message], []]);
  });

  it('shows that a socket has ended without an event', () => {
    const { socket, own, heard } = ground();
    own.readyState = 3;
    socket.send(new Uint8Array([1]));
    socket.send(new Uint8Array([1]));
    expect([own.sent, heard]).toEqual([[], ['1006 no connection']]);
    const throwing = ground();
    throwing.own.readyState = 1;
    throwing.own.send = () => {
      throw new Error('it belongs to another request');
    };
    throwing.socket.send(new Uint8Array([1]));
    expect(throwing.heard).toEqual(['1006 it belongs to another request']);
  });
});

describe('a dropped socket', () => {
  it.each([
    [1000, 1000],
    [1009, 1000],
    [2999, 1000],
    [3000, 3000],
    [4408, 4408],
  ])('with %i is closed with %i, which platforms take', (code, told) => {
    const { socket, own, heard } = ground();
    socket.drop(code, 'why');
    expect([own.closes, heard]).toEqual([[told], [`${code} why`]]);
    own.end(1006);
    expect(heard).toHaveLength(1);
  });

  it('is closed without a code where the platform takes none', () => {
    const { socket, own } = ground();
    own.close = (code) => {
      own.closes.push(code);
      if (code !== undefined) throw new Error('InvalidAccessError');
    };
    socket.drop(4408, 'why');
    expect(own.closes).toEqual([4408, undefined]);
  });
});
