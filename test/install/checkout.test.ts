/** `npm start` in a fresh checkout. */
import { execFileSync, spawn } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { contentOf, exitOf, until } from '../support/command.ts';
import { within } from '../support/wait.ts';
import { environment } from './run.ts';

const root = join(import.meta.dirname, '../..');
let checkout = '';

beforeAll(() => {
  checkout = mkdtempSync(join(tmpdir(), 'frond-checkout-'));
  const args = ['ls-files', '-z', '--cached', '--others', '--exclude-standard'];
  const listed = execFileSync('git', args, { cwd: root, encoding: 'utf8' });
  for (const path of listed.split('\0').filter((name) => name !== '')) {
    // One that was deleted is listed until that is committed.
    try {
      cpSync(join(root, path), join(checkout, path), { recursive: true });
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error;
    }
  }
  // What `npm ci` puts there.
  symlinkSync(join(root, 'node_modules'), join(checkout, 'node_modules'));
});

afterAll(() => rmSync(checkout, { recursive: true, force: true }));

it('builds, prints the link last, serves the page, and ends at Ctrl-C', async () => {
  const child = spawn('npm', ['start'], {
    cwd: checkout,
    env: environment(),
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  const { pid } = child;
  if (pid === undefined) throw new Error('npm did not start');
  const errors = contentOf(child.stderr);
  try {
    const printed = await until(child.stdout, /#relay=.*\n/, 50_000);
    const [link = ''] = printed.trimEnd().split('\n').slice(-1);
    expect(link.trim()).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/#relay=/);
    const page = await within(5_000, fetch(link.trim()), 'the page');
    expect([page.status, page.headers.get('content-type')]).toEqual([200, 'text/html;charset=utf-8']);
    const [, script = ''] = /<script type="module"[^>]* src="([^"]+)"/.exec(await page.text()) ?? [];
    expect((await fetch(new URL(script, page.url))).status).toBe(200);
  } finally {
    process.kill(-pid, 'SIGINT');
  }
  // npm itself may end by the signal.
  expect(await exitOf(child)).toSatisfy((code) => code === 0 || code === null);
  expect((await errors).toString()).not.toMatch(/error|warn/i);
});
