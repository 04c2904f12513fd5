/** Sessions that go to one other relay: how many at once, and which go next. */
import { EventEmitter } from 'node:events';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { WebSocket } from 'ws';
import { PEER_ANSWER, PEER_DIALS } from '../../../../../src/flow-control.ts';
import type { PassedClient } from '../../../../../transports/relay/peers/passage.ts';
import { PeerKey } from '../../../../../transports/relay/peers/peer-key.ts';
import { PEER_HEADER } from '../../../../../transports/relay/peers/peer-messages.ts';
import { Peers } from '../../../../../transports/relay/peers/peers.ts';

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

const client: PassedClient = {
  unsent: 0,
  passed: () => {},
  notPassed: () => {},
  pass: () => {},
  hold: () => {},
  release: () => {},
  waiting: () => {},
  ownerEnded: () => {},
};

function ground() {
  const key = 'k'.repeat(32);
  const dialled: { readonly url: string; readonly nonce: string; readonly socket: Silent }[] = [];
  const urls = { b: 'ws://127.0.0.1:1/', c: 'ws://127.0.0.1:2/' };
  const peers = new Peers({ id: 'a', key, urls }, (url, _, { headers }) => {
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
  return { peers, dialled, pass, urls, count, welcome };
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
