/**
 * One part of a cluster in a process of its own: actor.ts ROLE CONFIG. Says what it is to be found at once it is up, and
 * answers each line it is told with one. Ends with stdin.
 */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createInterface } from 'node:readline';
import { Master, Worker } from '../../src/cluster/index.ts';
import type { BindingTransport } from '../../src/transport.ts';
import { createRelay } from '../../transports/relay/index.ts';
import { websocket } from '../../transports/websocket/node.ts';
import { zeromq } from '../../transports/zeromq/index.ts';
import { zmtp } from '../../transports/zmtp/index.ts';
import { startProxy } from '../support/proxy.ts';
import { startCaller } from './caller.ts';
import { memoryNow } from './memory.ts';
import type { Config } from './parts.ts';

/** What a part is to be found at, and what it does when it is told something. */
interface Part {
  readonly said: unknown;
  readonly told?: (command: string, ...args: readonly unknown[]) => unknown;
  close(): Promise<unknown>;
}

const any = 'tcp://127.0.0.1:*';
const loggingLevel = 'silent';
const TOKEN = 'open sesame';
const isNative = process.env['FROND_NATIVE'] === '1';

/** @param heartbeat - milliseconds of silence after which a link counts as dead, and twice that at most. */
function overZeromq(heartbeat?: number, reconnectMaxInterval?: number): BindingTransport {
  const options = { reconnectMaxInterval, heartbeatInterval: heartbeat };
  return isNative ? zeromq(options) : zmtp({ ...options, busyTimeout: heartbeat });
}

const parts: { readonly [R in keyof Config]: (config: Config[R]) => Promise<Part> } = {
  master: async (options) => {
    const master = await Master.start({
      transport: overZeromq(options.heartbeat),
      name: 'master',
      loggingLevel,
      dbAddress: any,
      pullAddress: any,
      pubAddress: any,
      workerPullAddress: any,
      workerPushAddress: any,
      ...options,
    });
    const { dbAddress, pullAddress, pubAddress } = master;
    return { said: { dbAddress, pullAddress, pubAddress }, close: () => master.close() };
  },
  worker: async ({ dbAddress, url, heartbeat, name }) => {
    const transport =
      url === undefined ? overZeromq(heartbeat, 200) : websocket(url, { token: TOKEN, maxDelay: 200 });
    const own = name === undefined ? {} : { name };
    const worker = await Worker.start({
      transport,
      dbAddress,
      loggingLevel,
      ...own,
      functions: {
        same: (payload) => payload,
        /** Takes as many milliseconds as the second number says. */
        wait: async (payload) => {
          const time = new DataView(payload.buffer, payload.byteOffset).getUint32(4);
          await new Promise((resolve) => setTimeout(resolve, time));
          return payload;
        },
      },
    });
    return { said: worker.name, told: () => worker.counters, close: () => worker.close({ timeout: 0 }) };
  },
  relay: async ({ servers, port }) => {
    const server = createServer();
    const relay = await createRelay({
      server,
      transport: overZeromq(),
      servers,
      loggingLevel,
      authenticate: (token) =>
        token === TOKEN
          ? { name: 'all', servers: ['*'], functions: ['*'], cache: 'all', work: true }
          : undefined,
      limits: { heartbeat: 1_000 },
    });
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    return { said: (server.address() as AddressInfo).port, close: () => relay.close({ timeout: 0 }) };
  },
  proxy: async ({ port }) => {
    const proxy = await startProxy(port);
    const told = (command: string, ...[time]: readonly unknown[]) => {
      if (command === 'delay') proxy.delay(Number(time));
      else if (command === 'freeze') proxy.freeze();
      else if (command === 'thaw') proxy.thaw();
      else if (command === 'cut') proxy.cut();
      else proxy.reset();
    };
    return { said: proxy.port, told, close: async () => proxy[Symbol.asyncDispose]() };
  },
  caller: async (config) => {
    const transport =
      config.url === undefined ? overZeromq() : websocket(config.url, { token: TOKEN, maxDelay: 200 });
    return startCaller(transport, config);
  },
};

const [role = '', config = '{}'] = process.argv.slice(2);

async function start<R extends keyof Config>(own: R): Promise<Part> {
  return parts[own](JSON.parse(config) as Config[R]);
}

const say = (what: unknown) => process.stdout.write(`${JSON.stringify(what ?? null)}\n`);
const part = await start(role as keyof Config);
say(part.said);
for await (const line of createInterface({ input: process.stdin })) {
  const [command, ...args] = JSON.parse(line) as [string, ...unknown[]];
  say(command === 'memory' ? memoryNow() : await part.told?.(command, ...args));
}
await part.close();
