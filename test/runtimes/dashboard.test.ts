/** The dashboard among the examples, in an installed package as its reader has it: in Node, in Deno, and in a page. */
import { type ChildProcessByStdio, execFile, spawn } from 'node:child_process';
import { cpSync } from 'node:fs';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { launchChromium, openPage } from '../support/browser.ts';
import { exitOf, until } from '../support/command.ts';
import { deno, node20, node24 } from '../support/installed.ts';
import { type PackedProject, packProject, root } from '../support/packed.ts';

const run = promisify(execFile);

let project: PackedProject;
let folder = '';
let station: ChildProcessByStdio<null, Readable, Readable>;
let origin = '';
let errors = '';

beforeAll(async () => {
  project = await packProject();
  folder = join(project.folder, 'dashboard');
  cpSync(join(root, 'playground/examples/dashboard'), folder, { recursive: true });
  station = spawn(process.execPath, ['serve.mjs'], { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] });
  station.stderr.on('data', (chunk: Buffer) => {
    errors += chunk;
  });
  origin = (await until(station.stdout, /^http:.*\n/)).trim();
});

afterAll(async () => {
  station?.kill('SIGTERM');
  if (station !== undefined) await exitOf(station);
  project?.remove();
});

const LINE = /^\d\d:\d\d:\d\d\.\d\d {2} +\d+\.\d m\/s {2}█+░+$/;

describe('the dashboard', () => {
  it.each([
    [node20.name, node20.command, ['node.mjs']],
    [node24.name, node24.command, ['node.mjs']],
    // With the types that it finds there, too.
    ['Deno', deno.command, [...deno.flags, '--check', '--allow-net=127.0.0.1', 'deno.ts']],
  ])('is plotted in text by %s', async (_, command, args) => {
    const relay = `${origin.replace('http', 'ws')}relay`;
    const { stdout } = await run(command, [...args, relay, '20'], { cwd: folder, timeout: 40_000 });
    const lines = stdout.trimEnd().split('\n');
    expect(lines).toHaveLength(20);
    for (const line of lines) expect(line).toMatch(LINE);
  });

  it('is plotted on a canvas by a page, until it is paused', async () => {
    const browser = await launchChromium();
    try {
      const { page, complaints, settle } = await openPage(browser, origin);
      const samples = async () => Number(await page.locator('#samples').textContent());
      await expect.poll(samples, { timeout: 15_000 }).toBeGreaterThan(50);
      expect(await page.locator('#link').textContent()).toBe('connected');
      expect(await page.locator('#wind').textContent()).toMatch(/^\d+\.\d m\/s$/);
      const drawn = await page.locator('canvas').evaluate((canvas) => {
        if (!(canvas instanceof HTMLCanvasElement)) throw new Error('no canvas');
        const pixels = canvas.getContext('2d')?.getImageData(0, 0, canvas.width, canvas.height).data ?? [];
        return pixels.filter((_, i) => i % 4 === 3).filter((alpha) => alpha > 0).length;
      });
      expect(drawn).toBeGreaterThan(100);

      await page.getByRole('button', { name: 'Pause' }).click();
      // What was asked before it is still answered.
      await expect
        .poll(async () => (await samples()) === (await settled(samples)), { timeout: 5_000 })
        .toBe(true);
      await settle();
      expect(complaints).toEqual([]);
    } finally {
      await browser.close();
    }
    expect(errors).toBe('');
  });
});

/** The count a few frames later. */
async function settled(samples: () => Promise<number>): Promise<number> {
  await new Promise((resolve) => setTimeout(resolve, 200));
  return samples();
}
