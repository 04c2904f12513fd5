/** `npx frond demo` where frond alone is installed: no zeromq, no ws. */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import type { Readable } from 'node:stream';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { launchChromium, openPage } from '../support/browser.ts';
import { exitOf, until } from '../support/command.ts';
import { environment, run } from './run.ts';

const { folder } = inject('bare');

it('shows everything and ends, with --once', async () => {
  const { code, stdout, stderr } = await run('npx', ['--no', '--', 'frond', 'demo', '--once'], {
    cwd: folder,
  });
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout).toContain('SHALL I COMPARE THEE');
  expect(stdout).toMatch(/^ +tcp:\/\/127\.0\.0\.1:\d+$/m);
  expect(stdout.trimEnd()).toMatch(/npx frond set motto 'carpe diem' --db tcp:\/\/127\.0\.0\.1:5555$/);
});

it('uses zeromq with --native, and says where to get it where it is not', async () => {
  const native = ['--no', '--', 'frond', 'demo', '--once', '--native'];
  const { code, stdout } = await run('npx', native, { cwd: inject('full').folder });
  expect(code).toBe(0);
  expect(stdout).toContain('SHALL I COMPARE THEE');
  const missing = await run('npx', native, { cwd: folder });
  expect(missing.code).toBe(2);
  expect(missing.stderr).toMatch(/ --native needs the package zeromq, which is not installed/);
});

describe('when it stays', () => {
  let child: ChildProcessByStdio<null, Readable, Readable>;
  let browser: Browser;
  let printed = '';
  let errors = '';

  function signalGroup(signal: NodeJS.Signals): void {
    if (child.pid === undefined) throw new Error('npx did not start');
    process.kill(-child.pid, signal);
  }

  beforeAll(async () => {
    // In a group of its own, as a terminal has it: Ctrl-C is for npx and for what npx runs.
    child = spawn('npx', ['--no', '--', 'frond', 'demo'], {
      cwd: folder,
      env: environment(),
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    });
    child.stderr.on('data', (chunk: Buffer) => {
      errors += chunk;
    });
    printed = await until(child.stdout, /#relay=.*\n/);
    browser = await launchChromium();
  });

  afterAll(async () => {
    await browser?.close();
    if (child?.exitCode === null && child.signalCode === null) signalGroup('SIGKILL');
  });

  it('prints lines that work in another terminal, as they are', async () => {
    const [, call = ''] = /^ {2}(npx frond eval .* --db tcp:\/\/127\.0\.0\.1:\d+)$/m.exec(printed) ?? [];
    const { stdout, stderr } = await run('sh', ['-c', call], { cwd: folder });
    expect({ stdout, stderr }).toEqual({ stdout: 'desserts', stderr: '' });
  });

  it('has a page behind its link that is connected, and calls', async () => {
    const link = printed.trimEnd().split('\n').at(-1)?.trim() ?? '';
    const { page, context, complaints, settle } = await openPage(browser, link);
    page.setDefaultTimeout(15_000);
    await page.getByText('through a relay').first().waitFor();
    await page.getByRole('button', { name: 'Call', exact: true }).click();
    await page.getByLabel('Answer').getByText('palm').first().waitFor();
    await settle();
    expect(complaints).toEqual([]);
    await context.close();
  });

  it('ends at Ctrl-C, and says nothing of it', async () => {
    signalGroup('SIGINT');
    await exitOf(child);
    expect(errors.replace(/^npm notice.*\n/gm, '').trim()).toBe('');
  });
});
