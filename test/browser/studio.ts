/** A browser, and a site with pages that tests write. */
import type { Browser } from 'playwright-core';
import { BROWSER, launchBrowser, type OpenPage, openPage } from '../support/browser.ts';
import { type PageScript, type Site, startSite } from './site.ts';

export interface Studio extends AsyncDisposable {
  readonly site: Site;
  readonly browser: Browser;
  /** Opens a page that runs the script, in a context of its own. */
  open(script: PageScript): Promise<OpenPage>;
  /** Opens a page that really is hidden when it is said to be. Playwright makes pages in Chromium think that they never are. */
  openTab(script: PageScript): Promise<Tab>;
}

export interface Tab {
  /** Puts another tab in front of it. */
  hide(): Promise<void>;
  show(): Promise<void>;
  close(): Promise<void>;
}

/** Starts a browser, and a site with the scripts' pages. */
export async function startStudio(scripts: readonly PageScript[]): Promise<Studio> {
  const site = await startSite(scripts);
  const browser = await launchBrowser();
  return {
    site,
    browser,
    open: (script) => openPage(browser, site.page(script)),
    openTab: (script) =>
      (BROWSER === 'Firefox' ? openFirefoxTab : openChromiumTab)(browser, site.page(script)),
    async [Symbol.asyncDispose]() {
      await browser.close();
      await site[Symbol.asyncDispose]();
    },
  };
}

async function openChromiumTab(browser: Browser, url: string): Promise<Tab> {
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

/** A tab that a page opens is in the page's own window, where Firefox shows one at a time. */
async function openFirefoxTab(browser: Browser, url: string): Promise<Tab> {
  const context = await browser.newContext();
  const page = await context.newPage();
  await page.goto(url, { timeout: 15_000 });
  const coming = context.waitForEvent('page');
  await page.evaluate(() => {
    window.open('about:blank');
  });
  const front = await coming;
  await page.bringToFront();
  return {
    hide: () => front.bringToFront(),
    show: () => page.bringToFront(),
    close: () => context.close(),
  };
}
