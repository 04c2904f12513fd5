/** The scripts of users in Node, Deno and Bun: run for real, against a relay and servers in this process. */
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type Server as HttpServer } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Server } from '../../src/cluster/index.ts';
import { createRelay, type Relay } from '../../transports/relay/index.ts';
import { zeromq } from '../../transports/zeromq/index.ts';
import { bytes, textOf } from '../support/bytes.ts';
import { bun, deno, node20, node24, type Runtime } from '../support/installed.ts';
import { type PackedProject, packProject } from '../support/packed.ts';

const run = promisify(execFile);
const here = fileURLToPath(new URL('.', import.meta.url));

let project: PackedProject;
let demo: Server;
let http: HttpServer;
let relay: Relay;
let origin = '';
const sockets = new Set<Socket>();

beforeAll(async () => {
  project = await packProject();
  const any = 'tcp://127.0.0.1:*';
  demo = await Server.start({
    transport: zeromq(),
    name: 'demo',
    dbAddress: any,
    pullAddress: any,
    pubAddress: any,
    loggingLevel: 'silent',
    functions: { upper: (payload) => bytes(textOf(payload).toUpperCase()) },
  });
  http = createServer((request, response) => {
    if (request.url !== '/cut') return response.writeHead(404).end();
    for (const socket of sockets) if (socket !== request.socket) socket.destroy();
    return response.end('cut');
  });
  http.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  relay = await createRelay({
    server: http,
    transport: zeromq(),
    servers: { demo: { dbAddress: demo.dbAddress } },
    authenticate: (token) =>
      token === 'a secret of 16 or more'
        ? { name: 'alice', servers: ['demo'], functions: ['demo.upper'], cache: 'session' }
        : undefined,
    path: '/relay',
    loggingLevel: 'silent',
  });
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
  origin = `127.0.0.1:${(http.address() as AddressInfo).port}`;
});

afterAll(async () => {
  await relay?.close({ timeout: 0 });
  http?.close();
  await demo?.close();
  project?.remove();
});

async function runScript({ command, flags }: Runtime, file: string, ...args: string[]): Promise<string> {
  const script = join(project.folder, file);
  await run('cp', [join(here, file), script]);
  const { stdout } = await run(command, [...flags, script, ...args], {
    cwd: project.folder,
    timeout: 40_000,
  });
  return stdout.trim();
}

const denoNet: Runtime = { ...deno, flags: [...deno.flags, '--allow-net=127.0.0.1'] };

describe.each([node20, node24, denoNet, bun].map((runtime) => [runtime.name, runtime] as const))(
  '%s',
  (_, runtime) => {
    it('uses a server through the relay, is cut, goes on, and ends by itself', async () => {
      const output = await runScript(runtime, 'client.mjs', `ws://${origin}/relay`, `http://${origin}/cut`);
      expect(output.split('\n')).toEqual([
        'eval HELLO',
        'job 5000 true',
        'keys alice/ festina lente true undefined',
        'cut',
        'refused FORBIDDEN',
        'closed',
      ]);
    });

    it('speaks ZeroMQ without native code, to a native server and to one of its own', async () => {
      const output = await runScript(runtime, 'zmtp.mjs', demo.dbAddress);
      // The native one, its own, and its own with CURVE.
      expect(output.split('\n')).toEqual([...Array(3).fill('HELLO 1000 1'), 'closed']);
    });
  },
);

describe('threads', () => {
  // A module that is loaded when the program runs is read as a file.
  const denoRead: Runtime = { ...deno, flags: [...deno.flags, '--allow-read'] };

  it.each([node20, node24, denoRead, bun].map((runtime) => [runtime.name, runtime] as const))(
    'run functions in %s, which hold nothing up and may end their thread',
    async (_, runtime) => {
      await run('cp', [join(here, 'threads-functions.mjs'), project.folder]);
      expect((await runScript(runtime, 'threads.mjs')).split('\n')).toEqual([
        'HELLO',
        '1048576',
        'true',
        '100 1',
        'kept',
        'REMOTE RangeError',
        'REMOTE ThreadDied ON',
        'closed',
      ]);
    },
  );
});

describe('zeromq itself', () => {
  it('is there in Node 24', async () => {
    expect(await runScript(node24, 'zeromq.mjs', demo.dbAddress)).toBe('HELLO 1000');
  });

  it('is there in Deno, which is to allow native code', async () => {
    const native: Runtime = {
      ...deno,
      flags: [...deno.flags, '--allow-ffi', '--allow-read', '--allow-env', '--allow-sys'],
    };
    expect(await runScript(native, 'zeromq.mjs', demo.dbAddress)).toBe('HELLO 1000');
  });

  it('is refused in Bun, which its binary would abort', async () => {
    expect(await runScript(bun, 'zeromq.mjs', demo.dbAddress)).toMatch(/^INVALID_CALL .*Bun/);
  });
});
