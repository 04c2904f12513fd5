/** What no well-meaning peer sends: frames that are no envelopes, and envelopes that say what cannot be. */
import { randomBytes } from 'node:crypto';
import { createConnection } from 'node:net';
import { EnvelopeCodec } from '../../src/protocol/envelope.ts';
import { type PalmMessage, palmMessage } from '../../src/protocol/message.ts';
import { bytes } from '../support/bytes.ts';

/** Nobody listens under this topic. */
const client = 'garbage';

const encode = (fields: Partial<PalmMessage>) =>
  new EnvelopeCodec().encode(palmMessage({ client, pipeline: client, ...fields }));

/** Frames to push at, or publish to, a server that runs what `path` says. */
export function badFrames(path: string): Uint8Array[] {
  const [server = ''] = path.split('.');
  const whole = encode({ function: path, payload: bytes('garbage'), cache: 'c' });
  const functions = ['', 'nodot', '.', `${server}.`, '.upper', `${server}.a.b`, `${server}.missing`];
  const inherited = ['constructor', '__proto__', 'toString', 'hasOwnProperty'].map(
    (own) => `${server}.${own}`,
  );
  const texts = [
    ...functions,
    ...inherited,
    'other.upper',
    ' ',
    `${path}  ${path}`,
    'é.ü',
    'x'.repeat(100_000),
  ];
  return [
    ...noEnvelopes(),
    ...Array.from(whole, (_, length) => whole.slice(0, length)),
    ...texts.map((own) => encode({ function: own, payload: bytes('x') })),
    ...[1, 7, -1, Number.MAX_SAFE_INTEGER].map((stage) => encode({ function: `${path} ${path}`, stage })),
    encode({ client: '', function: path }),
    encode({ function: path, features: -1, status: -1, error: 'x', errorName: 'y', ordinal: -1 }),
    withText(1, path),
    withText(2, path),
    withText(4, path),
    withText(5, path),
  ];
}

/** Requests that no cache can answer well. */
export function badRequests(): Uint8Array[] {
  const request = (name: string, fields: Partial<PalmMessage> = {}) => encode({ function: name, ...fields });
  const noText = new Uint8Array([0xff, 0xfe]);
  const names = ['', 'nodot', 'server.', 'server.unknown', 'a.b.c', '..', '_.work', 'server.work'];
  return [
    ...noEnvelopes(),
    ...names.map((name) => request(name)),
    request('server.get', { payload: noText }),
    request('server.delete', { payload: noText }),
    request('server.delete', { payload: bytes('absent') }),
    request('server.delete', { payload: bytes('name') }),
    request('server.get'),
    request('server.delete'),
    request('server.get', { payload: bytes('__proto__') }),
    request('server.delete', { payload: bytes('constructor') }),
    withText(5, 'server.set'),
    withText(4, 'server.get'),
    request('_.work', { cache: '1', stage: 5, payload: noText }),
    request('_.work', { cache: 'no number', stage: 5 }),
    request('_.work', { cache: '-1', stage: -7 }),
  ];
}

function noEnvelopes(): Uint8Array[] {
  const known = [
    '',
    '00',
    'ff',
    '0aff',
    '32ffffffff0f78',
    '22036e6f64',
    '0b',
    '4b4b4b',
    '08ffffffffffffffffffff01',
  ];
  const random = [1, 2, 7, 64, 1_000, 100_000].map((size) => new Uint8Array(randomBytes(size)));
  return [...known.map((own) => new Uint8Array(Buffer.from(own, 'hex'))), ...random];
}

/** A call that is well but for one field, which is no UTF-8. */
function withText(field: number, path: string): Uint8Array {
  const whole = encode({ function: path });
  return new Uint8Array([...whole, (field << 3) | 2, 3, 0xff, 0xfe, 0x80]);
}

/** Bytes at a socket's TCP port: some that are no ZMTP, and some that are up to the greeting. */
export async function junkAt(address: string): Promise<void> {
  const { hostname, port } = new URL(address);
  const greeting = Buffer.alloc(64);
  greeting.set([0xff, 0, 0, 0, 0, 0, 0, 0, 1, 0x7f, 3, 0]);
  greeting.write('NULL', 12);
  const random = randomBytes(1_000);
  for (const junk of [
    random,
    Buffer.from('GET / HTTP/1.0\r\n\r\n'),
    greeting,
    Buffer.concat([greeting, random]),
  ]) {
    await new Promise<void>((resolve) => {
      const socket = createConnection({ host: hostname, port: Number(port) });
      socket.on('error', () => {});
      socket.on('close', () => resolve());
      socket.resume();
      socket.end(junk);
    });
  }
}
