/** Debian's Chromium, driven by playwright-core. */
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';
import { type PageScript, type Site, startSite } from './site.ts';

export interface OpenPage {
  readonly page: Page;
  readonly context: BrowserContext;
  /** What pages have no business to cause: violations of the policy, and errors and warnings on the console. */
  readonly complaints: readonly string[];
  /** Resolves once {@link complaints} has all that there was until now. */
  settle(): Promise<void>;
}

export interface Studio extends AsyncDisposable {
  readonly site: Site;
  readonly browser: Browser;
  /** Opens a page that runs the script, in a context of its own. */
  open(script: PageScript): Promise<OpenPage>;
  /** Opens a page that really is hidden when it is said to be. Playwright has its own pages think that they never are. */
  openTab(script: PageScript): Promise<Tab>;
}

export interface Tab {
  /** Puts another tab in front of it. */
  hide(): Promise<void>;
  show(): Promise<void>;
  close(): Promise<void>;
}

export function findChromium(): string {
  const named = process.env['CHROMIUM'];
  const onPath = (process.env['PATH'] ?? '')
    .split(delimiter)
    .flatMap((folder) => ['chromium', 'chromium-browser', 'google-chrome'].map((name) => join(folder, name)));
  for (const path of named ? [named] : [...onPath, '/usr/bin/chromium']) {
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      // The next one, then.
    }
  }
  throw new Error(
    named
      ? `CHROMIUM names ${named}, which cannot be run`
      : 'There is no Chromium. Install it (Debian: apt install chromium), or name it: CHROMIUM=/path/to/chromium.',
  );
}

export function launchChromium(): Promise<Browser> {
  return chromium.launch({
    executablePath: findChromium(),
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

/** Starts a Chromium, and a site with the scripts' pages. */
export async function startStudio(scripts: readonly PageScript[]): Promise<Studio> {
  const site = await startSite(scripts);
  const browser = await launchChromium();
  return {
    site,
    browser,
    open: (script) => openPage(browser, site.page(script)),
    openTab: (script) => openTab(browser, site.page(script)),
    async [Symbol.asyncDispose]() {
      await browser.close();
      await site[Symbol.asyncDispose]();
    },
  };
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

async function openTab(browser: Browser, url: string): Promise<Tab> {
  const session = await browser.newBrowserCDPSession();
  const { browserContextId } = await session.send('Target.createBrowserContext');
  const { targetId } = await session.send('Target.createTarget', { url, browserContextId });
  const front = await session.send('Target.createTarget', {
    url: 'about:blank',
    browserContextId,
    background: true,
  });
  const activate = async (id: string) => {
    await session.send('Target.activateTarget', { targetId: id });
  };
  return {
    hide: () => activate(front.targetId),
    show: () => activate(targetId),
    close: async () => {
      await session.send('Target.disposeBrowserContext', { browserContextId });
      await session.detach();
    },
  };
}
