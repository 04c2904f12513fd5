/** A web page of anybody's, and the ZeroMQ ports of a cluster on the same machine: it can reach them, and nothing comes of it. */
import { createServer, type Server as HttpServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Master, Server, Worker } from '../../src/cluster/index.ts';
import { Client } from '../../src/index.ts';
import { EnvelopeCodec } from '../../src/protocol/envelope.ts';
import { palmMessage } from '../../src/protocol/message.ts';
import type { BindingTransport } from '../../src/transport.ts';
import { zeromq } from '../../transports/zeromq/index.ts';
import { zmtp } from '../../transports/zmtp/index.ts';
import { launchBrowser } from '../support/browser.ts';
import { bytes, textOf } from '../support/bytes.ts';
import { within } from '../support/wait.ts';

const any = 'tcp://127.0.0.1:*';
const common = { dbAddress: any, pullAddress: any, pubAddress: any, loggingLevel: 'silent' } as const;

let browser: Browser;
let page: Page;
let site: HttpServer;

beforeAll(async () => {
  site = createServer((_, response) => {
    response.writeHead(200, { 'content-type': 'text/html' }).end('<!doctype html><title>anybody</title>');
  });
  await new Promise<void>((resolve) => site.listen(0, '127.0.0.1', resolve));
  browser = await launchBrowser();
  page = await browser.newPage();
  await page.goto(`http://127.0.0.1:${(site.address() as AddressInfo).port}/`);
});

afterAll(async () => {
  await browser?.close();
  site?.closeAllConnections();
  site?.close();
});

/** A server, a Master and its worker, and the functions that ran, by whose call. */
async function cluster(transport: BindingTransport) {
  const ran: string[] = [];
  const functions = {
    mark: (payload: Uint8Array) => {
      ran.push(textOf(payload));
      return payload;
    },
  };
  const server = await Server.start({ ...common, transport, name: 'server', functions });
  const master = await Master.start({
    ...common,
    transport,
    name: 'master',
    workerPullAddress: any,
    workerPushAddress: any,
  });
  const worker = await Worker.start({
    transport,
    dbAddress: master.dbAddress,
    loggingLevel: 'silent',
    functions,
  });
  return {
    server,
    master,
    ran,
    async [Symbol.asyncDispose]() {
      await worker.close({ timeout: 0 });
      await Promise.all([server.close({ timeout: 0 }), master.close({ timeout: 0 })]);
    },
  };
}

/** A frame of ZMTP 1.0: its length with the byte of flags, the flags, its body. */
function oldFrame(body: Uint8Array, hasMore = false): number[] {
  return [body.length + 1, hasMore ? 1 : 0, ...body];
}

/**
 * What a page posts so that ZMTP 1.0 finds the frames in it, wherever the header of the request has left it: in a run of twos, each three are
 * a frame, and the frames are there after runs of each remainder.
 */
function bodies(frames: readonly number[]): number[][] {
  return [0, 1, 2].map((more) => [...Array<number>(1_500 + more).fill(2), ...frames]);
}

/** Posts to each port as a page may that knows nothing of it. Resolves when the browser is done with all of them. */
async function post(addresses: readonly string[], frames: readonly number[]): Promise<void> {
  const ports = addresses.map((address) => Number(address.split(':').at(-1)));
  const post = async ({ ports, bodies }: { ports: number[]; bodies: number[][] }) => {
    const attempts = ports.flatMap((port) =>
      bodies.flatMap((body) => {
        const url = `http://127.0.0.1:${port}/`;
        const signal = AbortSignal.timeout(1_500);
        const request = { method: 'POST', mode: 'no-cors', body: new Uint8Array(body), signal } as const;
        return [fetch(url, request).catch(() => {})];
      }),
    );
    await Promise.all(attempts);
    // And as a WebSocket, which no policy keeps from other origins.
    await Promise.all(
      ports.map(
        (port) =>
          new Promise<void>((resolve) => {
            const socket = new WebSocket(`ws://127.0.0.1:${port}/`);
            socket.onclose = () => resolve();
            setTimeout(() => socket.close(), 500);
          }),
      ),
    );
  };
  await within(30_000, page.evaluate(post, { ports, bodies: bodies(frames) }), 'the browser');
}

it.each([
  ['zeromq()', zeromq()],
  ['zmtp()', zmtp()],
])(
  'a page can reach the ports of %s, and nothing that it sends runs, is stored, or is taken from others',
  async (_, transport) => {
    await using own = await cluster(transport);
    const { server, master, ran } = own;
    const codec = new EnvelopeCodec();
    const clients = await Promise.all(
      [server, master].map(({ dbAddress }) =>
        Client.connect({ transport, dbAddress, loggingLevel: 'silent' }),
      ),
    );
    const [client, ofMaster] = clients as [Client, Client];
    const isServed = async (text: string) => {
      ran.length = 0;
      expect(textOf(await within(5_000, client.eval('server.mark', bytes(text))))).toBe(text);
      expect(textOf(await within(5_000, ofMaster.eval('master.mark', bytes(text))))).toBe(text);
      expect(ran).toEqual([text, text]);
      await client.set(bytes(text), 'honest');
      expect(textOf((await client.get('honest')) ?? bytes(''))).toBe(text);
    };
    await isServed('before');
    const before = [server.counters, master.counters].map(({ received, dropped }) => ({ received, dropped }));
    ran.length = 0;

    const call = (path: string) =>
      codec.encode(palmMessage({ function: path, client: 'page/1', pipeline: 'p', payload: bytes('page') }));
    const set = codec.encode(palmMessage({ function: 'server.set', cache: 'page', payload: bytes('page') }));
    await post([server.pullAddress], oldFrame(call('server.mark')));
    await post([master.pullAddress, master.workerPullAddress], oldFrame(call('master.mark')));
    await post(
      [server.dbAddress, master.dbAddress],
      [...oldFrame(new Uint8Array(0), true), ...oldFrame(set)],
    );
    await post([server.pubAddress, master.pubAddress, master.workerPushAddress], oldFrame(bytes('\x01')));

    expect(ran).toEqual([]);
    expect(await client.get('page')).toBeUndefined();
    expect(await ofMaster.get('page')).toBeUndefined();
    expect(
      [server.counters, master.counters].map(({ received, dropped }) => ({ received, dropped })),
    ).toEqual(before);
    await isServed('after');
    for (const one of clients) await one.close();
  },
);
