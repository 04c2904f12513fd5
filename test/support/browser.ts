/** Debian's Chromium and Firefox, driven by playwright-core. */
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { type Browser, type BrowserContext, chromium, firefox, type Page } from 'playwright-core';

/** Which browser the tests of pages run in. */
export const BROWSER = process.env['FROND_BROWSER'] === 'firefox' ? 'Firefox' : 'Chromium';

export interface OpenPage {
  readonly page: Page;
  readonly context: BrowserContext;
  /** What pages have no business to cause: violations of the policy, and errors and warnings on the console. */
  readonly complaints: readonly string[];
  /** Resolves once {@link complaints} has all that there was until now. */
  settle(): Promise<void>;
}

interface Installed {
  /** Variable that names it. */
  readonly variable: string;
  /** What it may be called on the path. */
  readonly names: readonly string[];
  /** Debian's package. */
  readonly debian: string;
}

const CHROMIUM = {
  variable: 'CHROMIUM',
  names: ['chromium', 'chromium-browser', 'google-chrome'],
  debian: 'chromium',
};
const FIREFOX = { variable: 'FIREFOX', names: ['firefox-esr', 'firefox'], debian: 'firefox-esr' };

function find({ variable, names, debian }: Installed): string {
  const named = process.env[variable];
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/bin'];
  const onPath = folders.flatMap((folder) => names.map((name) => join(folder, name)));
  for (const path of named ? [named] : onPath) {
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      // The next one, then.
    }
  }
  throw new Error(
    named
      ? `cannot run the browser that ${variable} names: ${named}`
      : `cannot find ${debian}: install it (Debian: apt install ${debian}), or name it: ${variable}=/path/to/${debian}`,
  );
}

export function launchChromium(): Promise<Browser> {
  return chromium.launch({
    executablePath: find(CHROMIUM),
    headless: true,
    // Root may not use the sandbox, and containers have a small /dev/shm.
    args: [...(process.getuid?.() === 0 ? ['--no-sandbox'] : []), '--disable-dev-shm-usage'],
    // Tabs that are hidden are to be throttled as any user's.
    ignoreDefaultArgs: [
      '--disable-background-timer-throttling',
      '--disable-backgrounding-occluded-windows',
      '--disable-renderer-backgrounding',
    ],
    timeout: 30_000,
  });
}

/** By WebDriver BiDi, since Debian's Firefox has none of Playwright's patches. */
function launchFirefox(): Promise<Browser> {
  return firefox.launch({
    channel: 'moz-firefox',
    executablePath: find(FIREFOX),
    headless: true,
    firefoxUserPrefs: {
      // Pages read the clipboard without a question to the user.
      'dom.events.testing.asyncClipboard': true,
      // What a page did not ask for is not asked for: its policy may forbid it.
      'browser.chrome.site_icons': false,
      // Tests have pages open tabs, without a click.
      'dom.disable_open_during_load': false,
    },
    timeout: 60_000,
  });
}

/** Starts the browser that the tests of pages run in. */
export function launchBrowser(): Promise<Browser> {
  return BROWSER === 'Firefox' ? launchFirefox() : launchChromium();
}

/** Lets pages of an origin read and write the clipboard. Firefox is started so that they may. */
export async function allowClipboard(context: BrowserContext, origin: string): Promise<void> {
  if (BROWSER === 'Chromium')
    await context.grantPermissions(['clipboard-read', 'clipboard-write'], { origin });
}

/** What browsers say of a WebSocket that ends before its time, which no page can keep them from. */
const OF_SOCKETS = [
  /^(error|warning): WebSocket connection to/,
  /^uncaught: The connection to ws:\S+ was interrupted while the page was loading/,
  /^uncaught: Firefox can’t establish a connection to the server at ws:/,
];

/** Complaints that are not of sockets alone. */
export function withoutSockets(complaints: readonly string[]): string[] {
  return complaints.filter((complaint) => !OF_SOCKETS.some((own) => own.test(complaint)));
}

/**
 * Complaints that are not of links which the page itself has closed. Chromium complains of one that was not open yet, as on a busy machine;
 * Firefox of others, too, in the same words as of those that broke.
 */
export function withoutClosed(complaints: readonly string[]): string[] {
  if (BROWSER === 'Firefox') return withoutSockets(complaints);
  return complaints.filter((complaint) => !complaint.includes('closed before the connection is established'));
}

/** A new page, and its complaints as they come. */
export async function watchedPage(context: BrowserContext): Promise<Pick<OpenPage, 'page' | 'complaints'>> {
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on('console', (message) => {
    if (['error', 'warning', 'assert'].includes(message.type()))
      complaints.push(`${message.type()}: ${message.text()} (${message.location().url})`);
  });
  page.on('pageerror', (error) => complaints.push(`uncaught: ${error.stack ?? error.message}`));
  page.on('crash', () => complaints.push('the page crashed'));
  // Before any script of the page, and whatever its policy says.
  await page.addInitScript(() => {
    addEventListener('securitypolicyviolation', ({ effectiveDirective, blockedURI, sourceFile, sample }) => {
      console.error('securitypolicyviolation', effectiveDirective, blockedURI, sourceFile, sample);
    });
  });
  return { page, complaints };
}

/** Opens a page in a context of its own. */
export async function openPage(browser: Browser, url: string): Promise<OpenPage> {
  const context = await browser.newContext();
  const { page, complaints } = await watchedPage(context);
  await page.goto(url, { timeout: 15_000 });
  return {
    page,
    context,
    complaints,
    async settle() {
      // Violations are told by a task of their own, and what is on the console travels before the answer to this.
      await page.evaluate(() => new Promise((resolve) => setTimeout(resolve, 20)));
    },
  };
}
