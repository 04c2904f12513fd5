/** The relays beside a relay: which it knows, and how many sessions go to one of them at once, and which go next. */
import { EventEmitter } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { WebSocket } from 'ws';
import { PEER_ANSWER, PEER_DIALS } from '../../../../../src/flow-control.ts';
import type { PassedClient } from '../../../../../transports/relay/peers/passage.ts';
import { PeerKey } from '../../../../../transports/relay/peers/peer-key.ts';
import { PEER_HEADER } from '../../../../../transports/relay/peers/peer-messages.ts';
import { checkPeerUrl, type DialUrl, Peers } from '../../../../../transports/relay/peers/peers.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

/** A WebSocket to another relay, which says nothing by itself. */
class Silent extends EventEmitter {
  readonly OPEN = 1;
  readonly readyState = 0;
  readonly bufferedAmount = 0;
  send(): void {}
  terminate(): void {
    this.emit('close', 1006, '');
  }
}

let told: unknown[] = [];
beforeEach(() => {
  told = [];
});

const client: PassedClient = {
  unsent: 0,
  passed: () => told.push('passed'),
  notPassed: (...reason) => told.push(reason),
  pass: (message) => told.push(String(message)),
  hold: () => {},
  release: () => {},
  waiting: () => {},
  ownerEnded: (...end) => told.push(end),
};

const key = 'k'.repeat(32);

function ground() {
  const dialled: { readonly url: string; readonly nonce: string; readonly socket: Silent }[] = [];
  const given: unknown[] = [];
  const urls = { b: 'ws://127.0.0.1:1/', c: 'ws://127.0.0.1:2/' };
  const peers = new Peers({ id: 'a', key, urls }, (url, subprotocol, { headers, handshakeTimeout }) => {
    given.push({ subprotocol, handshakeTimeout });
    const socket = new Silent();
    const [, nonce = ''] = String(headers[PEER_HEADER]).split(' ');
    dialled.push({ url, nonce, socket });
    return socket as unknown as WebSocket;
  });
  const forwarded = { address: '192.0.2.1', origin: '', host: '', via: '192.0.2.1' };
  const pass = (owner: string) =>
    peers.pass(owner, { client: forwarded, greeting: Buffer.from('greeting') }, client);
  const count = (url: string) => dialled.filter((own) => own.url === url).length;
  /** The owner of the session proves that it is the one, and goes on with it. */
  const welcome = (at: number) => {
    const { socket, nonce } = dialled[at] as (typeof dialled)[number];
    const exchange = { dialler: 'a', owner: 'b', diallerNonce: nonce, ownerNonce: 'n' };
    const proof = new PeerKey(key).ownerProof(exchange);
    socket.emit('message', Buffer.from(JSON.stringify({ id: 'b', nonce: 'n', proof })), false);
    socket.emit('message', Buffer.from('welcome'), true);
  };
  return { peers, dialled, given, pass, urls, count, welcome };
}

it('are 16 at once to one other relay, and one more for each that is answered or over', () => {
  const { peers, dialled, pass, urls, count, welcome } = ground();
  for (let i = 1; i < PEER_DIALS; i++) pass('b');
  expect([PEER_DIALS, count(urls.b)]).toEqual([16, 15]);
  pass('b');
  expect(count(urls.b)).toBe(16);
  const waiting = Array.from({ length: 4 }, () => pass('b'));
  expect(count(urls.b)).toBe(16);
  pass('c');
  expect(count(urls.c), 'another relay has places of its own').toBe(1);
  waiting[0]?.close(1006, '');
  dialled[0]?.socket.terminate();
  expect(count(urls.b), 'the next after a client that has gone').toBe(17);
  welcome(1);
  expect(count(urls.b)).toBe(18);
  dialled[1]?.socket.terminate();
  expect(count(urls.b), 'one place for one session').toBe(18);
  dialled[2]?.socket.emit('message', Buffer.from('no relay says this'), false);
  expect(count(urls.b)).toBe(19);
  vi.advanceTimersByTime(PEER_ANSWER);
  expect([count(urls.b), peers.size, vi.getTimerCount()]).toEqual([19, 0, 0]);
});

it('and what becomes of one is told to its client alone', () => {
  const { peers, dialled, given, pass, welcome } = ground();
  pass('b');
  expect([given, peers.size]).toEqual([[{ subprotocol: 'frond.peer.v1', handshakeTimeout: PEER_ANSWER }], 1]);
  welcome(0);
  dialled[0]?.socket.emit('message', Buffer.from('more'), true);
  dialled[0]?.socket.emit('close', 4413, 'too slow');
  expect(told).toEqual(['passed', 'welcome', 'more', [4413, 'too slow']]);
  expect(peers.size).toBe(0);
});

it('and nobody is dialled for a relay that is not known here', () => {
  const { peers, dialled, pass } = ground();
  expect([pass('d'), pass('a'), dialled.length, peers.size]).toEqual([undefined, undefined, 0, 0]);
});

it('and all of them end when the relay does', () => {
  const { peers, pass, welcome } = ground();
  pass('b');
  pass('b');
  welcome(0);
  peers.close();
  expect(peers.size).toBe(0);
  expect(told.slice(2)).toEqual([
    [1006, ''],
    ['unreachable', ''],
  ]);
});

it('a relay names its own sessions, knows whose a name is, and lets relays in by its own id', () => {
  const { peers } = ground();
  const name = peers.nameSession();
  expect(name).toMatch(/^a\./);
  expect([peers.id, peers.ownerOf(name), peers.ownerOf(`${name}x`)]).toEqual(['a', 'a', undefined]);
  expect(peers.ownerOf(new PeerKey(key).nameSession('b'))).toBe('b');
  expect(peers.ownerOf(new PeerKey('x'.repeat(32)).nameSession('a'))).toBeUndefined();
  const adoptable = peers.nameSession({ id: 'relay/1', identity: 'alice' });
  expect([peers.ownerOf(adoptable), peers.clientOf(adoptable, 'alice')]).toEqual(['a', 'relay/1']);
  expect([peers.clientOf(adoptable, 'bob'), peers.clientOf(name, 'alice')]).toEqual([undefined, undefined]);
  const request = { headers: { [PEER_HEADER]: 'b nonce' } } as unknown as IncomingMessage;
  const entrance = peers.entrance(request);
  expect(entrance?.peer).toBe('b');
  const { id, nonce, proof } = JSON.parse(entrance?.challenge ?? '');
  const exchange = { dialler: 'b', owner: 'a', diallerNonce: 'nonce', ownerNonce: nonce };
  expect([id, proof]).toEqual(['a', new PeerKey(key).ownerProof(exchange)]);
});

describe('there is no relay', () => {
  const dial: DialUrl = () => {
    throw new Error('nobody is dialled yet');
  };
  const url = 'ws://127.0.0.1:1/';

  it.each([
    [{ id: 'a.b' }, 'peers.id must be a name of up to 64 letters, digits, - and _'],
    [{ id: undefined }, 'peers.id must be a name of up to 64 letters, digits, - and _'],
    [{ key: 'x'.repeat(31) }, 'peers.key must be a string of 32 characters or more'],
    [{ urls: { 'b.c': url } }, 'an id in peers.urls must be a name of up to 64 letters, digits, - and _'],
    [{ urls: { b: url, a: url } }, 'peers.urls has the relay a itself: give only the others'],
    [{ urls: { b: url, c: 'http://127.0.0.1/' } }, 'peers.urls.c must be the URL of a WebSocket'],
  ])('with peers %j', (wrong, text) => {
    const settings = { id: 'a', key, urls: {}, ...wrong } as ConstructorParameters<typeof Peers>[0];
    expect(() => new Peers(settings, dial)).toThrow(
      expect.objectContaining({ code: 'INVALID_CALL', message: expect.stringContaining(text) }),
    );
  });
});

describe('the URL of a relay', () => {
  it.each(['ws://10.0.0.2:7766/', 'wss://relay.example/path?query', 'ws://[::1]:7766'])(
    'may be %s',
    (url) => {
      expect(checkPeerUrl('it', url)).toBe(url);
    },
  );

  it.each([
    'http://10.0.0.2:7766/',
    'news://10.0.0.2:7766/',
    'wsx://10.0.0.2:7766/',
    'ws://10.0.0.2:7766/#part',
    '10.0.0.2:7766',
    'ws://',
    '',
    undefined,
  ])('may not be %s', (url) => {
    expect(() => checkPeerUrl('it', url)).toThrow(
      expect.objectContaining({
        code: 'INVALID_CALL',
        message: expect.stringContaining(
          'it must be the URL of a WebSocket, such as ws://10.0.0.2:7766/, not ',
        ),
      }),
    );
  });

  it.each(['ws://user@10.0.0.2:7766/', 'wss://:secret@10.0.0.2:7766/', 'http://user:secret@10.0.0.2/#part'])(
    'is refused without being shown where it has a user or password: %s',
    (url) => {
      expect(() => checkPeerUrl('it', url)).toThrow(
        expect.objectContaining({
          code: 'INVALID_CALL',
          message: 'it must be without user and password: relays know each other by the key of peers',
        }),
      );
    },
  );
});
