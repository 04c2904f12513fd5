/** How the playground looks and reads: links, widths, colours, and what axe says of it. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { allowClipboard, BROWSER } from '../support/browser.ts';
import {
  linkOf,
  type PlaygroundStudio,
  seriousFindings,
  startPlaygroundStudio,
  type Visit,
} from './playground-page.ts';

let studio: PlaygroundStudio;

beforeAll(async () => {
  studio = await startPlaygroundStudio();
});

afterAll(async () => {
  await studio?.[Symbol.asyncDispose]();
});

const PANELS = ['Call', 'Job & map', 'Functions', 'Cache', 'Wire', 'Faults', 'Connect'];

/** Leaves something to be seen in each panel. */
async function useIt(visit: Visit): Promise<void> {
  await visit.press('one that throws');
  await visit.page.getByRole('alert').waitFor();
  await visit.open('Cache');
  await visit.press('Set');
  await visit.page.getByText('Stored.').waitFor();
  await visit.open('Wire');
  await visit.page.locator('.wire-table button').first().click();
}

/** Playwright cannot tell Firefox to prefer dark colours. */
const hasDark = BROWSER !== 'Firefox';

describe.each([
  ['light', 1_440],
  ['dark', 1_440],
  ['light', 390],
  ['dark', 390],
] as const)('in %s at %i', (colours, width) => {
  it.runIf(hasDark || colours === 'light')(
    'has nothing that axe calls serious, and nothing that sticks out',
    { timeout: 120_000 },
    async () => {
      await using visit = await studio.visit({
        dark: colours === 'dark',
        width,
        height: 844,
        reducedMotion: true,
      });
      await useIt(visit);
      for (const panel of PANELS) {
        await visit.open(panel);
        expect(await seriousFindings(visit.page), panel).toEqual([]);
        const widest = await visit.page.evaluate(() => document.documentElement.scrollWidth);
        expect(widest, panel).toBeLessThanOrEqual(width);
      }
      expect(visit.complaints).toEqual([]);
    },
  );
});

describe('a link', () => {
  it('reproduces what is written in the fields', async () => {
    await using first = await studio.visit();
    await first.fill('Payload', 'a leaf & more');
    await first.fill('Function', 'text.upper');
    // Not page.url(), which hears of a new fragment later than the page has it.
    const fragment = await first.page.evaluate(() => location.hash.slice(1));
    await using second = await studio.visit({ state: Object.fromEntries(new URLSearchParams(fragment)) });
    expect(await second.page.getByLabel('Payload').inputValue()).toBe('a leaf & more');
    await second.press('Call');
    await second.page.getByLabel('Answer').getByText('A LEAF & MORE').waitFor();
    expect([...first.complaints, ...second.complaints]).toEqual([]);
  });

  it('leads back as browsers do', async () => {
    await using visit = await studio.visit();
    await visit.open('Cache');
    await visit.open('Wire');
    await visit.page.goBack();
    await visit.page.getByRole('heading', { level: 1, name: 'Cache' }).waitFor();
    expect(visit.complaints).toEqual([]);
  });

  it('gives no token away unless it is asked to', async () => {
    const context = await studio.browser.newContext();
    await allowClipboard(context, studio.site.origin);
    const page = await context.newPage();
    const state = { relay: 'ws://127.0.0.1:9/', server: 'demo', token: 'a-secret', panel: 'connect' };
    await page.goto(linkOf(studio.site, state));
    const copied = () => page.evaluate(() => navigator.clipboard.readText());
    await page.getByRole('button', { name: 'Copy link' }).click();
    await page.getByRole('button', { name: 'Copied' }).waitFor();
    expect(await copied()).not.toContain('a-secret');
    expect(await copied()).toContain('server=demo');
    await page.getByLabel('with token').check();
    await page.getByRole('button', { name: 'Copy link' }).click();
    await expect.poll(copied, { timeout: 15_000 }).toContain('a-secret');
    await context.close();
  });
});

describe('colours', () => {
  it.runIf(hasDark)('are the system’s until they are chosen, and stay chosen', async () => {
    await using visit = await studio.visit({ dark: true });
    const theme = () => visit.page.evaluate(() => document.documentElement.dataset['theme']);
    expect(await theme()).toBe('dark');
    await visit.page.getByRole('button', { name: /^Colours/ }).click();
    expect(await theme()).toBe('light');
    await visit.page.reload();
    await visit.page.locator('.where-connected').waitFor();
    expect(await theme()).toBe('light');
    expect(visit.complaints).toEqual([]);
  });
});

describe('the keyboard', () => {
  it('reaches every panel, and skips to it', async () => {
    await using visit = await studio.visit();
    const { page } = visit;
    await page.keyboard.press('Tab');
    await page.getByRole('button', { name: 'Skip to the panel' }).press('Enter');
    expect(await page.evaluate(() => document.activeElement?.tagName)).toBe('MAIN');
    await page.getByRole('link', { name: 'Wire', exact: true }).focus();
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { level: 1, name: 'Wire' }).waitFor();
    expect(visit.complaints).toEqual([]);
  });
});
