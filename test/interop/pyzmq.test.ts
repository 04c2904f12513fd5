/** `zmtp()` against pyzmq's sockets: each pair of socket types, both as who dials and as who binds. */
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { BindingConnection } from '../../src/transport.ts';
import { zmtp } from '../../transports/zmtp/index.ts';
import { bytes, textOf } from '../support/bytes.ts';
import { collect, within } from '../support/wait.ts';
import { spawnPython, Tail } from './python.ts';

const any = 'tcp://127.0.0.1:*';
const COUNT = 50;
const texts = Array.from({ length: COUNT }, (_, i) => `message ${i}`);
const answers = texts.map((text) => `re:${text}`);

let connection: BindingConnection;
let cleanup: (() => void)[] = [];

beforeEach(async () => {
  connection = await zmtp().open();
});

afterEach(async () => {
  for (const end of cleanup) end();
  cleanup = [];
  await within(5_000, connection.close({ timeout: 0 }), 'closing');
});

/** A socket of pyzmq that dials the address, or binds one. */
async function python(kind: string, dialled?: string) {
  const way = dialled === undefined ? ['bind', any] : ['connect', dialled];
  const child = await spawnPython('pyzmq.py', [kind, ...way, String(COUNT)]);
  cleanup.push(() => child.kill('SIGKILL'));
  const stderr = new Tail(child.stderr);
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const next = async (): Promise<unknown> => {
    const { value, done } = await within(20_000, lines.next(), () => `a line of pyzmq; ${stderr}`);
    if (done === true) throw new Error(`pyzmq ended; ${stderr}`);
    return JSON.parse(value);
  };
  return {
    address: String(await next()),
    tell: (line: string) => child.stdin.write(`${line}\n`),
    /** The last part of each message that it received. */
    async received(): Promise<unknown[]> {
      const seen: unknown[] = [];
      while (seen.length < COUNT) {
        const last = ((await next()) as unknown[]).at(-1);
        // A publisher confirms a subscription with an empty frame, which comes when the subscription does.
        if (last !== '') seen.push(last);
      }
      return seen;
    },
  };
}

it('PUSH that dials, to PULL', async () => {
  const pull = await python('pull');
  await connection.push(pull.address).send(texts.map(bytes));
  expect(await pull.received()).toEqual(texts);
});

it('PUSH that is bound, to PULL', async () => {
  const push = await connection.bindPush(any);
  const pull = await python('pull', push.address);
  await push.send(texts.map(bytes));
  expect(await pull.received()).toEqual(texts);
});

it('PULL that dials, from PUSH', async () => {
  const push = await python('push');
  expect((await collect(connection.pull(push.address), COUNT)).map(textOf)).toEqual(texts);
});

it('PULL that is bound, from PUSH', async () => {
  const pull = await connection.bindPull(any);
  await python('push', pull.address);
  expect((await collect(pull, COUNT)).map(textOf)).toEqual(texts);
});

it.each(['rep', 'router'])('DEALER that dials, to %s', async (kind) => {
  const { address } = await python(kind);
  const replies = texts.map((text) => connection.request(address, bytes(text)).reply);
  expect((await within(20_000, Promise.all(replies))).map(textOf)).toEqual(answers);
});

it.each(['req', 'dealer'])('ROUTER that is bound, to %s', async (kind) => {
  const { address } = await connection.bindReply(any, (request) => bytes(`re:${textOf(request)}`));
  const asking = await python(kind, address);
  expect(await asking.received()).toEqual(answers);
});

it('SUB that dials, to PUB', async () => {
  const pub = await python('pub');
  const subscription = connection.subscribe(pub.address, 'me/', { proofTimeout: 500 });
  await within(5_000, subscription.ready());
  pub.tell('go');
  const got = await collect(subscription, COUNT);
  expect(got.map(({ frames }) => frames.map(textOf).join())).toEqual(texts);
  pub.tell('over');
});

it('XPUB that is bound, to SUB', async () => {
  const publish = await connection.bindPublish(any);
  const sub = await python('sub', publish.address);
  const deliveries = texts.map((text) => ({ topic: 'me/', frames: [bytes(text)], mayWait: true }));
  await publish.publish(deliveries);
  expect(await sub.received()).toEqual(texts);
});
