/** Runs copied code as a file of a project that has the package installed: in Node, and bundled in a page. */
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Browser } from 'playwright-core';
import { build, type Rolldown } from 'vite';

const run = promisify(execFile);
const root = fileURLToPath(new URL('../../', import.meta.url));

/** A project with the code in it. */
async function withProject<T>(code: string, use: (folder: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'frond-copied-'));
  try {
    mkdirSync(join(folder, 'node_modules'));
    symlinkSync(root, join(folder, 'node_modules/frond'), 'dir');
    symlinkSync(join(root, 'node_modules/ws'), join(folder, 'node_modules/ws'), 'dir');
    writeFileSync(join(folder, 'example.mjs'), code);
    return await use(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** @returns what it prints. */
export function runCopied(code: string, env: Readonly<Record<string, string>> = {}): Promise<string> {
  return withProject(code, async (cwd) => {
    const options = { cwd, timeout: 20_000, env: { ...process.env, NO_COLOR: '1', ...env } };
    const { stdout, stderr } = await run(process.execPath, ['example.mjs'], options);
    if (stderr !== '') throw new Error(`it complains: ${stderr}`);
    return stdout.trim();
  });
}

/** @returns what it prints first, as a module of a page that Vite bundled. */
export function runInPage(browser: Browser, code: string): Promise<string> {
  return withProject(code, async (folder) => {
    const outcome = await build({
      configFile: false,
      root: folder,
      logLevel: 'warn',
      build: {
        write: false,
        target: 'es2022',
        modulePreload: false,
        rolldownOptions: { input: join(folder, 'example.mjs'), output: { entryFileNames: 'entry.js' } },
      },
    });
    const { output } = [outcome].flat()[0] as Rolldown.RolldownOutput;
    const chunks = new Map(
      output.flatMap((item) => (item.type === 'chunk' ? [[`/${item.fileName}`, item.code]] : [])),
    );
    const context = await browser.newContext();
    try {
      const page = await context.newPage();
      await page.route('http://page.test/**', (route) => {
        const chunk = chunks.get(new URL(route.request().url()).pathname);
        return chunk === undefined
          ? route.fulfill({
              contentType: 'text/html',
              body: '<script type="module" src="/entry.js"></script>',
            })
          : route.fulfill({ contentType: 'text/javascript', body: chunk });
      });
      const printed = page.waitForEvent('console', { timeout: 15_000 });
      await page.goto('http://page.test/');
      return (await printed).text();
    } finally {
      await context.close();
    }
  });
}
