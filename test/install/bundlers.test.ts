/** Pages that users bundle: what is in them, how large they are, and that they work. */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type Server as HttpServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { serveSite } from '../../cli/demo/gateway.ts';
import { Server } from '../../src/cluster/index.ts';
import { memory } from '../../transports/memory/index.ts';
import { createRelay, type Relay } from '../../transports/relay/index.ts';
import { launchChromium, openPage } from '../support/browser.ts';
import { bytes, textOf } from '../support/bytes.ts';
import { run } from './run.ts';

const PAGE =
  '<!doctype html><html lang="en"><title>…</title><link rel="icon" href="data:,"><script type="module" src="./app.js"></script></html>';

const CLIENT = `
  import { Client, text } from 'frond';
  import { websocket } from 'frond/websocket';

  async function main() {
    const transport = websocket(location.hash.slice(1), { token: 'a secret of 16 or more' });
    const client = await Client.connect({ transport, serverName: 'demo' });
    const words = client.with(text());
    const inputs = Array.from({ length: 1_000 }, (_, i) => 'line ' + i);
    let count = 0;
    for await (const line of words.job('demo.upper', inputs, { messages: 1_000 })) count += line.startsWith('LINE ');
    await client.close();
    document.title = 'done: ' + count;
  }

  main();`;

/** With a cluster in the page, too. */
const EMBEDDED = `${CLIENT.replace('main();', '')}
  import { Server } from 'frond/cluster';
  import { memory } from 'frond/memory';

  async function embedded() {
    const transport = memory();
    const at = (name) => 'memory://' + name;
    const functions = { size: (payload) => new TextEncoder().encode(String(payload.length)) };
    const server = await Server.start({ transport, name: 'own', dbAddress: at(1), pullAddress: at(2), pubAddress: at(3), functions, loggingLevel: 'warning' });
    const client = await Client.connect({ transport, dbAddress: server.dbAddress });
    const size = await client.with(text()).eval('own.size', 'hello');
    await client.close();
    await server.close();
    if (size === '5') await main();
  }

  embedded();`;

/** What a page has no use for, or may not do. */
const FORBIDDEN = [
  ['a Node built-in', /["'`]node:/],
  ['a package', /\b(from|import|require)\s*\(?\s*["'`](?!\.)/],
  ['Buffer', /\bBuffer\b/],
  ['process', /\bprocess\./],
  ['new Function', /new Function/],
] as const;

/** What only roles of a cluster say. */
const CLUSTER = /worker_push_address|gather|includeStack/;
const MSGPACK = /msgpackr|unpackMultiple/;

/** Webpack's own last resort where there is no `globalThis`. */
const WEBPACK_GLOBAL = /new Function\("return this"\)/g;

/** Bytes that a page of a client may load, compressed, with what the bundler and the page itself add: before it first uses more than `eval`. */
const LIMIT = 22 * 1024;
/** Bytes that it may load then. */
const LATER_LIMIT = 9 * 1024;
/** Only a file that is loaded then says it. */
const LATER = /no further result/;

let http: HttpServer;
let relay: Relay;
let server: Server;
let browser: Browser;
let pages = '';
const sites = new Map<string, ReturnType<typeof serveSite>>();

beforeAll(async () => {
  const transport = memory();
  server = await Server.start({
    transport,
    name: 'demo',
    dbAddress: 'memory://*',
    pullAddress: 'memory://*',
    pubAddress: 'memory://*',
    loggingLevel: 'silent',
    functions: { upper: (payload) => bytes(textOf(payload).toUpperCase()) },
  });
  http = createServer((request, response) => {
    const [, name = '', rest = ''] = /^\/(\w+)(\/.*)/.exec(request.url ?? '') ?? [];
    request.url = rest;
    const site = sites.get(name);
    if (site === undefined) response.writeHead(404).end();
    else site(request, response);
  });
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  pages = `127.0.0.1:${(http.address() as AddressInfo).port}`;
  const grants = { servers: ['demo'], functions: ['demo.*'] };
  relay = await createRelay({
    server: http,
    path: '/relay',
    transport,
    servers: { demo: { dbAddress: server.dbAddress } },
    authenticate: (token) => (token === 'a secret of 16 or more' ? { name: 'page', ...grants } : undefined),
    loggingLevel: 'silent',
  });
  browser = await launchChromium();
});

afterAll(async () => {
  await browser?.close();
  await relay?.close({ timeout: 0 });
  http?.closeAllConnections();
  http?.close();
  await server?.close();
});

describe.each(['vite', 'esbuild', 'webpack'])('%s', (tool) => {
  async function bundle(name: string, app: string) {
    const project = join(inject('bare').folder, `${tool}-${name}`);
    mkdirSync(project);
    writeFileSync(join(project, 'package.json'), '{ "type": "module", "private": true }\n');
    writeFileSync(join(project, 'index.html'), PAGE);
    writeFileSync(join(project, 'app.js'), app);
    const args = [join(import.meta.dirname, 'bundle.mjs'), tool];
    const ran = await run(process.execPath, args, { cwd: project });
    expect({ code: ran.code, stderr: ran.stderr }).toEqual({ code: 0, stderr: '' });
    const out = join(project, 'dist', tool);
    const files = new Map<string, string>();
    for (const name of readdirSync(out, { recursive: true, encoding: 'utf8' }))
      if (name.endsWith('.js')) files.set(name, readFileSync(join(out, name), 'utf8'));
    const code = [...files.values()].join('\n').replaceAll(WEBPACK_GLOBAL, '');
    return { out, warnings: JSON.parse(ran.stdout.trimEnd().split('\n').at(-1) ?? ''), files, code };
  }

  /** Has the page do what it does. Gives its title then, and the files that it loaded. */
  async function visit(out: string, name: string) {
    sites.set(name, serveSite(out));
    const { page, context, complaints, settle } = await openPage(
      browser,
      `http://${pages}/${name}/#ws://${pages}/relay`,
    );
    try {
      await page.waitForFunction(() => document.title !== '…', undefined, { timeout: 15_000 });
      await settle();
      expect(complaints).toEqual([]);
      const urls = await page.evaluate(() =>
        performance.getEntriesByType('resource').map((entry) => entry.name),
      );
      return { title: await page.title(), loaded: urls.map((url) => url.split(`/${name}/`)[1] ?? '') };
    } finally {
      await context.close();
    }
  }

  it('makes a page of a client, with nothing in it that is not for it, and it works', async () => {
    const { out, warnings, files, code } = await bundle('client', CLIENT);
    expect(warnings).toEqual([]);
    for (const [what, pattern] of FORBIDDEN) expect(code.match(pattern)?.[0], what).toBeUndefined();
    expect(code).not.toMatch(CLUSTER);
    expect(code).not.toMatch(MSGPACK);
    const { title, loaded } = await visit(out, `${tool}Client`);
    expect(title).toBe('done: 1000');
    const loadedFiles = loaded.flatMap((name) => files.get(name) ?? []);
    const weigh = (parts: readonly string[]) =>
      parts.reduce((sum, file) => sum + gzipSync(file, { level: 9 }).length, 0);
    const weight = weigh(loadedFiles.filter((file) => !LATER.test(file)));
    const later = weigh(loadedFiles.filter((file) => LATER.test(file)));
    console.log(`${tool}: a page with client and websocket loads ${weight} bytes, and ${later} for its job`);
    expect(weight).toBeGreaterThan(LIMIT / 2);
    expect(weight).toBeLessThan(LIMIT);
    expect(later).toBeGreaterThan(LATER_LIMIT / 2);
    expect(later).toBeLessThan(LATER_LIMIT);
  });

  it('makes a page of a cluster too, and it works', async () => {
    const { out, warnings, code } = await bundle('embedded', EMBEDDED);
    expect(warnings).toEqual([]);
    for (const [what, pattern] of FORBIDDEN) expect(code.match(pattern)?.[0], what).toBeUndefined();
    // Else the other test would prove nothing.
    expect(code).toMatch(CLUSTER);
    expect((await visit(out, `${tool}Embedded`)).title).toBe('done: 1000');
  });
});
