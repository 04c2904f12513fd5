/** Ends that are certain: they are told at once, with a code of their own. And platforms that lack what others have. */
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import { createServer } from 'node:https';
import { type AddressInfo, createServer as createTcpServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runInNewContext } from 'node:vm';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { SignalHub, throwIfAborted } from '../../../src/async/signals.ts';
import { withinLimits } from '../../../src/async/timers.ts';
import { loneMessage, Type } from '../../../transports/relay-protocol/frames.ts';
import { websocket } from '../../../transports/websocket/node.ts';
import { until, within } from '../../support/wait.ts';
import { fakePlatform } from './fake-socket.ts';

const ends: (() => unknown)[] = [];

afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

async function listen(server: Server): Promise<number> {
  server.on('connection', (socket) => ends.push(() => socket.destroy()));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  ends.push(() => server.close());
  return (server.address() as AddressInfo).port;
}

function selfSigned(): { readonly key: Buffer; readonly cert: Buffer } {
  const folder = mkdtempSync(join(tmpdir(), 'frond-tls-'));
  ends.push(() => rmSync(folder, { recursive: true, force: true }));
  const [key, cert] = [join(folder, 'key'), join(folder, 'cert')] as const;
  const kind = [
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:prime256v1',
    '-nodes',
    '-subj',
    '/CN=localhost',
  ];
  execFileSync('openssl', ['req', '-x509', ...kind, '-keyout', key, '-out', cert], { stdio: 'ignore' });
  return { key: readFileSync(key), cert: readFileSync(cert) };
}

async function identify(url: string) {
  const connection = await websocket(url).open();
  ends.push(() => connection.close({ timeout: 0 }));
  return within(3_000, connection.identify(), 'the refusal');
}

// The platform's own WebSocket does not tell.
describe.skipIf(typeof globalThis.WebSocket === 'function')('over the package ws', () => {
  it('a certificate that nobody vouches for is FORBIDDEN', async () => {
    const port = await listen(createServer(selfSigned()));
    await expect(identify(`wss://127.0.0.1:${port}`)).rejects.toMatchObject({
      code: 'FORBIDDEN',
      message: expect.stringMatching(/self-signed certificate/),
    });
  });

  it('wss:// to a port without TLS is PROTOCOL', async () => {
    const port = await listen(createHttpServer());
    await expect(identify(`wss://127.0.0.1:${port}`)).rejects.toMatchObject({ code: 'PROTOCOL' });
  });

  it('ws:// to what answers something else than HTTP is PROTOCOL', async () => {
    const port = await listen(
      createTcpServer((socket) => socket.end('\u0015\u0003\u0001\u0000\u0002\u0002F')),
    );
    await expect(identify(`ws://127.0.0.1:${port}`)).rejects.toMatchObject({ code: 'PROTOCOL' });
  });
});

const welcome = () =>
  loneMessage([Type.welcome, 'session', 'relay/1', false, 0, 1_000_000, 1_000_000, 20_000, 60_000, '']);

describe('a platform', () => {
  afterEach(() => {
    vi.unstubAllGlobals();
    vi.restoreAllMocks();
  });

  async function open(platform: ReturnType<typeof fakePlatform>) {
    const transport = websocket('ws://relay.example/', { WebSocket: platform.WebSocket, maxDelay: 1 });
    const connection = await transport.open();
    ends.push(() => connection.close({ timeout: 0 }));
    await within(2_000, connection.identify(), 'the welcome');
    return connection;
  }

  it('whose bytes are of another realm is understood', async () => {
    const foreign = runInNewContext('(bytes) => new Uint8Array(bytes).buffer') as (
      bytes: number[],
    ) => ArrayBuffer;
    const data = foreign([...welcome()]);
    expect(data instanceof ArrayBuffer).toBe(false);
    await open(
      fakePlatform((socket) => {
        socket.open();
        socket.get(data);
      }),
    );
  });

  it.each([
    [
      'throws',
      () => {
        throw new Error('Cannot perform I/O on behalf of a different request');
      },
    ],
    ['is closed without an event', undefined],
  ] as const)('whose socket %s when it is used by a later request is dialled anew', async (_, send) => {
    const platform = fakePlatform((socket) => {
      socket.open();
      socket.get(welcome().slice().buffer);
    });
    const connection = await open(platform);
    const [socket] = platform.made;
    if (socket === undefined) throw new Error('no socket was made');
    if (send !== undefined) socket.send = send;
    else socket.readyState = 3;
    connection.request('server', new Uint8Array(1)).reply.catch(() => {});
    await within(
      2_000,
      until(() => platform.made.length === 2),
      'another socket',
    );
  });

  it('without URL.canParse, Symbol.asyncDispose, throwIfAborted and reasons of signals will do', async () => {
    vi.spyOn(URL, 'canParse').mockImplementation(() => {
      throw new TypeError('URL.canParse is not a function');
    });
    expect(() => websocket('ws://relay.example/', { WebSocket: fakePlatform().WebSocket })).not.toThrow();
    expect(() => websocket('no url', { WebSocket: fakePlatform().WebSocket })).toThrow(/must be ws/);
    const poor = Object.assign(new EventTarget(), { aborted: false }) as unknown as AbortSignal;
    const limits = { signal: poor, signals: new SignalHub(), timeout: 2_000 };
    const waiting = withinLimits(limits, () => new Error('late'), new Promise<never>(() => {}));
    Object.assign(poor, { aborted: true });
    poor.dispatchEvent(new Event('abort'));
    await expect(waiting).rejects.toMatchObject({ name: 'AbortError' });
    expect(() => throwIfAborted(poor)).toThrow(expect.objectContaining({ name: 'AbortError' }));
  });
});
