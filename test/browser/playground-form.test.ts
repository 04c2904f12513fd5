/** The form that the playground draws for a function that its server describes. */
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import {
  type PlaygroundStudio,
  seriousFindings,
  startPlaygroundStudio,
  type Visit,
} from './playground-page.ts';
import { runCopied } from './run-copied.ts';

let studio: PlaygroundStudio;
let visit: Visit;

beforeAll(async () => {
  studio = await startPlaygroundStudio();
});
afterAll(async () => {
  await studio?.[Symbol.asyncDispose]();
});
beforeEach(async () => {
  visit = await studio.visit({ state: { fn: 'text.poster' }, width: 390 });
  await visit.page.getByLabel('title', { exact: true }).waitFor();
});
afterEach(async () => {
  const complaints = [...visit.complaints];
  await visit[Symbol.asyncDispose]();
  expect(complaints).toEqual([]);
});

const answer = () => visit.page.getByLabel('Answer').locator('output');

it('has a field for each part of the input, by keyboard alone, and shows the answer as its codec reads it', async () => {
  const { page } = visit;
  await page.getByLabel('title', { exact: true }).focus();
  await page.keyboard.type('Fronds');
  await page.getByRole('button', { name: '+ lines' }).press('Enter');
  await page.getByLabel('lines 1', { exact: true }).fill('of the fern');
  await page.getByLabel('width (optional)').fill('11');
  await page.getByLabel('align (optional)').selectOption('left');
  await page.getByLabel('isLoud (optional)').press('Space');
  await page.getByLabel('title', { exact: true }).press('Control+Enter');
  expect(JSON.parse((await answer().textContent()) ?? '')).toEqual(['FRONDS', '', 'OF THE FERN']);
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(390);
  // The copied program has the function, too.
  expect(await runCopied(await visit.copyCode())).toContain('OF THE FERN');
});

it('says what is wrong at the field that is wrong, and tells screen readers', async () => {
  const { page } = visit;
  await page.getByLabel('width (optional)').fill('5');
  await visit.press('Call');
  const title = page.getByLabel('title', { exact: true });
  await page.getByText('a poster needs a title', { exact: true }).waitFor();
  expect(await title.getAttribute('aria-invalid')).toBe('true');
  const ids = (await title.getAttribute('aria-describedby'))?.split(' ') ?? [];
  const texts = await Promise.all(ids.map((id) => page.locator(`[id="${id}"]`).textContent()));
  expect(texts).toEqual(['Stands on top.', 'a poster needs a title']);
  expect(await page.getByLabel('width (optional)').getAttribute('aria-invalid')).toBe('true');
  expect(await page.getByLabel('align (optional)').getAttribute('aria-invalid')).toBe('false');
  expect(await seriousFindings(page)).toEqual([]);
});

it('gives way to a text field for a function that is not described', async () => {
  await visit.fill('Function', 'text.upper');
  await visit.fill('Payload', 'fern');
  await visit.page.getByLabel('Text', { exact: true }).check({ force: true });
  await visit.press('Call');
  await expect.poll(() => answer().textContent()).toBe('FERN');
});
