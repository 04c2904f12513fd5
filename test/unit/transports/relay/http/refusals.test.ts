/** How an upgrade is refused: what clients of frond and others read, and how long their sockets stay. */
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { Duplex } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Refusals } from '../../../../../transports/relay/http/refusals.ts';
import { until } from '../../../../support/wait.ts';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
});
afterEach(() => {
  vi.useRealTimers();
});

const REFUSAL = { status: 403, code: 4403, reason: 'why' };

/** The example of RFC 6455, 1.3. */
const HEADERS = {
  upgrade: 'websocket',
  'sec-websocket-version': '13',
  'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
  'sec-websocket-protocol': 'other, frond.v1',
};
const ACCEPT = 's3pPLMBiTxaQ9kYGzzhZRbK+xOo=';

function refused(refusals: Refusals, request: object = {}, refusal: object = REFUSAL) {
  const written: Buffer[] = [];
  const socket = new Duplex({
    read() {},
    write(chunk: Buffer, _encoding, done) {
      written.push(chunk);
      done();
    },
  });
  const own = { method: 'GET', headers: HEADERS, ...request } as unknown as IncomingMessage;
  refusals.refuse(own, socket, refusal as typeof REFUSAL);
  return { socket, answer: () => Buffer.concat(written) };
}

describe('a refused client of frond', () => {
  it('gets its handshake, and a close frame with the code and the reason', async () => {
    const { socket, answer } = refused(new Refusals());
    await until(() => socket.writableFinished);
    const [head, frame] = answer().toString('latin1').split('\r\n\r\n');
    expect(head?.split('\r\n')).toEqual([
      'HTTP/1.1 101 Switching Protocols',
      'Upgrade: websocket',
      'Connection: Upgrade',
      `Sec-WebSocket-Accept: ${ACCEPT}`,
      'Sec-WebSocket-Protocol: frond.v1',
    ]);
    expect(Buffer.from(frame ?? '', 'latin1')).toEqual(
      Buffer.from([0x88, 5, 4403 >> 8, 4403 & 0xff, ...Buffer.from('why')]),
    );
    socket.destroy();
  });

  it.each([
    ['method', { method: 'POST' }],
    ...Object.entries({
      upgrade: ['h2c', undefined],
      'sec-websocket-version': ['8', undefined],
      'sec-websocket-key': [
        'short',
        `${HEADERS['sec-websocket-key']}x`,
        `x${HEADERS['sec-websocket-key']}`,
        'x=='.padStart(24, '!'),
        undefined,
      ],
      'sec-websocket-protocol': ['frond.v2', undefined],
    }).flatMap(([name, values]) =>
      values.map((value) => [`${name}: ${value}`, { headers: { ...HEADERS, [name]: value } }] as const),
    ),
  ] as const)('is not one with the %s', async (_, request) => {
    const { socket, answer } = refused(new Refusals(), request);
    await until(() => socket.destroyed);
    expect(answer().toString()).toBe(
      'HTTP/1.1 403 Forbidden\r\nConnection: close\r\nContent-Type: text/plain\r\nContent-Length: 4\r\n\r\nwhy\n',
    );
  });

  it('may write the upgrade as it likes', async () => {
    const { socket, answer } = refused(new Refusals(), { headers: { ...HEADERS, upgrade: 'WebSocket' } });
    await until(() => socket.writableFinished);
    expect(answer().toString('latin1')).toContain(ACCEPT);
    socket.destroy();
  });
});

describe('the status', () => {
  it.each([
    [403, 'Forbidden'],
    [404, 'Not Found'],
    [429, 'Too Many Requests'],
    [500, 'Internal Server Error'],
    [503, 'Service Unavailable'],
    [418, 'Refused'],
  ])('%i is %s, also for a client of frond where there is no code', async (status, text) => {
    const { socket, answer } = refused(new Refusals(), {}, { status, reason: 'why' });
    await until(() => socket.destroyed);
    expect(answer().toString().split('\r\n')[0]).toBe(`HTTP/1.1 ${status} ${text}`);
  });
});

describe('a refused socket', () => {
  it('is closed within a second, and leaves no timer', async () => {
    const { socket } = refused(new Refusals());
    vi.advanceTimersByTime(999);
    expect(socket.destroyed).toBe(false);
    vi.advanceTimersByTime(1);
    expect(socket.destroyed).toBe(true);
    await until(() => vi.getTimerCount() === 0);
  });

  it('is closed when its peer is done, when it breaks, or when 65,536 bytes have come', async () => {
    const refusals = new Refusals();
    const ended = refused(refusals).socket;
    ended.push(null);
    await until(() => ended.destroyed);
    const broken = refused(refusals).socket;
    broken.destroy(new Error('reset'));
    await until(() => broken.closed);
    const talkative = refused(refusals).socket;
    talkative.push(Buffer.alloc(65_536));
    await new Promise(setImmediate);
    expect(talkative.destroyed).toBe(false);
    talkative.push(Buffer.alloc(1));
    await until(() => talkative.destroyed);
    await until(() => vi.getTimerCount() === 0);
  });

  it('may wait for its peer together with 63 others; those beyond are closed at once', async () => {
    const refusals = new Refusals();
    const lingering = Array.from({ length: 64 }, () => refused(refusals));
    const beyond = refused(refusals);
    await until(() => beyond.socket.destroyed);
    // It gets the same answer.
    expect(beyond.answer().toString('latin1')).toContain(ACCEPT);
    expect(lingering.some(({ socket }) => socket.destroyed)).toBe(false);
    const first = lingering[0]?.socket as Duplex;
    first.destroy();
    await once(first, 'close');
    const next = refused(refusals);
    for (let turn = 0; turn < 10; turn++) await new Promise(setImmediate);
    expect(next.socket.destroyed).toBe(false);
    for (const { socket } of [...lingering, next]) socket.destroy();
    await until(() => vi.getTimerCount() === 0);
  });
});
