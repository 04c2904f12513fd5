/** What pages talk to: a frond server, a relay to it, and a proxy before the relay that can cut links. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Packr } from 'msgpackr';
import { Server } from '../../src/cluster/index.ts';
import { createRelay } from '../../transports/relay/index.ts';
import { zeromq } from '../../transports/zeromq/index.ts';
import { bytes, textOf } from '../support/bytes.ts';
import { startProxy, type Proxy as TcpProxy } from '../support/proxy.ts';

export const TOKEN = 'a secret of 16 or more';

export interface Ground extends AsyncDisposable {
  /** The relay's URL, through the proxy. */
  readonly url: string;
  readonly proxy: TcpProxy;
}

/** @param origin - that of the pages, which the relay lets in. */
export async function startGround(origin: string): Promise<Ground> {
  /** What was started, to be ended from the last to the first. */
  const ends: (() => Promise<unknown>)[] = [];
  const any = 'tcp://127.0.0.1:*';
  const demo = await Server.start({
    transport: zeromq(),
    name: 'demo',
    dbAddress: any,
    pullAddress: any,
    pubAddress: any,
    loggingLevel: 'silent',
    functions: {
      upper: (payload) => bytes(textOf(payload).toUpperCase()),
      pipeline: (_payload, { message }) => bytes(message.pipeline),
      // As a peer may write that does not know what other libraries read.
      records: () => new Uint8Array(new Packr({ useRecords: true }).pack(Array(20).fill({ a: 1, b: 'x' }))),
      boom: () => {
        throw new RangeError('too far');
      },
    },
  });
  ends.push(() => demo.close());
  const http = createServer((_, response) => response.writeHead(404).end());
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
  ends.push(async () => {
    http.closeAllConnections();
    http.close();
  });
  const grants = { servers: ['demo'], functions: ['demo.*'], cache: 'session' } as const;
  const relay = await createRelay({
    server: http,
    transport: zeromq(),
    servers: { demo: { dbAddress: demo.dbAddress } },
    authenticate: (token) => (token === TOKEN ? { name: 'alice', ...grants } : undefined),
    origins: [origin],
    loggingLevel: 'silent',
  });
  ends.push(() => relay.close({ timeout: 0 }));
  const proxy = await startProxy(`127.0.0.1:${(http.address() as AddressInfo).port}`);
  ends.push(async () => proxy[Symbol.asyncDispose]());
  return {
    url: `${proxy.address.replace('tcp', 'ws')}/`,
    proxy,
    async [Symbol.asyncDispose]() {
      for (const end of ends.reverse()) await end();
    },
  };
}
