/** `frond relay` reads its files again, at SIGHUP and when they change, and drops nobody for it. */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { copyFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import type { Server } from '../../src/cluster/roles/server.ts';
import { Client } from '../../src/index.ts';
import { websocket } from '../../transports/websocket/node.ts';
import type { WebSocketConstructor } from '../../transports/websocket/options.ts';
import { bytes, textOf } from '../support/bytes.ts';
import { CLI, objectsOf, until } from '../support/command.ts';
import { Modules, Service } from '../support/service.ts';
import { startServer } from '../support/tcp-server.ts';
import { eventually } from '../support/wait.ts';
import { makeCertificate, openTls } from './certificates.ts';
import type { Up } from './relays.ts';

let server: Server;
let files: Modules;
let clients: Client[] = [];

beforeAll(async () => {
  server = await startServer();
  files = await Modules.make();
  await Promise.all(['first', 'second'].map((name) => makeCertificate(files.folder, name)));
});

afterEach(async () => {
  for (const client of clients) await client.close({ timeout: 0 });
  clients = [];
});

afterAll(async () => {
  await server.close({ timeout: 0 });
  await files[Symbol.asyncDispose]();
});

const at = (name: string) => join(files.folder, name);
const ALLOWED = { servers: ['test'], functions: ['test.upper'] };

/** A relay by a config file that holds `config`, listening. */
async function begin(name: string, config: object) {
  const path = at(`${name}.json`);
  const write = (changes: object) =>
    writeFile(
      path,
      JSON.stringify({ listen: '127.0.0.1:0', servers: { test: server.dbAddress }, ...changes }),
    );
  await write(config);
  const service = new Service(['relay', '--config', path, '--json']);
  const [said] = objectsOf(await service.line(0)) as Up[];
  const url = said?.url ?? '';
  return { service, url, port: Number(new URL(url).port), write };
}

/** As a client of a relay whose certificate it takes as it is. */
class Trusting extends WebSocket {
  constructor(url: string, protocols: string) {
    super(url, protocols, { rejectUnauthorized: false });
  }
}

async function connectTo(url: string, token?: string): Promise<Client> {
  const options = { WebSocket: Trusting as unknown as WebSocketConstructor, ...(token && { token }) };
  const client = await Client.connect({
    transport: websocket(url, options),
    serverName: 'test',
    loggingLevel: 'silent',
    timeout: 5_000,
  });
  clients.push(client);
  return client;
}

const upper = async (client: Client, word: string) => textOf(await client.eval('test.upper', bytes(word)));

describe('a certificate', () => {
  /** Puts the files of a certificate in the place of those that the relay has, as what renews them does. */
  async function renew(name: string): Promise<void> {
    for (const kind of ['key', 'cert']) {
      await copyFile(at(`${name}.${kind}.pem`), at(`new.${kind}.pem`));
      await rename(at(`new.${kind}.pem`), at(`own.${kind}.pem`));
    }
  }

  test.each(['SIGHUP', 'nothing but the change'])('is read again after %s', async (how) => {
    await renew('first');
    const tls = { cert: 'own.cert.pem', key: 'own.key.pem' };
    const { service, url, port } = await begin('tls', { tls, anonymous: ALLOWED });
    await using _ = service;
    const client = await connectTo(url);
    expect(await upper(client, 'a')).toBe('A');
    const before = await openTls(port);
    expect(before.name).toBe('first');
    await renew('second');
    if (how === 'SIGHUP') service.child.kill('SIGHUP');
    const nameNow = async () => {
      const { socket, name } = await openTls(port);
      socket.destroy();
      return name;
    };
    await eventually(async () => (await nameNow()) === 'second');
    await service.error(/the relay has read its files again/);

    // What is no pair, and what is no certificate: the one before goes on.
    await copyFile(at('first.key.pem'), at('own.key.pem'));
    const fault = await service.error(/the files of the relay cannot be used; it keeps its settings/);
    expect(fault).toMatch(/are not a certificate and its key/);
    await writeFile(at('own.cert.pem'), 'nothing');
    service.child.kill('SIGHUP');
    await service.error(/cannot be used/, 2);
    expect(await nameNow()).toBe('second');
    await renew('first');
    await eventually(async () => (await nameNow()) === 'first');

    // All the while, nobody was cut.
    expect(before.socket.destroyed).toBe(false);
    before.socket.destroy();
    expect(await upper(client, 'b')).toBe('B');
    expect(await service.end()).toBe(0);
  });
});

describe('the config file', () => {
  test('at SIGHUP: origins, what anybody may do, and more servers', async () => {
    const { service, url, write } = await begin('config', { anonymous: ALLOWED });
    await using _ = service;
    const client = await connectTo(url);
    const knock = (origin: string) =>
      new Promise<boolean>((resolve) => {
        const socket = new WebSocket(url, 'frond.v1', { origin });
        socket.on('close', () => resolve(false)).on('error', () => resolve(false));
        // It is told when it may stay.
        socket.on('open', () => socket.send(Buffer.from([0x93, 0, 0, 0x94, 1, 0xc0, 0xc0, 0])));
        socket.on('message', () => {
          resolve(true);
          socket.terminate();
        });
      });
    expect(await knock('https://dash.example')).toBe(false);
    await write({
      servers: { test: server.dbAddress, other: server.dbAddress },
      origins: ['https://dash.example'],
      anonymous: { servers: ['test', 'other'], functions: ['test.*'] },
    });
    service.child.kill('SIGHUP');
    await service.error(/its files again.*"servers":"test, other"/);
    expect(await knock('https://dash.example')).toBe(true);
    // The client that was there may do more now.
    expect(textOf(await client.eval('test.flip', new Uint8Array([0x9e])))).toBe('a');
    expect(await service.end()).toBe(0);
  });

  test('what counts only after a restart is named, and a file at fault changes nothing', async () => {
    const { service, url, write } = await begin('later', { anonymous: ALLOWED });
    await using _ = service;
    const client = await connectTo(url);
    await write({
      servers: { test: 'tcp://127.0.0.1:1' },
      path: '/other',
      limits: { maxFrame: 1_000 },
      anonymous: ALLOWED,
    });
    service.child.kill('SIGHUP');
    const warning = await service.error(/only after a restart/);
    expect(JSON.parse(warning).log.changed).toBe('path, limits, servers.test');
    await write({ anonymous: { servers: ['*'], functionz: [] } });
    service.child.kill('SIGHUP');
    // It may have looked while half of the file was written, too.
    await service.error(/cannot be used.*there is no key anonymous\.functionz/);
    expect(await upper(client, 'still')).toBe('STILL');
    // Nobody may come in without a token, and there are none: that is no config to serve with.
    await write({});
    service.child.kill('SIGHUP');
    await service.error(/nobody could connect/);
    expect(await upper(client, 'on')).toBe('ON');
    expect(service.child.exitCode).toBeNull();
    expect(await service.end()).toBe(0);
  });

  test('changes count without a signal, too', async () => {
    const { service, url, write } = await begin('watched', { anonymous: ALLOWED });
    await using _ = service;
    const client = await connectTo(url);
    await expect(client.eval('test.flip', bytes('x'))).rejects.toMatchObject({ code: 'FORBIDDEN' });
    await write({ anonymous: { servers: ['test'], functions: ['test.flip'] } });
    await service.error(/has read its files again/);
    await eventually(async () => {
      const called = client.eval('test.flip', bytes('x'));
      return called.then(() => true).catch(() => false);
    });
    await expect(upper(client, 'x')).rejects.toMatchObject({ code: 'FORBIDDEN' });
    expect(await service.end()).toBe(0);
  });
});

test.runIf(process.platform === 'linux')('SIGHUP ends a relay whose terminal is gone', async () => {
  const args = [
    'relay',
    '--server',
    `test=${server.dbAddress}`,
    '--allow',
    'test.*',
    '--listen',
    '127.0.0.1:0',
  ];
  const line = [process.execPath, CLI, ...args].map((arg) => `'${arg}'`).join(' ');
  // A terminal of its own, which is closed when the program that made it ends.
  const terminal = spawn('script', ['-qefc', line, '/dev/null'], { stdio: ['pipe', 'pipe', 'ignore'] });
  await until(terminal.stdout, /serverName/);
  const children = readFileSync(`/proc/${terminal.pid}/task/${terminal.pid}/children`, 'utf8');
  const pid = Number(children.trim().split(' ')[0]);
  process.kill(pid, 'SIGHUP');
  await until(terminal.stdout, /has read its files again/);
  terminal.kill('SIGKILL');
  await eventually(async () => {
    try {
      process.kill(pid, 0);
      return false;
    } catch {
      return true;
    }
  });
});
