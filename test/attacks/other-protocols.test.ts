/** What speaks something else to ports of ZeroMQ: a web page's HTTP, and older versions of ZMTP. */
import { connect } from 'node:net';
import { EnvelopeCodec } from '../../src/protocol/envelope.ts';
import { palmMessage } from '../../src/protocol/message.ts';
import { bytes } from '../support/bytes.ts';
import { frond } from '../support/command.ts';
import { attack } from './field.ts';
import { MASTER, QUIET, SERVER, SEVERAL, WORKER } from './parts.ts';
import type { Target } from './target.ts';

const codec = new EnvelopeCodec();
/** Milliseconds that a socket may leave a stranger's connection open. */
const PATIENCE = 3_000;
const STOLEN = 'a key of a stranger';

/** A frame of ZMTP 1.0: its length, flags included, the flags, and the body. */
function oldFrame(body: Uint8Array, more: boolean): Buffer {
  const length = body.length + 1;
  const head = length < 255 ? Buffer.from([length]) : Buffer.alloc(9, 0xff);
  if (length >= 255) head.writeBigUInt64BE(BigInt(length), 1);
  return Buffer.concat([head, Buffer.from([more ? 1 : 0]), body]);
}

const oldMessage = (parts: readonly Uint8Array[]) =>
  Buffer.concat(parts.map((part, i) => oldFrame(part, i < parts.length - 1)));

/** A frame of ZMTP 2.0. */
function frame2(body: Uint8Array, more: boolean): Buffer {
  const flags = more ? 1 : 0;
  if (body.length < 256) return Buffer.concat([Buffer.from([flags, body.length]), body]);
  const head = Buffer.alloc(9);
  head[0] = flags | 2;
  head.writeBigUInt64BE(BigInt(body.length), 1);
  return Buffer.concat([head, body]);
}

/**
 * What a page's request is to a socket that takes it for ZMTP 1.0: its text is read as frames, each letter that comes at the
 * place of a length being one, up to the body, which begins with what the last of them lacks, and the end of its message.
 */
function httpPost(port: number, messages: Buffer): Buffer {
  for (let filler = 0; filler < 256; filler++) {
    const body = Buffer.concat([Buffer.alloc(filler, 0x20), oldMessage([new Uint8Array(0)]), messages]);
    const head = Buffer.from(
      `POST / HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nConnection: keep-alive\r\nContent-Length: ${body.length}\r\nContent-Type: text/plain;charset=UTF-8\r\nOrigin: https://evil.example\r\nUser-Agent: Mozilla/5.0\r\nAccept: */*\r\n\r\n`,
    );
    let at = 0;
    while (at < head.length) at += 1 + (head[at] ?? 0);
    if (at - head.length === filler) return Buffer.concat([head, body]);
  }
  throw new Error('no filler fits');
}

/** Each the whole of what is said to a port. */
function speeches(port: number): [name: string, text: Buffer][] {
  const call = codec.encode(
    palmMessage({ client: 'stranger/1', function: `${SERVER}.secret`, payload: bytes('x') }),
  );
  const work = codec.encode(
    palmMessage({ client: 'stranger/1', function: `${MASTER}.secret`, payload: bytes('x') }),
  );
  const set = codec.encode(
    palmMessage({ client: 'stranger', function: `${SERVER}.set`, cache: STOLEN, payload: bytes('x') }),
  );
  const parts = [[call], [work], [new Uint8Array(0), set], [Buffer.from('\x01')]];
  const old = Buffer.concat(parts.map(oldMessage));
  const newer = Buffer.concat(
    parts.map((own) => Buffer.concat(own.map((part, i) => frame2(part, i < own.length - 1)))),
  );
  const signature = Buffer.from('ff00000000000000017f', 'hex');
  // Types of ZMTP 2.0: each of those that fits some socket.
  const types = [2, 3, 5, 7, 8];
  return [
    ['HTTP POST', httpPost(port, old)],
    [
      'HTTP GET',
      Buffer.from(`GET / HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nOrigin: https://evil.example\r\n\r\n`),
    ],
    ['ZMTP 1.0', Buffer.concat([oldMessage([new Uint8Array(0)]), old])],
    ['ZMTP 1.0 with a signature', Buffer.concat([signature, Buffer.from([0]), old])],
    ...types.map((type): [string, Buffer] => [
      `ZMTP 2.0 of type ${type}`,
      Buffer.concat([signature, Buffer.from([1, type, 0, 0]), newer]),
    ]),
  ];
}

/** Says it, and resolves with whether the other end hung up. */
function say(port: number, text: Buffer): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1' });
    const timer = setTimeout(() => {
      resolve(false);
      socket.destroy();
    }, PATIENCE);
    socket.on('error', () => {});
    socket.on('close', () => {
      clearTimeout(timer);
      resolve(true);
    });
    socket.resume();
    socket.write(text);
  });
}

/** Says all of it to each port of a process. */
async function strangers(
  target: Target,
  http: readonly number[],
  fell: (fault: string) => void,
): Promise<void> {
  const ports = target.ports.filter((port) => !http.includes(port));
  const all = ports.flatMap((port) => speeches(port).map(([name, text]) => ({ name, text, port })));
  const kept = new Map<string, Set<number>>();
  await Promise.all(
    all.map(async ({ name, text, port }) => {
      if (await say(port, text)) return;
      kept.set(name, (kept.get(name) ?? new Set()).add(port));
    }),
  );
  for (const [name, at] of kept) fell(`${name} was not refused at ${at.size} of ${ports.length} ports`);
}

/** Whether what a stranger sent was done. */
async function noteDeeds(name: string, db: string, fell: (fault: string) => void): Promise<void> {
  for (const [key, deed] of [
    ['secret ran', `a stranger had a function of ${name} run`],
    [STOLEN, `a stranger set a key of ${name}`],
  ] as const) {
    const { code } = await frond(['get', key, '--db', db]);
    if (code === 0) fell(deed);
  }
}

const SENT = 'HTTP POST and GET, ZMTP 1.0 and 2.0, to each ZeroMQ port';
const bounds = { growth: 64, descriptors: 300 };

attack('2 other protocols: servers and a worker', async (field) => {
  const { target, ups } = await field.serve(SEVERAL, 3);
  const dbOf = (name: string) => ups.find((up) => up.name === name)?.addresses.db_address ?? '';
  const worker = await field.worker(WORKER, dbOf(MASTER));
  const honest = [
    { db: dbOf(QUIET), server: QUIET, path: `${QUIET}.upper` },
    { db: dbOf(MASTER), server: MASTER, path: `${MASTER}.upper` },
  ];
  await field.besiege(target, { sent: SENT, bounds, honest }, async (fell) => {
    await strangers(target, [], fell);
    await strangers(worker, [], fell);
    for (const name of [SERVER, MASTER]) await noteDeeds(name, dbOf(name), fell);
  });
});

attack('2 other protocols: the demo', async (field) => {
  const { target, relay: url, token, port } = await field.demo();
  const honest = [{ url, token, server: 'demo', path: 'demo.upper' }];
  await field.besiege(target, { sent: SENT, bounds, honest }, (fell) => strangers(target, [port], fell));
});
