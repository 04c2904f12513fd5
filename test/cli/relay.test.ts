/** `frond relay`, from its start to its end. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { curveKeyPair } from 'zeromq';
import type { Server } from '../../src/cluster/roles/server.ts';
import { zeromq } from '../../transports/zeromq/index.ts';
import { frond, objectsOf } from '../support/command.ts';
import { here } from '../support/in-process.ts';
import { Modules, Service } from '../support/service.ts';
import { startServer } from '../support/tcp-server.ts';
import { until, within } from '../support/wait.ts';
import { entry, output, startRelay, type Up, up } from './relays.ts';
import { Running } from './running.ts';

let server: Server;
let files: Modules;

beforeAll(async () => {
  // Calls that are never answered are under way at once.
  server = await startServer({ concurrency: 10 });
  files = await Modules.make();
});

afterAll(async () => {
  await server.close({ timeout: 0 });
  await files[Symbol.asyncDispose]();
});

const relay = (...args: string[]) => startRelay(server.dbAddress, ...args);

/** A call that is never answered, once the server has it. Gives what came of it. */
async function begun(call: () => Promise<{ readonly code: number | null }>) {
  const before = server.counters.received;
  const called = call();
  await within(
    10_000,
    until(() => server.counters.received > before),
    'the call',
  );
  return { called };
}

describe('what it says', () => {
  test('what it serves, where, for whom, and the line that calls it', async () => {
    const tokens = await files.write('said.json', JSON.stringify({ tokens: [entry('alice'), entry('bob')] }));
    const args = ['--listen', '127.0.0.1:*', '--allow', 'test.*', '--origin', 'https://dash.example'];
    await using running = new Running([
      ...['relay', '--server', `test=${server.dbAddress}`, '--tokens', tokens],
      ...args,
    ]);
    const call = await running.line(/ eval /);
    const [url = ''] = /ws:\S+/.exec(call) ?? [];
    expect(running.lines.slice(0, 4)).toEqual([
      'relay',
      `  url       ${url}`,
      `  server    test at ${server.dbAddress}`,
      '  pages of  https://dash.example',
    ]);
    expect(running.lines[4]).toMatch(/^ {2}tokens {4}alice, bob \(/);
    expect(running.lines).toContain('  anybody   may call test.* (test)');
    expect(call).toBe(`  frond eval test.echo 'hello' --relay ${url}`);
    await running.line(/serverName: 'test'/);
    expect(running.lines.slice(-3)).toEqual([
      '',
      `  const transport = websocket('${url}');`,
      "  const client = await Client.connect({ transport, serverName: 'test' });",
    ]);
    expect(await output(call.trim().replaceAll("'", '').split(' ').slice(1))).toBe('hello');
    expect(await running.end()).toBe(0);
    expect(running.errors.join()).not.toContain('warning');
  });

  test('--json says the same in one line', async () => {
    await using running = relay('--allow', 'test.upper', '--allow', 'test.odd', '--cache', 'read');
    expect(await up(running)).toEqual({
      url: expect.stringMatching(/^ws:\/\/127\.0\.0\.1:\d+\/$/),
      servers: { test: server.dbAddress },
      origins: null,
      anonymous: { servers: ['test'], functions: ['test.upper', 'test.odd'], cache: 'read' },
      identities: null,
    });
    expect(await running.end()).toBe(0);
    expect(running.lines.length).toBe(1);
  });

  test('a warning where anybody may come in from everywhere, and none otherwise', async () => {
    await using open = relay('--allow', 'test.*', '--listen', '0.0.0.0:0');
    expect(JSON.parse(await open.error(/anybody/))).toMatchObject({ log: { level: 'warning' } });
    expect((await up(open)).url).toMatch(/^ws:\/\/127\.0\.0\.1:/);
    const tokens = await files.write('open.json', JSON.stringify({ tokens: [entry('alice')] }));
    await using closed = relay('--tokens', tokens, '--listen', '0.0.0.0:0');
    expect((await up(closed)).identities).toEqual(['alice']);
    expect(closed.errors).toEqual([]);
  });
});

describe('the config file', () => {
  test('all of it, and options stand in for it', async () => {
    await files.write('tokens.json', JSON.stringify({ tokens: [entry('alice')] }));
    const config = await files.write(
      'relay.json',
      JSON.stringify({
        listen: '127.0.0.1:0',
        servers: {
          test: { dbAddress: server.dbAddress, functions: ['test.upper'] },
          other: 'tcp://127.0.0.1:1',
        },
        origins: ['https://dash.example'],
        path: '/way',
        tokens: 'tokens.json',
        anonymous: { servers: ['test'], functions: ['test.*'] },
        limits: { maxFrame: 1_000_000 },
      }),
    );
    await using running = new Running(['relay', '--config', config, '--json', '--cache', 'read']);
    const said = await up(running);
    expect(said).toEqual({
      url: expect.stringMatching(/^ws:\/\/127\.0\.0\.1:\d+\/way$/),
      servers: { test: server.dbAddress, other: 'tcp://127.0.0.1:1' },
      origins: ['https://dash.example'],
      anonymous: { servers: ['test'], functions: ['test.*'], cache: 'read' },
      identities: ['alice'],
    });
    expect(await output(['eval', 'test.upper', 'x', '--relay', said.url])).toBe('X');
    const unlisted = await here(['eval', 'test.odd', '1', '--relay', said.url]);
    expect(unlisted.stderr).toMatch(/"test\.odd" is not in the relay's list/);
    await using narrowed = new Running([
      ...['relay', '--config', config, '--json', '--allow', 'other.x', '--origin', 'http://a.example'],
      ...['--server', 'other=tcp://127.0.0.1:2'],
    ]);
    expect(await up(narrowed)).toMatchObject({
      servers: { other: 'tcp://127.0.0.1:2' },
      origins: ['http://a.example'],
      anonymous: { servers: ['other'], functions: ['other.x'], cache: 'none' },
    });
  });

  test('servers that encrypt', async () => {
    const keys = curveKeyPair();
    await using own = await startServer({
      transport: zeromq({ curveServer: { secretKey: keys.secretKey } }),
    });
    const args = ['--server', `test=${own.dbAddress}`, '--allow', '*', '--server-key', keys.publicKey];
    await using running = new Running(['relay', '--listen', '127.0.0.1:0', '--json', ...args]);
    expect(await output(['eval', 'test.upper', 'x', '--relay', (await up(running)).url])).toBe('X');
  });
});

describe('its end', () => {
  test('a call that is under way is answered', async () => {
    let release = () => {};
    const begun = new Promise<void>((resolve) => {
      release = resolve;
    });
    await using own = await startServer({
      functions: {
        slow: async (payload) => {
          release();
          await new Promise((resolve) => setTimeout(resolve, 300));
          return payload;
        },
      },
    });
    const args = [
      '--server',
      `test=${own.dbAddress}`,
      '--allow',
      'test.*',
      '--listen',
      '127.0.0.1:0',
      '--json',
    ];
    await using running = new Running(['relay', ...args]);
    const { url } = await up(running);
    const call = output(['eval', 'test.slow', 'late', '--relay', url]);
    await begun;
    expect(await running.end()).toBe(0);
    expect(await call).toBe('late');
  });

  test('--drain is how long it waits for that', async () => {
    await using running = relay('--allow', 'test.*', '--drain', '100');
    const { url } = await up(running);
    const { called } = await begun(() =>
      here(['eval', 'test.never', 'x', '--relay', url, '--timeout', '5000']),
    );
    const started = performance.now();
    expect(await running.end()).toBe(0);
    expect(performance.now() - started).toBeLessThan(2_000);
    expect((await called).code).toBeGreaterThan(2);
  });

  test('the built command: health, metrics, other paths, and two signals', async () => {
    const args = [
      'relay',
      '--server',
      `test=${server.dbAddress}`,
      '--listen',
      '127.0.0.1:0',
      '--metrics',
      '127.0.0.1:0',
      '--allow',
      'test.*',
    ];
    await using service = new Service([...args, '--json', '--drain', 'inf']);
    const [said] = objectsOf(await service.line(0)) as (Up & { readonly metrics: string })[];
    const web = (said?.url ?? '').replace('ws:', 'http:');
    const [health, ready, hidden, page] = await Promise.all(
      ['healthz', 'readyz', 'metrics', ''].map((path) => fetch(web + path)),
    );
    expect([health?.status, ready?.status, hidden?.status, page?.status]).toEqual([200, 200, 404, 404]);
    // To whom it may not be known which servers there are.
    expect(await ready?.text()).toBe('ready\n');
    const own = said?.metrics ?? '';
    expect(await (await fetch(own)).text()).toMatch(/^frond_relay_connections 0$/m);
    expect(await (await fetch(own.replace('metrics', 'readyz'))).text()).toBe('ready\ntest: answers\n');
    expect((await fetch(own.replace('metrics', ''))).status).toBe(404);
    expect(await page?.text()).toMatch(/^This is a frond relay/);
    const { called } = await begun(() =>
      frond(['eval', 'test.never', 'x', '--relay', said?.url ?? '', '--timeout', '5000']),
    );
    service.child.kill('SIGTERM');
    await expect.poll(async () => (await fetch(`${web}readyz`)).status, { timeout: 5_000 }).toBe(503);
    // It ends by itself: nobody needs to end it.
    expect((await fetch(`${web}healthz`)).status).toBe(200);
    expect(service.child.exitCode).toBeNull();
    expect(await service.end('SIGINT')).toBe(130);
    expect((await called).code).toBeGreaterThan(2);
  });
});
