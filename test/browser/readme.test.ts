/** The pages and scripts of README and the guide, in Chromium and, where they are for Node too, there. */
import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { createServer, type Server as HttpServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { createServer as createViteServer } from 'vite';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { serveSite } from '../../cli/demo/gateway.ts';
import { Server } from '../../src/cluster/index.ts';
import { zeromq } from '../../transports/zeromq/index.ts';
import { launchBrowser, openPage } from '../support/browser.ts';
import { bytes, textOf } from '../support/bytes.ts';
import { blocksOf } from '../support/docs.ts';
import { type PackedProject, packProject } from '../support/packed.ts';
import { type Ground, startGround, TOKEN } from './ground.ts';
import { CommandProcess } from './relay-process.ts';

const [readmePage = ''] = blocks('README.md', 'html');
const [page = ''] = blocks('docs/guide/browser.md', 'html');
const [script = ''] = blocks('docs/guide/browser.md', 'js');
const [greeter = ''] = blocks('docs/guide/command.md', 'js');

let project: PackedProject;
let http: HttpServer;
let ground: Ground;
let origin = '';
let body = '';

beforeAll(async () => {
  project = await packProject();
  const bundle = serveSite(join(project.folder, 'node_modules/frond/dist/browser'));
  http = createServer((request, response) => {
    if (request.url?.startsWith('/frond/') === true) {
      request.url = request.url.slice('/frond'.length);
      bundle(request, response);
      return;
    }
    response.setHeader('content-type', 'text/html; charset=utf-8');
    response.end(
      `<!doctype html><html lang="en"><title>…</title><link rel="icon" href="data:,">${body}</html>`,
    );
  });
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  origin = `http://127.0.0.1:${(http.address() as AddressInfo).port}`;
  ground = await startGround(origin);
});

afterAll(async () => {
  await ground?.[Symbol.asyncDispose]();
  http?.closeAllConnections();
  http?.close();
  project?.remove();
});

function blocks(from: string, language: string): readonly string[] {
  return blocksOf(from)
    .filter((block) => block.language === language)
    .map(({ text }) => text);
}

/** The snippet at a relay that there is, with what it takes from its own application. */
function settled(snippet: string): string {
  return snippet.replace('wss://relay.example/', ground.url).replace('fetchToken()', `'${TOKEN}'`);
}

/** The relay of README's command line, at a free port. */
async function startRelay(args: readonly string[]) {
  const { command, told } = await CommandProcess.start<{ readonly url: string }>(
    [...args, '--listen', '127.0.0.1:*'],
    'url',
  );
  return { url: told.url, [Symbol.asyncDispose]: () => command.kill() };
}

async function titleOf(content: string): Promise<string> {
  body = content;
  const browser = await launchBrowser();
  try {
    const opened = await openPage(browser, origin);
    await opened.page.waitForFunction(() => document.title !== '…', undefined, { timeout: 15_000 });
    await opened.settle();
    expect(opened.complaints).toEqual([]);
    return await opened.page.title();
  } finally {
    await browser.close();
  }
}

describe('README and guide', () => {
  it('have a page that Vite serves, and a relay for it', async () => {
    const any = 'tcp://127.0.0.1:*';
    await using server = await Server.start({
      transport: zeromq(),
      name: 'my_server',
      dbAddress: any,
      pullAddress: any,
      pubAddress: any,
      loggingLevel: 'silent',
      functions: { upper: (payload) => bytes(textOf(payload).toUpperCase()) },
    });
    const site = await createViteServer({
      configFile: false,
      root: project.folder,
      logLevel: 'silent',
      server: { port: 0 },
    });
    try {
      await site.listen();
      const [url = ''] = site.resolvedUrls?.local ?? [];
      const line = blocks('README.md', 'sh').find((text) => text.startsWith('npx frond relay')) ?? '';
      const args = line
        .trim()
        .replace('tcp://127.0.0.1:5555', server.dbAddress)
        .replace('http://localhost:5173', new URL(url).origin)
        .replaceAll("'", '')
        .split(' ')
        .slice(2);
      await using relay = await startRelay(args);
      writeFileSync(
        join(project.folder, 'index.html'),
        readmePage.replace('ws://127.0.0.1:7766/', relay.url),
      );
      const browser = await launchBrowser();
      try {
        const page = await browser.newPage();
        await page.goto(url);
        await page.waitForFunction(() => document.querySelector('output')?.value === 'HELLO', undefined, {
          timeout: 15_000,
        });
      } finally {
        await browser.close();
      }
    } finally {
      await site.close();
    }
  });

  it('have a page that works without a build step', async () => {
    expect(await titleOf(settled(page))).toBe('HELLO');
  });

  it('have a script for pages', async () => {
    const [importMap = ''] = /<script type="importmap">[\s\S]*?<\/script>/.exec(page) ?? [];
    const titled = settled(script).replace(/console\.log\((.*)\);/, 'document.title = $1;');
    expect(await titleOf(`${importMap}<script type="module">${titled}</script>`)).toBe('HELLO');
  });

  it('which is one for Node as well', async () => {
    expect(await project.node('script.mjs', `${settled(script)}\nawait client.close();`)).toBe('HELLO');
  });

  it('have a module that frond serve runs', async () => {
    writeFileSync(
      join(project.folder, 'greeter.mjs'),
      greeter.replace('tcp://127.0.0.1:5555', 'tcp://127.0.0.1:*'),
    );
    const cli = join(project.folder, 'node_modules/frond/dist/node/cli.js');
    const serving = promisify(execFile)(process.execPath, [cli, 'serve', 'greeter.mjs'], {
      cwd: project.folder,
      timeout: 30_000,
    });
    const { stdout } = serving.child;
    const address = await new Promise<string>((resolve, reject) => {
      let text = '';
      stdout?.on('data', (chunk: string) => {
        text += chunk;
        const [, found] = /eval greeter\.greet 'hello' --db (\S+)/.exec(text) ?? [];
        if (found !== undefined) resolve(found);
      });
      serving.catch(reject);
    });
    const { stdout: answer } = await promisify(execFile)(process.execPath, [
      cli,
      'eval',
      'greeter.greet',
      'you',
      '--db',
      address,
    ]);
    expect(answer).toBe('hello you');
    serving.child.kill('SIGTERM');
    expect((await serving).stderr).toBe('');
  });
});
