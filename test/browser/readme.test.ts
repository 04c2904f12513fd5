/** The README's snippets for pages, in Chromium and, where they are for Node too, there: with a relay in place of the one that they name. */
import { execFile } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer, type Server as HttpServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { serveSite } from '../../cli/demo/gateway.ts';
import { type PackedProject, packProject, root } from '../support/packed.ts';
import { launchChromium, openPage } from './browser.ts';
import { type Ground, startGround, TOKEN } from './ground.ts';

const readme = readFileSync(join(root, 'README.md'), 'utf8');
const [page = ''] = snippetsIn('html');
const [script = '', greeter = ''] = snippetsIn('js');

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

function snippetsIn(language: string): readonly string[] {
  return [...readme.matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\``, 'gm'))].map(
    ([, text = '']) => text,
  );
}

/** The snippet at a relay that there is, with what it takes from its own application. */
function settled(snippet: string): string {
  return snippet.replace('wss://relay.example/', ground.url).replace('fetchToken()', `'${TOKEN}'`);
}

async function titleOf(content: string): Promise<string> {
  body = content;
  const browser = await launchChromium();
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

describe('the README', () => {
  it('has a page that works without a build step', async () => {
    expect(await titleOf(settled(page))).toBe('HELLO');
  });

  it('has a script for pages', async () => {
    const [importMap = ''] = /<script type="importmap">[\s\S]*?<\/script>/.exec(page) ?? [];
    const titled = settled(script).replace(/console\.log\((.*)\);/, 'document.title = $1;');
    expect(await titleOf(`${importMap}<script type="module">${titled}</script>`)).toBe('HELLO');
  });

  it('which is one for Node as well', async () => {
    expect(await project.node('script.mjs', `${settled(script)}\nawait client.close();`)).toBe('HELLO');
  });

  it('has a module that frond serve runs', async () => {
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
