/**
 * Makes the README's pictures from the built page, in a Chromium on the path or named by CHROMIUM: `npm run pictures`.
 * Each panel in light and dark, as wide as a desk and as a phone.
 */
import { mkdirSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Browser, Page } from 'playwright-core';
import { launchChromium } from '../test/support/browser.ts';
import { servePlayground } from './serve.ts';

const folder = fileURLToPath(new URL('../docs/pictures/', import.meta.url));

/** Bytes of a picture: the README is to be read over slow lines too. */
const MOST_BYTES = 160_000;

interface Scene {
  readonly name: string;
  readonly state: Readonly<Record<string, string>>;
  /** Has something happen that is worth a picture. */
  play(page: Page): Promise<void>;
}

const SCENES: readonly Scene[] = [
  {
    name: 'call',
    state: {},
    async play(page) {
      const pipeline = page.getByRole('button', { name: 'a pipeline of three' });
      await pipeline.click();
      await page.getByLabel('Answer').locator('output').waitFor();
      // The second time nothing is done for the first time.
      await pipeline.click();
      await page.locator('.dot').first().waitFor({ state: 'attached' });
      await page.waitForTimeout(300);
    },
  },
  {
    name: 'job',
    state: { panel: 'job', fn: 'grove.square' },
    async play(page) {
      await page.getByRole('button', { name: 'Run the job' }).click();
      await page.waitForFunction(() => Number(document.querySelector('progress')?.value) > 0.7);
    },
  },
  {
    name: 'wire',
    state: {},
    async play(page) {
      await page.getByRole('button', { name: 'one that throws' }).click();
      await page.getByRole('alert').waitFor();
      await page.getByRole('button', { name: 'a pipeline of three' }).click();
      await page.getByLabel('Answer').locator('output').waitFor();
      await page.getByRole('link', { name: 'Wire' }).click();
      const envelope = page.locator('.wire-table tbody tr').filter({ hasText: 'Hello From Frond' });
      await envelope.getByRole('button').click();
      await page.getByRole('button', { name: 'Hex', exact: true }).click();
    },
  },
];

const SIZES = [
  { width: 1_440, height: 780 },
  { width: 390, height: 844 },
];

async function take(
  browser: Browser,
  url: string,
  scene: Scene,
  isDark: boolean,
  size: (typeof SIZES)[number],
) {
  const colours = isDark ? 'dark' : 'light';
  const page = await browser.newPage({ viewport: size, colorScheme: colours });
  await page.goto(`${url}#${new URLSearchParams(scene.state)}`);
  await page.locator('.where-connected').waitFor();
  await scene.play(page);
  const path = `${folder}${scene.name}-${colours}-${size.width}.png`;
  await page.screenshot({ path });
  await page.close();
  const { size: bytes } = statSync(path);
  console.log(`${path}: ${bytes} bytes`);
  if (bytes > MOST_BYTES) throw new Error(`${path} is larger than ${MOST_BYTES} bytes`);
}

const site = await servePlayground();
const browser = await launchChromium();
try {
  mkdirSync(folder, { recursive: true });
  for (const scene of SCENES) {
    for (const size of SIZES) {
      for (const isDark of [false, true]) await take(browser, site.url, scene, isDark, size);
    }
  }
} finally {
  await browser.close();
  await site[Symbol.asyncDispose]();
}
