/** The page of `frond demo`: how it is served, and who reaches the cluster through the relay beside it. */
import { chmod, mkdir, mkdtemp, readdir, readFile, readlink, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server as HttpServer, request as httpRequest } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest';
import { serveSite } from '../../cli/demo/gateway.ts';
import type { CREW_TYPED, DEMO_TYPED } from '../../cli/demo/typed.ts';
import { Worker } from '../../src/cluster/index.ts';
import { type FunctionDescription, isErrorOf, remote } from '../../src/functions/index.ts';
import { Client, json, text } from '../../src/index.ts';
import { websocket } from '../../transports/websocket/node.ts';
import { frond } from '../support/command.ts';
import { freeAddress } from '../support/ports.ts';
import { within } from '../support/wait.ts';
import { Running } from './running.ts';

interface Answer {
  readonly status: number | undefined;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}

/** Asks without making the path a sensible one before, as fetch does. */
function ask(
  port: number,
  method: string,
  path: string,
  headers: Record<string, string> = {},
): Promise<Answer> {
  const answered = new Promise<Answer>((resolve, reject) => {
    const sent = httpRequest({ host: '127.0.0.1', port, method, path, headers, agent: false }, (response) => {
      let body = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        body += chunk;
      });
      response.on('end', () => resolve({ status: response.statusCode, headers: response.headers, body }));
    });
    sent.on('error', reject).end();
  });
  return within(5_000, answered, `${method} ${path}`);
}

describe('the site', () => {
  let folder: string;
  let http: HttpServer;
  let port = 0;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'frond-site-'));
    await mkdir(join(folder, 'page/assets'), { recursive: true });
    await writeFile(join(folder, 'page/index.html'), '<!doctype html><title>page</title>');
    await writeFile(join(folder, 'page/assets/app-1a2b3c4d.js'), 'export {};');
    await writeFile(join(folder, 'page/assets/app-1a2b3c4d.css'), '');
    await writeFile(join(folder, 'page/icon.svg'), '<svg/>');
    await writeFile(join(folder, 'secret.txt'), 'not for pages');
    http = createServer(serveSite(join(folder, 'page')));
    await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
    port = (http.address() as AddressInfo).port;
  });

  afterAll(async () => {
    http?.closeAllConnections();
    http?.close();
    await rm(folder, { recursive: true });
  });

  it.each([
    ['/', 'text/html;charset=utf-8', 'no-cache'],
    ['/index.html', 'text/html;charset=utf-8', 'no-cache'],
    ['/icon.svg', 'image/svg+xml', 'no-cache'],
    ['/assets/app-1a2b3c4d.js', 'text/javascript', 'public, max-age=31536000, immutable'],
    ['/assets/app-1a2b3c4d.css', 'text/css', 'public, max-age=31536000, immutable'],
  ])('serves %s as %s, to be kept: %s', async (path, type, cache) => {
    const { status, headers } = await ask(port, 'GET', path);
    expect(status).toBe(200);
    expect(headers).toMatchObject({ 'content-type': type, 'cache-control': cache });
    const again = await ask(port, 'GET', path, { 'if-none-match': String(headers['etag']) });
    expect(again).toMatchObject({ status: 304, body: '' });
  });

  it.each(['/', '/nothing', '/assets/app-1a2b3c4d.js'])('has %s under the strictest policy', async (path) => {
    expect((await ask(port, 'GET', path)).headers).toMatchObject({
      'content-security-policy':
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self' ws: wss:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types",
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
    });
  });

  it('answers HEAD without a body, and no other method', async () => {
    const head = await ask(port, 'HEAD', '/');
    expect(head).toMatchObject({ status: 200, body: '', headers: { 'content-length': '34' } });
    for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS'])
      expect(await ask(port, method, '/')).toMatchObject({ status: 405, headers: { allow: 'GET, HEAD' } });
  });

  it.each([
    '/../secret.txt',
    '/%2e%2e/secret.txt',
    '/..%2fsecret.txt',
    '/assets/../../secret.txt',
    '/assets/..%5c..%5csecret.txt',
    '//secret.txt',
    '/%00',
    '/%',
    '/assets',
    '/constructor',
  ])('has nothing at %s', async (path) => {
    expect(await ask(port, 'GET', path)).toMatchObject({
      status: 404,
      body: expect.stringMatching(/^Nothing/),
    });
  });

  it.each(['bytes=0-3', 'bytes=9-2', 'bytes=-1', 'nonsense'])(
    'gives a file whole to who asks for %s',
    async (range) => {
      const { status, body } = await ask(port, 'GET', '/', { range });
      expect({ status, body }).toEqual({ status: 200, body: '<!doctype html><title>page</title>' });
    },
  );

  it('outlives a build that takes its files away', async () => {
    await rm(join(folder, 'page/icon.svg'));
    expect(await ask(port, 'GET', '/icon.svg')).toMatchObject({ status: 200, body: '<svg/>' });
    expect((await ask(port, 'GET', '/')).status).toBe(200);
    await writeFile(join(folder, 'page/icon.svg'), '<svg/>');
  });

  it.runIf(process.platform === 'linux')('has no file open for clients that reset', async () => {
    const large = await mkdtemp(join(folder, 'large-'));
    await writeFile(join(large, 'large.bin'), new Uint8Array(4 * 1_048_576));
    const other = createServer(serveSite(large));
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const place = (other.address() as AddressInfo).port;
    const reset = () =>
      new Promise<void>((resolve) => {
        const socket = connect(place, '127.0.0.1');
        socket.write('GET /large.bin HTTP/1.1\r\nHost: localhost\r\n\r\n');
        socket.once('data', () => socket.resetAndDestroy());
        socket.on('error', () => {});
        socket.once('close', () => resolve());
      });
    await within(5_000, Promise.all(Array.from({ length: 20 }, reset)), 'the resets');
    expect((await ask(place, 'HEAD', '/large.bin')).headers['content-length']).toBe('4194304');
    const links = await Promise.all(
      (await readdir('/proc/self/fd')).map((fd) => readlink(`/proc/self/fd/${fd}`).catch(() => '')),
    );
    expect(links.filter((link) => link.includes('large.bin'))).toEqual([]);
    other.closeAllConnections();
    await within(2_000, new Promise((resolve) => other.close(resolve)), 'closing');
  });

  it('has nothing where the page was not built', async () => {
    const other = createServer(serveSite(join(folder, 'nowhere')));
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    expect((await ask((other.address() as AddressInfo).port, 'GET', '/')).status).toBe(404);
    other.close();
  });
});

/** The link of a demo that is up: last of what it prints. */
async function linkOf(running: Running): Promise<URL> {
  const url = new URL((await running.line(/#relay=/)).trim());
  expect(running.lines.at(-1)?.trim()).toBe(url.href);
  return url;
}

describe('a demo that stays', () => {
  let running: Running;
  let link: URL;
  let state: URLSearchParams;

  const transport = (token = state.get('token') ?? '', headers?: Record<string, string>) =>
    websocket(state.get('relay') ?? '', { token, ...(headers && { headers }) });

  beforeAll(async () => {
    running = new Running(['demo']);
    link = await linkOf(running);
    state = new URLSearchParams(link.hash.slice(1));
  });

  afterAll(async () => {
    expect(await running?.end()).toBe(0);
  });

  it('prints a link that says where the relay is, a token, and what is behind it', () => {
    expect([...state.keys()]).toEqual(['relay', 'token', 'server', 'servers', 'fn']);
    expect(link.host).toMatch(/^127\.0\.0\.1:\d+$/);
    expect(state.get('relay')).toBe(`ws://${link.host}/relay`);
    expect(state.get('token')).toMatch(/^[\da-f]{32}$/);
    expect(state.get('server')).toBe('demo');
    expect(state.get('servers')).toBe('demo,crew,clean,count,tally');
    expect(state.get('fn')).toBe('demo.frequent');
  });

  it('has every server behind it: one alone, a master with workers, a pipeline that ends in a sink', async () => {
    const call = async (
      serverName: string,
      path: string | string[],
      payload: string,
      subAddress?: string,
    ) => {
      const more = subAddress === undefined ? {} : { subAddress };
      await using client = await Client.connect({ transport: transport(), serverName, ...more });
      return await client.with(text()).eval(path, payload);
    };
    expect(await call('demo', 'demo.upper', 'hello')).toBe('HELLO');
    await expect(call('demo', 'demo.fail', '')).rejects.toMatchObject({
      code: 'REMOTE',
      remoteName: 'RangeError',
    });
    const naps = await Promise.all(['a', 'b', 'c'].map(() => call('crew', 'crew.nap', '200')));
    expect(naps.sort()).toEqual(['ann', 'ben', 'cat'].map((name) => `${name} slept 200 ms`));
    const stages = ['clean.lower', 'count.words', 'tally.total'];
    const counted = async () => {
      const answer = await call('clean', stages, 'Shall I compare THEE', 'tally');
      return Number(/^4 words, (\d+) in all$/.exec(answer)?.[1]);
    };
    const total = await counted();
    expect(await counted()).toBe(total + 4);
  });

  it('has functions that say what they take: one with data of errors, one with progress', async () => {
    await using client = await Client.connect({ transport: transport(), serverName: 'demo' });
    const { frequent } = remote<typeof DEMO_TYPED>(client, 'demo');
    expect(await frequent({ text: 'The palm, the fern and the frond', most: 1 })).toEqual([
      { word: 'the', times: 3 },
    ]);
    expect(await frequent({ text: 'a an the', shortest: 3 })).toEqual([{ word: 'the', times: 1 }]);
    const error = await frequent({ text: '- ?' }).catch((reason: unknown) => reason);
    expect(isErrorOf(error, frequent, 'NO_WORDS') && error.data).toEqual({ characters: 3 });
    await expect(frequent({ text: 'a', most: 0 })).rejects.toMatchObject({
      code: 'INVALID_CALL',
      issues: [{ path: ['most'], message: 'it must be at least 1' }],
    });

    await using crew = await Client.connect({ transport: transport(), serverName: 'crew' });
    const said = await crew.with(json<unknown, FunctionDescription[]>()).get('frond_functions');
    const [input] = (said ?? []).filter(({ name }) => name === 'brew').map((own) => own.input);
    expect(input).toMatchObject({
      codec: 'JSON',
      schema: { properties: { cups: { default: 8 }, drink: { enum: ['tea', 'coffee'] } } },
    });
    const { brew } = remote<typeof CREW_TYPED>(crew, 'crew');
    const heard: (number | undefined)[] = [];
    const made = brew({ cups: 2 }, { onProgress: ({ done }) => heard.push(done) });
    expect(await made).toMatch(/^(ann|ben|cat) made 2 cups of tea$/);
    expect(heard).toEqual([0, 1, 2]);
    const one = await brew({ cups: 1, drink: 'coffee' });
    expect(one).toMatch(/ made 1 cup of coffee$/);
  });

  it('lets a page read what a server offers, use every key, and be a worker', async () => {
    await using client = await Client.connect({ transport: transport(), serverName: 'demo' });
    const status = JSON.parse((await client.with(text()).get('frond_status')) ?? '');
    expect(status).toMatchObject({ functions: expect.arrayContaining(['upper', 'longest']) });
    expect(await client.with(text()).get('motto')).toBe('festina lente');
    // What the drawing joins servers by, since the relay gives no addresses.
    await using last = await Client.connect({ transport: transport(), serverName: 'tally' });
    const told = JSON.parse((await last.with(text()).get('frond_status')) ?? '');
    expect(told).toMatchObject({ previous: ['count'], addresses: { sub_address_0: 'tally' } });
    await using worker = await Worker.start({
      transport: transport(),
      dbAddress: 'crew',
      loggingLevel: 'silent',
      functions: { here: (payload) => payload },
    });
    expect(worker.counters.received).toBe(0);
  });

  it('lets in nobody without its token, and no page of another host', async () => {
    for (const token of ['', 'f'.repeat(32)]) {
      const refused = Client.connect({ transport: transport(token), serverName: 'demo', timeout: 5_000 });
      await expect(refused).rejects.toMatchObject({ code: 'FORBIDDEN' });
    }
    const knock = (origin: string) =>
      ask(Number(link.port), 'GET', '/relay', {
        connection: 'Upgrade',
        upgrade: 'websocket',
        'sec-websocket-version': '13',
        'sec-websocket-key': 'AAAAAAAAAAAAAAAAAAAAAA==',
        origin,
      });
    expect((await knock('https://evil.example')).status).toBe(403);
  });

  it('answers at the same port for the page and the relay, and has no page at the relay itself', async () => {
    expect(await ask(Number(link.port), 'GET', '/healthz')).toMatchObject({ status: 200, body: 'ok\n' });
    expect((await ask(Number(link.port), 'GET', '/relay')).status).toBe(404);
  });
});

test('--json, --port and --open', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'frond-open-'));
  try {
    const opened = join(folder, 'opened');
    await writeFile(
      join(folder, 'xdg-open'),
      `#!/bin/sh\nprintf %s "$1" > '${opened}.new' && mv '${opened}.new' '${opened}'\n`,
    );
    await chmod(join(folder, 'xdg-open'), 0o755);
    const port = new URL((await freeAddress()).replace('tcp', 'http')).port;
    const env = { PATH: `${folder}:${process.env['PATH']}` };
    await using running = new Running(['demo', '--json', '--port', port, '--open'], env);
    const { playground } = JSON.parse(await running.line(/"playground"/));
    expect(playground).toMatchObject({
      url: expect.stringMatching(`^http://127\\.0\\.0\\.1:${port}/#relay=`),
      relay: `ws://127.0.0.1:${port}/relay`,
      servers: ['demo', 'crew', 'clean', 'count', 'tally'],
    });
    if (process.platform === 'linux') {
      await expect
        .poll(() => readFile(opened, 'utf8').catch(() => ''), { timeout: 5_000 })
        .toBe(playground.url);
    }
    const second = await frond(['demo', '--port', port]);
    expect(second.code).toBe(2);
    expect(second.stderr).toBe(
      `frond: USAGE: --port ${port} is in use by another program\n  try: give another --port, or leave the option out to get a free port\n`,
    );
    const third = await frond(['demo', '--port', '65536']);
    expect(third).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('--port must be from 0 to 65535'),
    });
  } finally {
    await rm(folder, { recursive: true });
  }
});
