/** The installed package in Deno and Bun, without another package beside it. */
import { writeFileSync } from 'node:fs';
import { createServer, type Server as HttpServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { Server } from '../../src/cluster/index.ts';
import { memory } from '../../transports/memory/index.ts';
import { createRelay, type Relay } from '../../transports/relay/index.ts';
import { bun, deno, type Runtime } from '../support/installed.ts';
import { run } from './run.ts';

const { folder } = inject('bare');

/** A client of a relay, which refuses it the second time, and a cluster in the process itself. */
const SCRIPT = `
  import { Client, PalmError, text } from 'frond';
  import { Server } from 'frond/cluster';
  import { memory } from 'frond/memory';
  import { websocket } from 'frond/websocket';

  const [url] = (globalThis.Deno?.args ?? process.argv.slice(2)).slice(-1);
  const relayed = await Client.connect({ transport: websocket(url, { token: 'a secret of 16 or more' }), serverName: 'demo' });
  console.log(await relayed.with(text()).eval('demo.echo', 'through a relay'));
  await relayed.close();
  const stranger = { transport: websocket(url, { token: 'some other token' }), serverName: 'demo' };
  await Client.connect(stranger).catch((error) => console.log(error instanceof PalmError, error.code));

  const transport = memory();
  const at = (name) => 'memory://' + name;
  const server = await Server.start({ transport, name: 'own', dbAddress: at(1), pullAddress: at(2), pubAddress: at(3), loggingLevel: 'silent' });
  const client = await Client.connect({ transport, dbAddress: server.dbAddress });
  console.log(await client.with(text()).eval('own.echo', 'within'));
  await client.close();
  await server.close();`;

const REQUIRING = `
  const { PalmError } = require('frond');
  const { websocket } = require('frond/websocket');
  try {
    websocket('no URL');
  } catch (error) {
    console.log(error instanceof PalmError, error.code);
  }`;

let server: Server;
let http: HttpServer;
let relay: Relay;

beforeAll(async () => {
  const transport = memory();
  const bound = { dbAddress: 'memory://*', pullAddress: 'memory://*', pubAddress: 'memory://*' };
  server = await Server.start({ transport, name: 'demo', ...bound, loggingLevel: 'silent' });
  http = createServer();
  relay = await createRelay({
    server: http,
    transport,
    servers: { demo: { dbAddress: server.dbAddress } },
    authenticate: (token) =>
      token === 'a secret of 16 or more' ? { name: 'a', servers: ['demo'], functions: ['*'] } : undefined,
    loggingLevel: 'silent',
  });
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
});

afterAll(async () => {
  await relay?.close({ timeout: 0 });
  http?.close();
  await server?.close();
});

const net: Runtime = { ...deno, flags: [...deno.flags, '--allow-net=127.0.0.1'] };

describe.each([net, bun].map((runtime) => [runtime.name, runtime] as const))(
  '%s',
  (_, { command, flags }) => {
    async function outcome(file: string, code: string) {
      writeFileSync(join(folder, file), code);
      const url = `ws://127.0.0.1:${(http.address() as AddressInfo).port}/`;
      const { code: exit, stdout, stderr } = await run(command, [...flags, file, url], { cwd: folder });
      return { exit, stderr, lines: stdout.trim().split('\n') };
    }

    it('is a client of a relay, and a cluster, with errors of one class', async () => {
      const lines = ['through a relay', 'true FORBIDDEN', 'within'];
      expect(await outcome('runtime.mjs', SCRIPT)).toEqual({ exit: 0, stderr: '', lines });
    });

    it('may require it', async () => {
      expect(await outcome('runtime.cjs', REQUIRING)).toEqual({
        exit: 0,
        stderr: '',
        lines: ['true INVALID_CALL'],
      });
    });
  },
);
