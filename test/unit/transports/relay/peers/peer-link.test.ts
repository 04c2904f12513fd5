/** A link to the relay that owns a session: what that must prove before it is shown a client, and how each end is told. */
import { EventEmitter } from 'node:events';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { WebSocket } from 'ws';
import { type Exchange, PeerKey } from '../../../../../transports/relay/peers/peer-key.ts';
import { PeerLink } from '../../../../../transports/relay/peers/peer-link.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const KEY = new PeerKey('0123456789abcdef0123456789abcdef');
const OTHER = new PeerKey('0123456789abcdef0123456789abcdeF');
const CLIENT = {
  address: '203.0.113.7',
  origin: 'https://page.example',
  host: 'relay.example',
  via: '192.0.2.1',
};
const GREETING = Buffer.from('the greeting, with a token');

/** A WebSocket whose other side a test plays. */
class Dialled extends EventEmitter {
  readonly OPEN = 1;
  readyState = 1;
  bufferedAmount = 5;
  binaryType = '';
  isPaused = false;
  readonly sent: (string | Buffer)[] = [];
  readonly send = vi.fn((data: string | Buffer, sent?: () => void) => {
    this.sent.push(data);
    sent?.();
  });
  readonly close = vi.fn();
  readonly terminate = vi.fn(() => this.emit('close', 1006, Buffer.from('')));
  pause(): void {
    this.isPaused = true;
  }
  resume(): void {
    this.isPaused = false;
  }
}

function dial() {
  const socket = new Dialled();
  const told: unknown[] = [];
  const headers: string[] = [];
  const link = new PeerLink(
    (given) => {
      headers.push(String(given['frond-peer']));
      return socket as unknown as WebSocket;
    },
    { key: KEY, dialler: 'b', owner: 'a', client: CLIENT, greeting: GREETING },
    {
      welcomed: (message) => told.push(['welcomed', String(message)]),
      received: (message) => told.push(['received', String(message)]),
      ended: (...end) => told.push(['ended', ...end]),
    },
  );
  const [dialler = '', diallerNonce = ''] = (headers[0] ?? '').split(' ');
  const exchange: Exchange = { dialler, owner: 'a', diallerNonce, ownerNonce: 'n' };
  const hear = (data: string, isBinary: boolean) => socket.emit('message', Buffer.from(data), isBinary);
  const challenge = (others: object = {}) =>
    hear(JSON.stringify({ id: 'a', nonce: 'n', proof: KEY.ownerProof(exchange), ...others }), false);
  const open = () => {
    challenge();
    hear('welcome', true);
  };
  const end = (code: number, reason = '') => socket.emit('close', code, Buffer.from(reason));
  return { socket, told, headers, link, exchange, hear, challenge, open, end };
}

describe('the owner', () => {
  it('is told who dials, with a number that is new for each link', () => {
    const [one, other] = [dial(), dial()];
    expect(one.headers).toEqual([expect.stringMatching(/^b [\w-]{21}$/)]);
    expect(other.headers).not.toEqual(one.headers);
    expect(one.socket.sent).toEqual([]);
  });

  it('that proves the key is shown a proof, the client and its greeting, and then goes on', () => {
    const { socket, challenge, exchange, hear, told } = dial();
    challenge();
    const said = [CLIENT.address, CLIENT.origin, CLIENT.host, CLIENT.via];
    const [introduction, greeting, ...more] = socket.sent;
    expect(JSON.parse(String(introduction))).toEqual({ ...CLIENT, proof: KEY.diallerProof(exchange, said) });
    expect([greeting, more, told]).toEqual([GREETING, [], []]);
    hear('welcome', true);
    hear('more', true);
    expect(told).toEqual([
      ['welcomed', 'welcome'],
      ['received', 'more'],
    ]);
  });

  it('gives whole messages as buffers', () => {
    expect(dial().socket.binaryType).toBe('nodebuffer');
  });
});

describe('what was dialled is shown nothing of the client, and told that it is not the relay', () => {
  it.each<[what: string, others: (exchange: Exchange) => object, reason: string]>([
    [
      'has another key',
      (exchange) => ({ proof: OTHER.ownerProof(exchange) }),
      'it does not have the key of this relay',
    ],
    ['is another relay', () => ({ id: 'c' }), 'what answers as a is c: its URL leads to another one'],
    ['is this relay itself', () => ({ id: 'b' }), 'what answers as a is b: it is this relay itself'],
    ['says no proof', () => ({ proof: '' }), 'it does not have the key of this relay'],
    ['says a proof for another number', () => ({ nonce: 'm' }), 'it does not have the key of this relay'],
    ['says half of it', () => ({ nonce: 1 }), 'the other relay said something that relays do not say'],
  ])('when it %s', (_, others, reason) => {
    const { socket, challenge, exchange, hear, end, told } = dial();
    challenge(others(exchange));
    expect(socket.sent).toEqual([]);
    expect(socket.close).toHaveBeenCalledExactlyOnceWith(4403, 'this is not the relay that was dialled');
    hear('welcome', true);
    challenge();
    expect([socket.sent, told]).toEqual([[], []]);
    end(4403, 'any words');
    expect(told).toEqual([['ended', 'refused', 4403, reason]]);
  });

  it('when it plays back the proof of another link', () => {
    const { socket, challenge, end, told } = dial();
    challenge({ proof: KEY.ownerProof(dial().exchange) });
    end(1005);
    expect(socket.sent).toEqual([]);
    expect(told).toEqual([['ended', 'refused', 1005, 'it does not have the key of this relay']]);
  });

  it('when it begins with a welcome', () => {
    const { socket, hear, end, told } = dial();
    hear('welcome', true);
    hear('welcome', true);
    end(1005);
    expect(socket.sent).toEqual([]);
    expect(told).toEqual([
      ['ended', 'refused', 1005, 'the other relay said something that relays do not say'],
    ]);
  });

  it('or, once it was shown the client, says more than relays say', () => {
    const { socket, hear, challenge, end, told } = dial();
    challenge();
    challenge();
    hear('welcome', true);
    end(4403);
    expect(socket.sent).toHaveLength(2);
    expect(told).toEqual([['ended', 'refused', 4403, 'it says more than relays say']]);
  });

  it('even when its challenge is right but comes as bytes', () => {
    const { socket, exchange, hear } = dial();
    hear(JSON.stringify({ id: 'a', nonce: 'n', proof: KEY.ownerProof(exchange) }), true);
    expect(socket.sent).toEqual([]);
    expect(socket.close).toHaveBeenCalledOnce();
  });
});

describe('a link that ends before the owner goes on', () => {
  it.each([
    [4404, 'unknown'],
    [1012, 'unknown'],
    [4429, 'full'],
    [1006, 'unreachable'],
    [4401, 'refused'],
    [4403, 'refused'],
    [1000, 'refused'],
  ])('with %i is %s', (code, outcome) => {
    const { challenge, end, told } = dial();
    challenge();
    end(code, 'its reason');
    expect(told).toEqual([['ended', outcome, code, 'its reason']]);
  });

  it('with an error is unreachable, and says the first', () => {
    const { socket, end, told } = dial();
    socket.emit('error', new Error('connect ECONNREFUSED'));
    socket.emit('error', new Error('another'));
    end(1006);
    expect(told).toEqual([['ended', 'unreachable', 1006, 'connect ECONNREFUSED']]);
  });

  it('because it is given up is unreachable, with the reason', () => {
    const { socket, link, told } = dial();
    link.giveUp('no answer');
    expect(socket.terminate).toHaveBeenCalledOnce();
    expect(told).toEqual([['ended', 'unreachable', 1006, 'no answer']]);
  });

  it('after an error that was known before it is given up says that', () => {
    const { socket, link, told } = dial();
    socket.emit('error', new Error('unexpected server response: 404'));
    link.giveUp('no answer');
    expect(told).toEqual([['ended', 'unreachable', 1006, 'unexpected server response: 404']]);
  });
});

describe('an open link', () => {
  it('that ends says how the owner has ended it', () => {
    const { open, end, told } = dial();
    open();
    end(4413, 'too slow');
    expect(told.slice(1)).toEqual([['ended', 'passed', 4413, 'too slow']]);
  });

  it('that breaks has still been passed', () => {
    const { socket, open, end, told } = dial();
    open();
    socket.emit('error', new Error('read ECONNRESET'));
    end(1006);
    expect(told.slice(1)).toEqual([['ended', 'passed', 1006, 'read ECONNRESET']]);
  });

  it('carries messages, says what waits, and stops and goes on with reading', () => {
    const { socket, open, link } = dial();
    open();
    const sent = vi.fn();
    link.send(Buffer.from('x'), sent);
    expect([String(socket.sent.at(-1)), sent.mock.calls.length, link.unsent]).toEqual(['x', 1, 5]);
    link.pause();
    expect(socket.isPaused).toBe(true);
    link.resume();
    expect(socket.isPaused).toBe(false);
  });
});

describe('closing a link', () => {
  it('tells the owner how the client has ended, reads on for its answer, and waits a second for it', () => {
    const { socket, open, link } = dial();
    open();
    link.pause();
    link.close(1000, 'done');
    expect(socket.close).toHaveBeenCalledExactlyOnceWith(1000, 'done');
    expect(socket.isPaused).toBe(false);
    vi.advanceTimersByTime(999);
    expect(socket.terminate).not.toHaveBeenCalled();
    vi.advanceTimersByTime(1);
    expect(socket.terminate).toHaveBeenCalledOnce();
    expect(vi.getTimerCount()).toBe(0);
  });

  it('leaves no timer when the owner answers', () => {
    const { socket, open, link, end } = dial();
    open();
    link.close(4409, '');
    end(4409);
    expect(vi.getTimerCount()).toBe(0);
    expect(socket.terminate).not.toHaveBeenCalled();
  });

  it('cuts a reason to what WebSocket allows', () => {
    const { socket, open, link } = dial();
    open();
    link.close(4400, 'x'.repeat(200));
    expect(socket.close).toHaveBeenCalledExactlyOnceWith(4400, 'x'.repeat(123));
  });

  it.each([1004, 1005, 1006, 1015])('breaks it for %i, which nobody may send', (code) => {
    const { socket, open, link } = dial();
    open();
    link.close(code, '');
    expect([socket.close.mock.calls.length, socket.terminate.mock.calls.length]).toEqual([0, 1]);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('breaks what is not open', () => {
    const { socket, link } = dial();
    socket.readyState = 0;
    link.close(1000, '');
    expect([socket.close.mock.calls.length, socket.terminate.mock.calls.length]).toEqual([0, 1]);
  });
});
