/** CURVE of `zmtp()` against pyzmq: each pair of socket types, both as who dials and as who binds. */
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { BindingConnection, ConnectionStatus } from '../../src/transport.ts';
import { curveKeyPair, zmtp } from '../../transports/zmtp/index.ts';
import { bytes, textOf } from '../support/bytes.ts';
import { collect, first, within } from '../support/wait.ts';
import { spawnPython, Tail } from './python.ts';

const any = 'tcp://127.0.0.1:*';
const COUNT = 50;
const texts = Array.from({ length: COUNT }, (_, i) => `message ${i}`);
const server = curveKeyPair();
const client = curveKeyPair();

type Kind = 'push' | 'pull' | 'pub' | 'sub' | 'req' | 'dealer' | 'rep' | 'router';

let connection: BindingConnection;
let cleanup: (() => void)[] = [];

beforeEach(async () => {
  connection = await zmtp({
    curve: { serverKey: server.publicKey, ...client },
    curveServer: { secretKey: server.secretKey, allow: [client.publicKey] },
  }).open();
});

afterEach(async () => {
  for (const end of cleanup) end();
  cleanup = [];
  await within(5_000, connection.close({ timeout: 0 }), 'closing');
});

/** A socket of pyzmq: its address, and what it says of what it received. */
async function python(kind: Kind, address: string | undefined, keys = client) {
  const way = address === undefined ? 'bind' : 'connect';
  const secrets = [server.publicKey, server.secretKey, keys.publicKey, keys.secretKey];
  const child = await spawnPython('curve.py', [kind, way, address ?? any, ...secrets, String(COUNT)]);
  cleanup.push(() => child.kill('SIGKILL'));
  const stderr = new Tail(child.stderr);
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const next = async (): Promise<unknown> => {
    const { value, done } = await within(20_000, lines.next(), () => `a line of pyzmq; ${stderr}`);
    if (done === true) throw new Error(`pyzmq ended; ${stderr}`);
    return JSON.parse(value);
  };
  const all = async (): Promise<unknown[]> => {
    const seen: unknown[] = [];
    for (let i = 0; i < COUNT; i++) seen.push(await next());
    return seen;
  };
  return { address: String(await next()), next, all };
}

describe('pyzmq with CURVE', () => {
  it('PUSH that dials, to PULL', async () => {
    const pull = await python('pull', undefined);
    const pusher = connection.push(pull.address);
    for (const text of texts) await pusher.send([bytes(text)]);
    expect(await pull.all()).toEqual(texts.map((text) => [text]));
  });

  it('PULL that is bound, from PUSH', async () => {
    const pull = await connection.bindPull(any);
    await python('push', pull.address);
    expect((await collect(pull, COUNT)).map(textOf)).toEqual(texts);
  });

  it('PULL that dials, from PUSH', async () => {
    const push = await python('push', undefined);
    expect((await collect(connection.pull(push.address), COUNT)).map(textOf)).toEqual(texts);
  });

  it('PUSH that is bound, to PULL', async () => {
    const push = await connection.bindPush(any);
    const pull = await python('pull', push.address);
    for (const text of texts) await push.send([bytes(text)]);
    expect(await pull.all()).toEqual(texts.map((text) => [text]));
  });

  it('SUB that dials, to XPUB', async () => {
    const publish = await python('pub', undefined);
    const subscription = connection.subscribe(publish.address, 'me/', { proofTimeout: 300 });
    const deliveries = await collect(subscription, COUNT);
    expect(deliveries.map(({ topic }) => topic)).toEqual(texts.map(() => 'me/1'));
    expect(deliveries.map(({ frames }) => frames.map(textOf))).toEqual(texts.map((text) => [text]));
  });

  it('XPUB that is bound, to SUB', async () => {
    const publish = await connection.bindPublish(any);
    const subscriber = await python('sub', publish.address);
    // Confirmed, as every topic that ends in a slash.
    expect(await subscriber.next()).toEqual(['me/', '']);
    await publish.publish(texts.map((text) => ({ topic: 'me/1', frames: [bytes(text)] })));
    // It reads so many messages, and the confirmation is one of them.
    for (const text of texts.slice(0, -1)) expect(await subscriber.next()).toEqual(['me/1', text]);
  });

  it.each(['rep', 'router'] as const)('DEALER that dials, to %s', async (kind) => {
    const socket = await python(kind, undefined);
    const replies = texts.map((text) => connection.request(socket.address, bytes(text)).reply);
    expect((await within(20_000, Promise.all(replies))).map(textOf)).toEqual(texts);
    expect(await socket.all()).toEqual(texts.map((text) => [text]));
  });

  it.each(['req', 'dealer'] as const)('ROUTER that is bound, to %s', async (kind) => {
    const reply = await connection.bindReply(any, (request) => bytes(`re:${textOf(request)}`));
    const socket = await python(kind, reply.address);
    const before = kind === 'req' ? [] : ['id', ''];
    expect(await socket.all()).toEqual(texts.map((text) => [...before, `re:${text}`]));
  });

  it('is refused with a key that is not listed', async () => {
    const isRefusal = (status: ConnectionStatus) => status.type === 'refused';
    const told = first(connection.status(), isRefusal);
    const pull = await connection.bindPull(any);
    const stranger = curveKeyPair();
    await python('push', pull.address, stranger);
    expect(await within(20_000, told)).toMatchObject({ reason: expect.stringContaining(stranger.publicKey) });
  });
});
