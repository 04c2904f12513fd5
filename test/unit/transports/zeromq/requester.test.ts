/** Requests over one DEALER: each reply finds its request, limits hold, and places come back. */

import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Dealer, Router } from 'zeromq';
import { REQUEST_BYTES, REQUESTS } from '../../../../src/flow-control.ts';
import { PalmError } from '../../../../src/protocol/errors.ts';
import type { BindingConnection } from '../../../../src/transport.ts';
import { type ZeromqOptions, zeromq } from '../../../../transports/zeromq/index.ts';
import { resolveOptions } from '../../../../transports/zeromq/options.ts';
import { ZeromqRequester } from '../../../../transports/zeromq/requester.ts';
import { bytes, textOf } from '../../../support/bytes.ts';
import { until, within } from '../../../support/wait.ts';

/** Milliseconds in which a message that must not come would have come. */
const QUIET = 60;

let server: Router;
let address = '';
const open: BindingConnection[] = [];
const routers: Router[] = [];

async function serve(at = 'tcp://127.0.0.1:*'): Promise<Router> {
  const router = new Router({ linger: 0, receiveHighWaterMark: 0 });
  routers.push(router);
  await router.bind(at);
  return router;
}

beforeEach(async () => {
  server = await serve();
  address = server.lastEndpoint ?? '';
});
afterEach(async () => {
  for (const own of open.splice(0)) await within(3_000, own.close({ timeout: 0 }));
  for (const router of routers.splice(0)) router.close();
});

interface Outcome {
  now: unknown;
  readonly cancel: (reason: unknown) => void;
}

async function client(options: ZeromqOptions = {}) {
  const connection = await zeromq({ reconnectInterval: 10, ...options }).open();
  open.push(connection);
  const ask = (frame: string | Uint8Array): Outcome => {
    const { reply, cancel } = connection.request(
      address,
      typeof frame === 'string' ? bytes(frame) : (frame as never),
    );
    const outcome: Outcome = { now: 'waits', cancel };
    reply.then(
      (own) => {
        outcome.now = textOf(own);
      },
      (error) => {
        outcome.now = error instanceof PalmError ? [error.code, error.sent] : error;
      },
    );
    return outcome;
  };
  return { connection, ask };
}

const receive = (router = server) => within(3_000, router.receive(), 'a request');
/** So many requests, and that no more come. */
async function receiveOnly(count: number, router = server): Promise<Buffer[][]> {
  const all: Buffer[][] = [];
  while (all.length < count) all.push(await receive(router));
  router.receiveTimeout = QUIET;
  await expect(router.receive()).rejects.toMatchObject({ code: 'EAGAIN' });
  router.receiveTimeout = -1;
  return all;
}
const settled = (outcome: Outcome) =>
  within(
    3_000,
    until(() => outcome.now !== 'waits'),
    'the outcome',
  );
const bodyOf = (parts: readonly Buffer[] = []) => String(parts[3]);

describe('a requester', () => {
  it('gives each request its own reply, in whatever order they come, and passes over what is not one', async () => {
    const { ask } = await client();
    const asked = ['a', 'b', 'c'].map(ask);
    const requests = [await receive(), await receive(), await receive()];
    expect(
      requests.map((parts) => [parts.length, parts[1]?.length, parts[2]?.length, bodyOf(parts)]),
    ).toEqual([
      [4, 4, 0, 'a'],
      [4, 4, 0, 'b'],
      [4, 4, 0, 'c'],
    ]);
    const [[route, first], [, second]] = requests as [Buffer[], Buffer[]];
    for (const parts of [
      [first, '', 'x', 'too many'],
      [first, ''],
      [first, 'not empty', 'x'],
      [Buffer.concat([first as Buffer, Buffer.alloc(1)]), '', 'too long'],
      [Buffer.from([9, 9, 9, 9]), '', 'to nobody'],
      [second, '', 'to b'],
      [first, '', 'to a'],
      [first, '', 'again'],
    ])
      await server.send([route as Buffer, ...(parts as string[])]);
    await settled(asked[0] as Outcome);
    expect(asked.map(({ now }) => now)).toEqual(['to a', 'to b', 'waits']);
  });

  it('tells requests that were sent from others when it is closed', async () => {
    const { connection, ask } = await client();
    const sent = ask('a');
    await receive();
    const elsewhere = connection.request('tcp://127.0.0.1:9', bytes('b'));
    const rejected = expect(elsewhere.reply).rejects.toMatchObject({
      code: 'CLOSED',
      sent: false,
      message: 'the connection to tcp://127.0.0.1:9 was closed before the reply',
    });
    await connection.close({ timeout: 0 });
    await rejected;
    expect(sent.now).toEqual(['CLOSED', 'unknown']);
  });

  it(`has ${REQUESTS} under way, and sends one more for each that is answered`, async () => {
    const { ask } = await client();
    for (let i = 0; i < REQUESTS + 2; i++) ask(String(i));
    const sent = await receiveOnly(REQUESTS);
    expect(sent.map(bodyOf)).toEqual(sent.map((_, i) => String(i)));
    const [[route, id] = []] = sent;
    await server.send([route as Buffer, id as Buffer, '', 'reply']);
    expect((await receiveOnly(1)).map(bodyOf)).toEqual([String(REQUESTS)]);
    // Another reply to the same has no place to give.
    await server.send([route as Buffer, id as Buffer, '', 'again']);
    await receiveOnly(0);
  });

  it('has so many bytes under way, and sends more when they are answered', async () => {
    const { ask } = await client();
    const first = ask(new Uint8Array(REQUEST_BYTES));
    ask('next');
    const [[route, id] = []] = await receiveOnly(1);
    await server.send([route as Buffer, id as Buffer, '', 'reply']);
    await settled(first);
    expect((await receiveOnly(1)).map(bodyOf)).toEqual(['next']);
  });

  it('sends more while it has one byte less under way', async () => {
    const { ask } = await client();
    ask(new Uint8Array(REQUEST_BYTES - 1));
    ask('next');
    await receiveOnly(2);
  });

  it('does not send what was given up before it left', async () => {
    const { ask } = await client();
    const asked = Array.from({ length: REQUESTS + 3 }, (_, i) => ask(String(i)));
    const sent = await receiveOnly(REQUESTS);
    asked[REQUESTS]?.cancel('enough');
    asked[REQUESTS]?.cancel('again');
    asked[REQUESTS + 1]?.cancel('enough');
    const [[route] = []] = sent;
    for (const [, id] of sent.slice(0, 2)) await server.send([route as Buffer, id as Buffer, '', 'reply']);
    expect((await receiveOnly(1)).map(bodyOf)).toEqual([String(REQUESTS + 2)]);
    expect(asked[REQUESTS]?.now).toBe('enough');
  });

  it('sends what is not given up, however many were', async () => {
    const { ask } = await client();
    const asked = Array.from({ length: REQUESTS + 150 }, (_, i) => ask(String(i)));
    const sent = await receiveOnly(REQUESTS);
    const wanted = [3, 70, 149].map((own) => String(REQUESTS + own));
    for (let i = 0; i < 150; i++)
      if (!wanted.includes(String(REQUESTS + i))) asked[REQUESTS + i]?.cancel('enough');
    const [[route] = []] = sent;
    for (const [, id] of sent) await server.send([route as Buffer, id as Buffer, '', 'reply']);
    expect((await receiveOnly(3)).map(bodyOf)).toEqual(wanted);
  });

  it('keeps the place of a request that is given up after it was sent, until the server answers it', async () => {
    const { ask } = await client();
    const asked = Array.from({ length: REQUESTS + 1 }, (_, i) => ask(String(i)));
    const sent = await receiveOnly(REQUESTS);
    asked[0]?.cancel('enough');
    await receiveOnly(0);
    expect(asked[0]?.now).toBe('enough');
    const [[route, id] = []] = sent;
    await server.send([route as Buffer, id as Buffer, '', 'late']);
    expect((await receiveOnly(1)).map(bodyOf)).toEqual([String(REQUESTS)]);
    expect(asked[0]?.now).toBe('enough');
  });

  it('refuses a request for which the server would hang up, and only that', async () => {
    const [allowed, more] = ['x'.repeat(200), 'x'.repeat(201)];
    const { ask } = await client({ maxMessageSize: 200 });
    const [fine, tooLarge] = [ask(allowed), ask(more)];
    await settled(tooLarge);
    expect(tooLarge.now).toEqual(['TOO_LARGE', false]);
    expect((await receiveOnly(1)).map(bodyOf)).toEqual([allowed]);
    expect(fine.now).toBe('waits');
    const { ask: askAny } = await client({ maxMessageSize: -1 });
    askAny(more);
    expect((await receiveOnly(1)).map(bodyOf)).toEqual([more]);
  });

  it('fails what was sent when its link breaks, and sends what was not over the next', async () => {
    const { ask } = await client();
    const sent = Array.from({ length: REQUESTS }, (_, i) => ask(String(i)));
    const [waiting, givenUp] = [ask('waiting'), ask('given up')];
    await receiveOnly(REQUESTS);
    givenUp.cancel('enough');
    server.close();
    await settled(sent[0] as Outcome);
    expect(new Set(sent.map(({ now }) => String(now)))).toEqual(new Set(['DISCONNECTED,unknown']));
    expect([waiting.now, givenUp.now]).toEqual(['waits', 'enough']);
    const next = await serve(address);
    expect((await receiveOnly(1, next)).map(bodyOf)).toEqual(['waiting']);
    // All places are free again.
    for (let i = 0; i < REQUESTS; i++) ask(String(i));
    expect(await receiveOnly(REQUESTS - 1, next)).toHaveLength(REQUESTS - 1);
  });

  it('goes on with another socket when its link breaks amid a request', async () => {
    const slow = new Router({ linger: 0, receiveHighWaterMark: 1 });
    routers.push(slow);
    await slow.bind('tcp://127.0.0.1:*');
    address = slow.lastEndpoint ?? '';
    const { ask } = await client({ sendHighWaterMark: 1 });
    const asked = Array.from({ length: 16 }, () => ask(new Uint8Array(1_048_576)));
    await new Promise((resolve) => setTimeout(resolve, 300));
    slow.close();
    await settled(asked[0] as Outcome);
    const next = await serve(address);
    const last = ask('next');
    for (;;) {
      const [route, id, empty, body] = await receive(next);
      await next.send([route as Buffer, id as Buffer, empty as Buffer, `to ${body?.subarray(0, 9)}`]);
      if (String(body) === 'next') break;
    }
    await settled(last);
    expect(last.now).toBe('to next');
  });
});

describe('a request whose sending', () => {
  /** A requester whose link is up, and how its sends end. */
  async function sending(send: () => Promise<void>) {
    class Played extends Dealer {
      override send(): Promise<void> {
        return send();
      }
    }
    const sockets: Dealer[] = [];
    const opening = () => {
      const socket = new Played({ linger: 0, immediate: true, zapDomain: 'frond', reconnectInterval: 10 });
      sockets.push(socket);
      return socket;
    };
    const host = { report: () => {}, release: () => {} };
    const context = { address, host, encrypted: false, settings: resolveOptions({}) };
    const requester = new ZeromqRequester(opening, context).dial();
    open.push(requester as never);
    await within(3_000, requester.ready());
    return { requester, sockets };
  }

  it('fails is told so', async () => {
    const { requester } = await sending(() => Promise.reject(new Error('broken')));
    const { reply } = requester.request(bytes('a'));
    await expect(within(3_000, reply)).rejects.toMatchObject({ code: 'DISCONNECTED' });
  });

  it('is under way when the link breaks fails, and goes over no other link: another socket takes its place', async () => {
    const { requester, sockets } = await sending(() => new Promise(() => {}));
    const { reply } = requester.request(bytes('a'));
    const failed = expect(within(3_000, reply)).rejects.toMatchObject({
      code: 'DISCONNECTED',
      sent: 'unknown',
    });
    await new Promise(setImmediate);
    server.close();
    await failed;
    expect([sockets.length, sockets[0]?.closed]).toEqual([2, true]);
  });

  it('has ended needs no other socket', async () => {
    const { requester, sockets } = await sending(() => Promise.resolve());
    const { reply } = requester.request(bytes('a'));
    const failed = expect(within(3_000, reply)).rejects.toMatchObject({
      code: 'DISCONNECTED',
      sent: 'unknown',
    });
    await new Promise(setImmediate);
    server.close();
    await failed;
    expect(sockets).toHaveLength(1);
  });
});

it('a request that is cancelled before it leaves fails no other one', async () => {
  const { ask } = await client();
  const kept = ask('kept');
  const request = await receive();
  const given = ask('given up');
  given.cancel('mine');
  await new Promise((resolve) => setTimeout(resolve, QUIET));
  expect([kept.now, given.now]).toEqual(['waits', 'mine']);
  await server.send([...request.slice(0, -1), 'reply']);
  await within(
    3_000,
    until(() => kept.now !== 'waits'),
  );
  expect(kept.now).toBe('reply');
});
