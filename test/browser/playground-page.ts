/** The playground in a real browser: opened, watched, and its panels found as people find them. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Browser, BrowserContext, Locator, Page } from 'playwright-core';
import { type ServedPage, servePlayground } from '../../playground/serve.ts';
import { allowClipboard, launchBrowser, watchedPage } from '../support/browser.ts';

const axe = readFileSync(
  fileURLToPath(new URL('../../node_modules/axe-core/axe.min.js', import.meta.url)),
  'utf8',
);

export interface Visit extends AsyncDisposable {
  readonly page: Page;
  readonly context: BrowserContext;
  /** What a page has no business to cause: violations of the policy, and errors and warnings on the console. */
  readonly complaints: readonly string[];
  /** Leads to another panel by its link. */
  open(panel: string): Promise<void>;
  /** The first choice of text that is in the field. */
  fill(label: string, value: string): Promise<void>;
  press(button: string): Promise<void>;
  /** The program as the button puts it on the clipboard. */
  copyCode(): Promise<string>;
}

export interface PlaygroundStudio extends AsyncDisposable {
  readonly site: ServedPage;
  readonly browser: Browser;
  visit(options?: VisitOptions): Promise<Visit>;
}

export interface VisitOptions {
  /** State that the link says. */
  readonly state?: Readonly<Record<string, string>>;
  readonly dark?: boolean;
  readonly width?: number;
  readonly height?: number;
  readonly reducedMotion?: boolean;
}

export async function startPlaygroundStudio(): Promise<PlaygroundStudio> {
  const site = await servePlayground();
  const browser = await launchBrowser();
  return {
    site,
    browser,
    visit: (options = {}) => visit(browser, site, options),
    async [Symbol.asyncDispose]() {
      await browser.close();
      await site[Symbol.asyncDispose]();
    },
  };
}

export function linkOf(site: ServedPage, state: Readonly<Record<string, string>>): string {
  return `${site.url}#${new URLSearchParams(state)}`;
}

async function visit(browser: Browser, site: ServedPage, options: VisitOptions): Promise<Visit> {
  const { state = {}, dark = false, width = 1_440, height = 900, reducedMotion = false } = options;
  const context = await browser.newContext({
    viewport: { width, height },
    colorScheme: dark ? 'dark' : 'light',
    reducedMotion: reducedMotion ? 'reduce' : 'no-preference',
    acceptDownloads: true,
  });
  await allowClipboard(context, site.origin);
  const { page, complaints } = await watchedPage(context);
  page.setDefaultTimeout(15_000);
  await page.goto(linkOf(site, state));
  await page.locator('.where-connected').waitFor();
  return {
    page,
    context,
    complaints,
    open: (panel) => page.getByRole('navigation').getByRole('link', { name: panel, exact: true }).click(),
    fill: (label, value) => page.getByRole('main').getByLabel(label, { exact: true }).fill(value),
    press: (button) => page.getByRole('button', { name: button, exact: true }).click(),
    async copyCode() {
      await page.getByRole('button', { name: 'Copy code' }).click();
      await page.getByRole('button', { name: 'Copied' }).waitFor();
      return page.evaluate(() => navigator.clipboard.readText());
    },
    async [Symbol.asyncDispose]() {
      await context.close();
    },
  };
}

/** A server in the topology. Browsers differ in whether there is a space between the texts of an SVG. */
export function nodeOf(page: Page, words: string): Locator {
  return page.getByRole('button', { name: new RegExp(words.replaceAll(' ', '\\s*')) });
}

/** What of a job's progress the page tells, by its names. */
export async function statsOf(page: Page): Promise<Readonly<Record<string, string>>> {
  return page.evaluate(() =>
    Object.fromEntries(
      [...document.querySelectorAll('.stats > div')].map((stat) => [
        stat.querySelector('dt')?.textContent ?? '',
        stat.querySelector('dd')?.textContent ?? '',
      ]),
    ),
  );
}

/** Resolves once the job is so. */
export async function jobIs(page: Page, state: string, timeout = 30_000): Promise<void> {
  await page.getByLabel('Progress').getByText(state, { exact: true }).waitFor({ timeout });
}

/** What axe finds that is serious or critical. It is put in by the debugger, past the policy, which lets in no script but the page's. */
export async function seriousFindings(page: Page): Promise<string[]> {
  await page.evaluate(axe);
  return page.evaluate(async () => {
    const { run } = (globalThis as unknown as { axe: { run(): Promise<AxeResults> } }).axe;
    const { violations } = await run();
    return violations
      .filter(({ impact }) => impact === 'serious' || impact === 'critical')
      .flatMap(({ id, nodes }) =>
        nodes.map(({ target, failureSummary }) => `${id} ${target.join(' ')}: ${failureSummary}`),
      );
  });
}

interface AxeResults {
  readonly violations: readonly {
    readonly id: string;
    readonly impact: string;
    readonly nodes: readonly { readonly target: readonly string[]; readonly failureSummary: string }[];
  }[];
}
