/** What servers, files and arguments hold reaches terminals, logs and errors escaped and short. */
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocketServer } from 'ws';
import { PlainReporter } from '../../cli/demo/reporter.ts';
import { Interrupted } from '../../cli/io.ts';
import { Output } from '../../cli/terminal/output.ts';
import { Screen, stderrLogger } from '../../cli/terminal/screen.ts';
import { clip } from '../../cli/terminal/text.ts';
import { readAnswer } from '../../src/client/call.ts';
import { Client } from '../../src/client/client.ts';
import { STATUS_KEY } from '../../src/cluster/runtime/status.ts';
import { PalmError } from '../../src/protocol/errors.ts';
import { palmMessage, Status } from '../../src/protocol/message.ts';
import { relayedError } from '../../transports/websocket/channel.ts';
import { zeromq } from '../../transports/zeromq/index.ts';
import { bytes } from '../support/bytes.ts';
import { objectsOf } from '../support/command.ts';
import { ACTING, HOSTILE, type HostileServer, startHostileServer } from '../support/hostile-server.ts';
import { here } from '../support/in-process.ts';
import { Modules } from '../support/service.ts';
import { within } from '../support/wait.ts';
import { Running } from './running.ts';
import { FakeTerminal, onTerminal } from './terminals.ts';

const MEGABYTE = HOSTILE + 'x'.repeat(1_000_000);
const ANY = 'tcp://127.0.0.1:*';
const BINARY = Uint8Array.from({ length: 1_000 }, (_, i) => i & 0xff);

/** Nothing that acts, and no line that somebody else began. */
function expectTame(text: string, most = 20_000): void {
  expect(ACTING.exec(text)?.[0]).toBeUndefined();
  expect(text.length).toBeLessThanOrEqual(most);
}

function expectNotForged(text: string): void {
  expect(text).not.toMatch(/^frond: forged/m);
}

async function shown(argv: readonly string[], server: HostileServer, stdin = '') {
  // Without colours and a status line, which are the command's own.
  const running = onTerminal(argv, { FROND_DB: server.dbAddress, TERM: 'dumb' });
  running.stdin.end(stdin);
  const code = await running.ended;
  return { code, stdout: running.stdout.text, stderr: running.stderr.text };
}

describe('values and answers', () => {
  let server: HostileServer;
  beforeAll(async () => {
    server = await startHostileServer({
      values: { text: HOSTILE, binary: BINARY, mixed: 'tab\tand\nline\n' },
      storedKey: HOSTILE,
      answer: ({ payload }) => ({ payload: payload.length === 0 ? (BINARY as never) : bytes(HOSTILE) }),
    });
  });
  afterAll(() => server[Symbol.asyncDispose]());

  it.each([
    [['get', 'text'], ''],
    [['eval', 'bad.f', 'x'], ''],
    [['eval', 'bad.f', 'x', '--messages', '1'], ''],
    [['job', 'bad.f'], 'one\n'],
  ])('are escaped on a terminal: %j', async (argv, stdin) => {
    const { code, stdout, stderr } = await shown(argv, server, stdin);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expectTame(stdout);
    expect(stdout).toContain('\\u001b[2J\\u009b31mred\\u202eback');
    expect(stdout.endsWith('\n')).toBe(true);
  });

  it('are what they are elsewhere', async () => {
    const env = { FROND_DB: server.dbAddress };
    expect((await here(['get', 'text'], { env })).stdout.toString()).toBe(HOSTILE);
    expect((await here(['eval', 'bad.f', 'x'], { env })).stdout.toString()).toBe(HOSTILE);
    expect((await here(['job', 'bad.f'], { env, stdin: 'x\n' })).stdout.toString()).toBe(`${HOSTILE}\n`);
    expect(new Uint8Array((await here(['get', 'binary'], { env })).stdout)).toEqual(BINARY);
  });

  it('are escaped where they are not what was asked for', async () => {
    const { code, stderr } = await shown(['set', '--random-key', 'x'], server);
    expect(code).toBe(6);
    expectTame(stderr, 1_000);
    expectNotForged(stderr);
  });

  it('are counted on a terminal where they are not text', async () => {
    for (const argv of [
      ['get', 'binary'],
      ['eval', 'bad.f', ''],
    ]) {
      const { code, stdout, stderr } = await shown(argv, server);
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      expect(stdout).toBe(
        '(1,000 bytes that are not text: save them with > FILE, or use --json for base64)\n',
      );
    }
    expect((await shown(['get', 'mixed'], server)).stdout).toBe('tab\tand\nline\n');
  });

  it.each([
    [['get', 'text', '--json'], ''],
    [['eval', 'bad.f', 'x', '--json'], ''],
    [['job', 'bad.f', '--json'], 'one\n'],
    [['map', 'bad.f', '--json'], 'one\n'],
    [['map', 'bad.f', '--jsonl'], 'one\n'],
  ])('are the same in JSON, with nothing in it that acts: %j', async (argv, stdin) => {
    const { code, stdout } = await here(argv, { env: { FROND_DB: server.dbAddress }, stdin });
    expect(code).toBe(0);
    expectTame(stdout.toString());
    expect(JSON.stringify(objectsOf(stdout))).toContain(JSON.stringify(HOSTILE));
  });
});

describe('failures', () => {
  let server: HostileServer;
  beforeAll(async () => {
    server = await startHostileServer({
      answer: () => ({ status: Status.failed, function: MEGABYTE, error: MEGABYTE, errorName: MEGABYTE }),
    });
  });
  afterAll(() => server[Symbol.asyncDispose]());

  it.each([
    [['eval', 'bad.f', 'x'], ''],
    [['job', 'bad.f'], 'x\n'],
    [['map', 'bad.f'], 'x\n'],
    [['map', 'bad.f', '--jsonl'], 'x\n'],
  ])('are told short and escaped: %j', async (argv, stdin) => {
    const { code, stdout, stderr } = await shown(argv, server, stdin);
    expect(code).toBe(1);
    expectTame(stdout);
    expectTame(stderr);
    expectNotForged(stderr);
    expect(stdout + stderr).toContain('\\u001b]0;owned');
  });

  it.each([
    [['eval', 'bad.f', 'x'], ''],
    [['job', 'bad.f'], 'x\n'],
    [['map', 'bad.f', '--jsonl'], 'x\n'],
  ])('are told so in JSON too: %j', async (argv, stdin) => {
    const format = argv.includes('--jsonl') ? [] : ['--json'];
    const { code, stdout, stderr } = await here([...argv, ...format], {
      env: { FROND_DB: server.dbAddress },
      stdin,
    });
    expect(code).toBe(1);
    expectTame(stdout.toString());
    expectTame(stderr);
    const told = objectsOf(argv.includes('--jsonl') ? stdout : stderr);
    expect(told[0]).toMatchObject({ error: { code: 'REMOTE', message: expect.stringContaining('owned') } });
  });

  it('do not act in the errors of a program either', () => {
    const lies = { function: MEGABYTE, error: `at a\r\n\tb\n${MEGABYTE}`, errorName: MEGABYTE };
    const error = readAnswer(palmMessage({ status: Status.failed, ...lies }), false);
    if (!(error instanceof PalmError)) throw new Error('that is a failure');
    expectTame(error.message, 40_000);
    expectTame(error.remoteName ?? '', 2_000);
    expect(error.message).toContain('at a\n\tb\n');
  });
});

it.each([
  'tcp://\u001b[2J\u009b:5',
  `ipc:///tmp/${'x'.repeat(100_000)}`,
  MEGABYTE,
  `ipc://${HOSTILE.replace(/\s/g, '')}`,
])('addresses that a server advertises do not act in errors, and are short (%#)', async (address) => {
  for (const key of ['pull_address', 'pub_address']) {
    await using server = await startHostileServer({ values: { [key]: address } });
    const { dbAddress } = server;
    const failed = (async () => {
      await using client = await Client.connect({ transport: zeromq(), dbAddress, loggingLevel: 'silent' });
      await client.eval('bad.f', new Uint8Array(1), { timeout: 300 });
    })();
    const error: PalmError = await failed.then(
      () => undefined as never,
      (reason) => reason,
    );
    expect(error).toBeInstanceOf(PalmError);
    expectTame(error.message, 1_000);
  }
});

describe('what a relay says', () => {
  it('does not act in errors, its code neither', () => {
    const error = relayedError(MEGABYTE, MEGABYTE);
    expect(error.code).toBe('PROTOCOL');
    expectTame(error.message, 40_000);
    expect(relayedError('NEW_CODE', 'x')).toMatchObject({ code: 'NEW_CODE', message: 'x' });
  });

  it('does not act where it is why it ended the connection', async () => {
    const relay = new WebSocketServer({
      port: 0,
      host: '127.0.0.1',
      handleProtocols: ([first]) => first ?? false,
    });
    await once(relay, 'listening');
    relay.on('connection', (socket) => socket.close(4003, '\u001b[2J\u009b\u202e\nfrond: forged'));
    const url = `ws://127.0.0.1:${(relay.address() as AddressInfo).port}`;
    const running = onTerminal(['eval', 'a.b', 'x', '--relay', url, '--timeout', '2000'], { TERM: 'dumb' });
    running.stdin.end();
    expect(await running.ended).toBeGreaterThan(0);
    relay.close();
    expectTame(running.stderr.text);
    expectNotForged(running.stderr.text);
    expect(running.stderr.text).toContain('\\u001b[2J\\u009b\\u202e');
  });
});

/** What `inspect` shows, without ends of lines, which it makes itself. */
describe('what a server says of itself', () => {
  const status = {
    role: MEGABYTE,
    name: MEGABYTE,
    functions: Array.from({ length: 20_000 }, (_, i) => `${i}${HOSTILE}`),
    addresses: Object.fromEntries(Array.from({ length: 20_000 }, (_, i) => [`${i}${HOSTILE}`, HOSTILE])),
    uptime: 1,
    counters: { received: 1, answered: 1, failed: 0, ended: 0, dropped: 0, inFlight: 0 },
    workers: [
      { name: MEGABYTE, holds: 1e308, silent: 1 },
      ...Array.from({ length: 20_000 }, () => ({ name: `${HOSTILE}\ud800`, holds: 0, silent: 0 })),
    ],
    pushedWorkers: 3,
    losses: { workers: 1, redelivered: 1, givenUp: 1 },
  };

  it.each([true, false])('is short and escaped (by its own word frond: %s)', async (isFrond) => {
    await using server = await startHostileServer({
      isFrond,
      anyValue: HOSTILE,
      values: { name: MEGABYTE, ...(isFrond && { [STATUS_KEY]: JSON.stringify(status) }) },
    });
    const { code, stdout, stderr } = await shown(['inspect'], server);
    expect(code).toBe(0);
    // On a busy machine this server needs longer for megabytes than the command waits in silence.
    expect(stderr).toMatch(/^(frond: warning: waiting for an answer from="tcp:[\d.:/]+"\n)?$/);
    expectTame(stdout, 30_000);
    expectNotForged(stdout);
    expect(stdout).toContain('\\u001b[2J\\u009b31mred');
    const json = (await here(['inspect', '--json'], { env: { FROND_DB: server.dbAddress } })).stdout;
    expectTame(json.toString(), 20_000_000);
    expect(objectsOf(json)).toMatchObject([{ name: MEGABYTE }]);
  });

  it('is short where it is looked at again and again', async () => {
    await using server = await startHostileServer({
      isFrond: true,
      values: { name: MEGABYTE, [STATUS_KEY]: JSON.stringify(status) },
    });
    const argv = ['inspect', '--watch', '--every', '20'];
    const { stdin, stdout, ended, interrupts } = onTerminal(argv, {
      FROND_DB: server.dbAddress,
      TERM: 'dumb',
    });
    stdin.end();
    const seen = new Promise<void>((resolve) => {
      stdout.on('data', () => stdout.text.split('\n').length > 3 && resolve());
    });
    await within(10_000, seen, 'three looks');
    interrupts.abort(new Interrupted('SIGINT'));
    await ended;
    expectTame(stdout.text, 30_000);
    expectNotForged(stdout.text);
  });

  it('may be deeper than JSON can be written', async () => {
    const deep = `${'['.repeat(500_000)}${']'.repeat(500_000)}`;
    const document = JSON.stringify({ ...status, functions: [], addresses: {}, workers: [] });
    const counters = document.replace('"received":1', `"received":1,"deep":${deep}`);
    await using server = await startHostileServer({
      isFrond: true,
      values: { [STATUS_KEY]: counters },
    });
    const ended = await here(['inspect', '--json'], { env: { FROND_DB: server.dbAddress } });
    expect(ended).toMatchObject({ code: 0, stderr: '' });
    expect(objectsOf(ended.stdout)).toMatchObject([{ counters: { received: 1 } }]);
  });

  it('is asked for a bounded number of keys', async () => {
    await using server = await startHostileServer({
      values: { pull_address: '', sub_address: '' },
      anyValue: HOSTILE,
    });
    const ended = await here(['inspect', '--json'], { env: { FROND_DB: server.dbAddress } });
    const [{ addresses } = { addresses: {} }] = objectsOf(ended.stdout) as { addresses: object }[];
    expect(Object.keys(addresses).length).toBeGreaterThan(250);
    expect(Object.keys(addresses).length).toBeLessThan(300);
  });

  it.each([[[]], [['--json']]])(
    'is escaped where it is a Master that a worker works for: %j',
    async (format) => {
      const connection = await zeromq().open();
      const [push, pull] = [await connection.bindPush(ANY), await connection.bindPull(ANY)];
      await using server = await startHostileServer({
        values: { name: MEGABYTE, worker_push_address: push.address, worker_pull_address: pull.address },
      });
      await using modules = await Modules.make();
      const file = await modules.write('functions.mjs', 'export default { f: (payload) => payload };');
      await using worker = new Running(['worker', file, '--db', server.dbAddress, ...format]);
      const line = await worker.line(/works for|"master"/);
      expectTame(line, format.length > 0 ? 2_000_000 : 1_000);
      expect(line).toContain('\\u001b]0;owned');
      expect(await worker.end()).toBe(0);
      await connection.close({ timeout: 0 });
    },
  );

  it('is escaped where its name is not the one that was asked for', async () => {
    await using server = await startHostileServer({ values: { name: MEGABYTE } });
    const { code, stderr } = await shown(['eval', 'bad.f', 'x'], server);
    expect(code).toBe(5);
    expectTame(stderr, 2_000);
    expectNotForged(stderr);
  });
});

describe('what a user gives', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'frond-hostile-'));
  });
  afterAll(() => rm(folder, { recursive: true }));

  const NOWHERE = ['--db', 'tcp://127.0.0.1:1', '--timeout', '100'];
  it.each([
    [['eval', 'a.b', 'x', `--${MEGABYTE}`]],
    [[MEGABYTE]],
    [[`-${MEGABYTE}`]],
    [['help', MEGABYTE]],
    [['eval', MEGABYTE, 'x', ...NOWHERE]],
    [['eval', `${MEGABYTE}.f`, 'x', ...NOWHERE]],
    [['eval', 'a.b', 'x', MEGABYTE, ...NOWHERE]],
    [['eval', 'a.b', 'x', '--db', MEGABYTE]],
    [['eval', 'a.b', 'x', '--db', `ipc:///tmp/${'x'.repeat(70_000)}`, '--timeout', '100']],
    [['eval', 'a.b', 'x', '--db', 'tcp://127.0.0.1:1', '--timeout', MEGABYTE]],
    [['eval', 'a.b', 'x', '--session', MEGABYTE, ...NOWHERE]],
    [['eval', 'a.b', 'x', '--server', MEGABYTE, ...NOWHERE]],
    [['eval', 'a.b', 'x', '--server-key', MEGABYTE, ...NOWHERE]],
    [['eval', 'a.b', 'x', '--push', MEGABYTE, ...NOWHERE]],
    [['eval', 'a.b', 'x', '--relay', MEGABYTE]],
    [['eval', 'a.b', 'x', '--relay', `ws://127.0.0.1:1/${'x'.repeat(70_000)}`, '--timeout', '300']],
    [['eval', 'a.b', 'x', '--relay', 'ws://127.0.0.1:1', '--token', MEGABYTE, '--timeout', '300']],
    [['get', MEGABYTE, '--session', '', ...NOWHERE]],
    [['delete', `${'k'.repeat(1_000_000)}`, ...NOWHERE]],
    [['job', 'a.b', '--input', MEGABYTE, ...NOWHERE]],
    [['job', 'a.b', '--input', 'x'.repeat(70_000), ...NOWHERE]],
    [['map', 'a.b', MEGABYTE, ...NOWHERE]],
    [['map', 'a.b', '--files', MEGABYTE, ...NOWHERE]],
    [['map', 'a.b', '--resume', MEGABYTE, ...NOWHERE]],
    [['inspect', MEGABYTE, '--timeout', '100']],
    [['inspect', `ipc:///tmp/${'x'.repeat(70_000)}`, '--timeout', '100']],
    [['inspect', 'demo', '--relay', `ws://127.0.0.1:1/${'x'.repeat(70_000)}`, '--timeout', '300']],
    [['serve', MEGABYTE]],
    [['serve', 'x'.repeat(70_000)]],
    [['worker', MEGABYTE, ...NOWHERE]],
    [['relay', '--server', MEGABYTE, '--allow', 'a.*']],
    [['relay', '--server', `a=${MEGABYTE}`, '--allow', 'a.*']],
    [['relay', '--server', 'a=tcp://127.0.0.1:1', '--allow', MEGABYTE]],
    [['relay', '--server', 'a=tcp://127.0.0.1:1', '--allow', 'a.*', '--cache', MEGABYTE]],
    [['relay', '--server', 'a=tcp://127.0.0.1:1', '--allow', 'a.*', '--listen', MEGABYTE]],
    [['relay', '--server', 'a=tcp://127.0.0.1:1', '--allow', 'a.*', '--origin', MEGABYTE]],
    [['relay', '--server', 'a=tcp://127.0.0.1:1', '--tokens', MEGABYTE]],
    [['relay', '--server', 'a=tcp://127.0.0.1:1', '--tokens', 'x'.repeat(70_000)]],
    [['relay', '--config', MEGABYTE]],
    [['demo', MEGABYTE]],
    [['demo', '--db', MEGABYTE]],
    [['demo', '--once', '--port', MEGABYTE]],
  ])('is short and escaped in errors, for people and in JSON (%#)', async (argv) => {
    for (const format of [[], ['--json']]) {
      const { code, stdout, stderr } = await here([...argv, ...format]);
      expect(code).toBeGreaterThan(0);
      expect(stdout.length).toBe(0);
      expectTame(stderr, 6_000);
      expectNotForged(stderr);
      if (format.length > 0)
        expect(objectsOf(stderr)).toMatchObject([{ error: { code: expect.any(String) } }]);
    }
  });

  it.each([
    ['listen', { listen: MEGABYTE }],
    ['an unknown key', { [MEGABYTE]: 1 }],
    ['a key in a long list', { limits: { [`max${'x'.repeat(1_000_000)}`]: 1 } }],
    ['an address', { servers: { a: MEGABYTE } }],
    ['a name', { servers: { [MEGABYTE]: 'tcp://127.0.0.1:1' } }],
    ['an origin', { servers: { a: 'tcp://127.0.0.1:1' }, origins: [MEGABYTE] }],
    ['a file', { servers: { a: 'tcp://127.0.0.1:1' }, tokens: MEGABYTE }],
    [
      'a key for TLS',
      {
        servers: { a: 'tcp://127.0.0.1:1' },
        anonymous: { servers: ['a'] },
        tls: { cert: MEGABYTE, key: MEGABYTE },
      },
    ],
  ])('is short and escaped where a config file says it: %s', async (_, config) => {
    const file = join(folder, 'relay.json');
    await writeFile(file, JSON.stringify(config));
    const { code, stderr } = await here(['relay', '--config', file]);
    expect(code).toBe(2);
    expectTame(stderr, 6_000);
    expectNotForged(stderr);
  });

  it('is short and escaped where it is a file that is no JSON', async () => {
    const file = join(folder, 'broken.json');
    await writeFile(file, `{ "listen": ${MEGABYTE}`);
    const { stderr } = await here(['relay', '--config', file]);
    expectTame(stderr, 6_000);
    expectNotForged(stderr);
  });

  it('is short and escaped where a module says it', async () => {
    const file = join(folder, 'hostile.mjs');
    await writeFile(file, `throw new Error(${JSON.stringify(MEGABYTE)});`);
    for (const format of [[], ['--json'], ['--verbose'], ['--json', '--verbose']]) {
      const { code, stderr } = await here(['serve', file, ...format]);
      expect(code).toBe(2);
      expectTame(stderr, 40_000);
      expectNotForged(stderr);
    }
  });

  it('is escaped where it is the name of a file', async () => {
    const file = join(folder, 'a\u001b[2J\u009bb\u202e.txt');
    await using server = await startHostileServer({});
    await writeFile(file, 'x', { mode: 0 });
    const { code, stderr } = await shown(['map', 'bad.f', file, join(folder, 'none\u009b')], server);
    expect(code).toBe(2);
    expectTame(stderr);
    expect(stderr).toMatch(/none\\u009b|a\\u001b\[2J\\u009bb\\u202e/);
  });
});

describe('the log on stderr', () => {
  it('is escaped, as text and as JSON', async () => {
    for (const asJson of [false, true]) {
      const stream = new FakeTerminal();
      const screen = new Screen(stream, {});
      stderrLogger(screen, asJson, HOSTILE).warning(HOSTILE, { [HOSTILE]: `${HOSTILE}\udc00`, count: 1 });
      await screen.finish();
      expectTame(stream.text);
      expect(stream.text.split('\n').length).toBe(2);
      if (asJson)
        expect(objectsOf(stream.text)).toEqual([
          {
            log: {
              level: 'warning',
              from: HOSTILE,
              message: HOSTILE,
              [HOSTILE]: `${HOSTILE}\udc00`,
              count: 1,
            },
          },
        ]);
    }
  });
});

describe('the demo', () => {
  it('shows results and answers escaped, whatever they are', async () => {
    const stdout = new FakeTerminal();
    const screen = new Screen(new PassThrough(), {});
    const output = new Output(stdout, screen, () => {});
    const { signal } = new AbortController();
    const io = {
      ...{ argv: [], stdin: new PassThrough(), stdout, stderr: new PassThrough(), signal },
      ...{ env: { NO_COLOR: '1' }, invocation: HOSTILE, version: '1' },
    };
    const teller = new PlainReporter(io, output, true);
    await teller.called(MEGABYTE, MEGABYTE, MEGABYTE, 1);
    for (const result of [`${HOSTILE}\t${MEGABYTE}`, '-5\tx', `1e9\t${MEGABYTE}`, MEGABYTE, ''])
      await teller.result(bytes(result));
    await teller.shared(MEGABYTE, MEGABYTE, 1);
    await teller.next({ start: HOSTILE, calls: [HOSTILE] });
    await output.finish();
    expectTame(stdout.text, 5_000);
    expectNotForged(stdout.text);
  });
});

it('text of marks without end is cut as well', () => {
  const zalgo = `a${'\u0301'.repeat(1_000_000)}`;
  expect(clip(zalgo, 10).length).toBeLessThan(200);
});
