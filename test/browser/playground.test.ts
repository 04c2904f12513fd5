/** The playground with the cluster in its page: every panel, used as people use it. */
import { gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { BROWSER } from '../support/browser.ts';
import { checkTold, meteredJob, runWithoutLongFrames } from './long-frames.ts';
import {
  jobIs,
  nodeOf,
  type PlaygroundStudio,
  startPlaygroundStudio,
  statsOf,
  type Visit,
} from './playground-page.ts';
import { runCopied, runInPage } from './run-copied.ts';

let studio: PlaygroundStudio;
let visit: Visit;

beforeAll(async () => {
  studio = await startPlaygroundStudio();
});

afterAll(async () => {
  await studio?.[Symbol.asyncDispose]();
});

beforeEach(async () => {
  visit = await studio.visit();
});

afterEach(async () => {
  await visit.page.waitForTimeout(30);
  const complaints = [...visit.complaints];
  await visit[Symbol.asyncDispose]();
  expect(complaints).toEqual([]);
});

const answer = () => visit.page.getByLabel('Answer').locator('output');
const trouble = () => visit.page.getByRole('alert');

describe('the page', () => {
  it('opens connected to a cluster of its own, and asks for nothing but its own files', async () => {
    await nodeOf(visit.page, 'text server').waitFor();
    for (const name of ['grove master', 'loom pipeline', 'press sink']) {
      expect(await nodeOf(visit.page, name).count()).toBe(1);
    }
    expect(await visit.page.title()).toBe('Call · frond playground');
    const elsewhere = studio.site.asked.filter((path) => !/^\/some\/where\/(assets\/[\w.-]+)?$/.test(path));
    expect(elsewhere).toEqual([]);
  });

  it('weighs little', async () => {
    const files = [...new Set(studio.site.asked)];
    let total = 0;
    for (const file of files) {
      const response = await fetch(`${studio.site.origin}${file}`);
      total += gzipSync(new Uint8Array(await response.arrayBuffer()), { level: 9 }).length;
    }
    console.log(`the playground: ${total} bytes compressed in ${files.length} files`);
    expect(total).toBeLessThan(134_000);
  });
});

describe('calls', () => {
  it('are answered', async () => {
    await visit.press('Call');
    expect(await answer().textContent()).toBe('desserts');
  });

  it('are made from the keyboard', async () => {
    await visit.fill('Payload', 'leaf');
    await visit.page.keyboard.press('Control+Enter');
    await visit.page.getByLabel('Answer').getByText('fael').waitFor();
  });

  it('go through a pipeline that is put together of stages', async () => {
    await visit.press('+ stage');
    await visit.fill('Stage 2', 'loom.upper');
    await visit.press('+ stage');
    await visit.fill('Stage 3', 'press.frame');
    await visit.press('Call');
    expect(await answer().textContent()).toBe('[ DESSERTS ]');
    await visit.page.getByRole('button', { name: /^Remove stage 2/ }).click();
    expect(await visit.page.getByLabel('Stage 2', { exact: true }).inputValue()).toBe('press.frame');
  });

  it('have payloads of each format, and answers in the same', async () => {
    await visit.fill('Function', 'text.echo');
    const cases = [
      ['JSON', '{"a":[1,2]}', { a: [1, 2] }],
      ['MessagePack', '[true, null, "leaf"]', [true, null, 'leaf']],
    ] as const;
    for (const [format, written, value] of cases) {
      await visit.page.getByRole('main').getByText(format, { exact: true }).click();
      await visit.fill('Payload', written);
      await visit.press('Call');
      await visit.page.getByLabel('Answer').getByText(`, ${format}`).waitFor();
      expect(JSON.parse((await answer().textContent()) ?? '')).toEqual(value);
    }
    await visit.page.getByRole('main').getByText('Hex', { exact: true }).click();
    await visit.fill('Payload', '66 72 6f6e64');
    await visit.press('Call');
    await visit.page.getByLabel('Answer').getByText('66 72 6f 6e 64').waitFor();
  });

  it('have several answers where a function gives several', async () => {
    await visit.press('one in, four out');
    await answer().nth(3).waitFor();
    expect(await answer().allTextContents()).toEqual(['leaves', 'of', 'one', 'frond']);
  });

  it('that fail say why, and what to try', async () => {
    await visit.press('one that throws');
    await trouble().getByText('RangeError', { exact: true }).waitFor();
    expect(await trouble().textContent()).toContain('REMOTE');
    await visit.fill('Function', 'text.reverse.twice');
    await visit.press('Call');
    await trouble().getByText('INVALID_CALL').waitFor();
    await visit.fill('Function', 'text.sum');
    await visit.page.getByRole('main').getByText('JSON', { exact: true }).click();
    await visit.fill('Payload', '[1, 2');
    await visit.press('Call');
    await trouble().getByText('not sent').waitFor();
  });

  it('can be aborted, and time out', async () => {
    await visit.press('a slow one');
    await visit.press('Abort');
    await trouble().getByText('you aborted the call').waitFor();
    expect(await trouble().textContent()).toContain('CANCELLED');
    await nodeOf(visit.page, 'text server').click();
    await visit.page.locator('.facts', { hasText: /cancelled\s*1/ }).waitFor();
    await visit.page.getByText('Options').click();
    await visit.fill('Time-out in ms', '50');
    await visit.press('Call');
    await trouble().getByText('TIMEOUT').waitFor();
  });
});

describe('a call under way', () => {
  it('is not replaced by another, and says so', async () => {
    const { page } = visit;
    await visit.press('a slow one');
    await page.getByText('Abort this call to make another.').waitFor();
    const sample = page.getByRole('button', { name: 'reverse a word', exact: true });
    expect(await sample.getAttribute('aria-disabled')).toBe('true');
    await sample.click({ force: true });
    expect(await page.getByLabel('Payload').inputValue()).toBe('there');
    await visit.fill('Payload', 'other');
    await page.keyboard.press('Control+Enter');
    // The function says how far it is.
    await visit.page.getByLabel('Answer').getByText('2 of 3, still at it').waitFor();
    await page.getByRole('progressbar', { name: 'Progress of text.slow' }).waitFor();
    await visit.page.getByLabel('Answer').getByText('there, at last').waitFor();
    await sample.click();
    await visit.page.getByLabel('Answer').getByText('desserts').waitFor();
  });
});

describe('a long payload', () => {
  it('is called with, and left out of the address with a word', { timeout: 120_000 }, async () => {
    const { page } = visit;
    const length = () => page.evaluate(() => location.href.length);
    await visit.fill('Function', 'text.echo');
    await visit.fill('Payload', 'x'.repeat(1_000_000));
    expect(await length()).toBeLessThan(500);
    await page.getByText('Too long for the page’s address').waitFor();
    await visit.press('Call');
    await page.getByText('1.0 MB, Text').waitFor();
    // What is drawn is bounded as well: the answer, the program, the envelope.
    expect((await answer().textContent())?.length).toBeLessThan(25_000);
    expect((await page.getByLabel('Code for Node').textContent())?.length).toBeLessThan(25_000);
    await page.getByRole('button', { name: 'Copy link' }).click();
    await page.getByRole('button', { name: 'Copied, without payload' }).waitFor();
    expect((await page.evaluate(() => navigator.clipboard.readText())).length).toBeLessThan(500);
    // The way back in the browser does not lose it.
    await visit.open('Cache');
    await page.goBack();
    await page.getByRole('heading', { level: 1, name: 'Call' }).waitFor();
    expect((await page.getByLabel('Payload').inputValue()).length).toBe(1_000_000);
    // Fields that are long each, and all of them together.
    await visit.fill('Payload', 'ü'.repeat(1_500));
    expect(await length()).toBeLessThan(500);
    await visit.fill('Payload', 'short');
    expect(await page.evaluate(() => location.hash)).toContain('payload=short');
    expect(await page.getByText('Too long for the page’s address').count()).toBe(0);
  });
});

describe('functions', () => {
  it('are offered as servers tell them, and put behind one another', async () => {
    await visit.open('Functions');
    await visit.press('text.upper');
    await visit.page.getByRole('button', { name: 'loom.title' }).click();
    await visit.page.getByRole('button', { name: 'press.quote' }).click();
    expect(await visit.page.getByLabel('Stage 3', { exact: true }).inputValue()).toBe('press.quote');
    await visit.press('Call it');
    await visit.press('Call');
    expect(await answer().textContent()).toBe('“STRESSED”');
  });
});

describe('jobs', () => {
  it('of a hundred thousand leave the page alive: no frame takes over 100 ms', {
    timeout: 180_000,
  }, async ({ skip }) => {
    const { page } = visit;
    await visit.open('Job & map');
    const chart = page.locator('.chart canvas').first();
    const pictures = new Set<string>();
    const told = await runWithoutLongFrames(page, async () => {
      const job = meteredJob(page, 60_000);
      let isOver = false;
      const over = job.then(() => {
        isOver = true;
      });
      while (!isOver) {
        pictures.add(await chart.evaluate((canvas: HTMLCanvasElement) => canvas.toDataURL().slice(-4_000)));
        await page.waitForTimeout(100);
      }
      await over;
      return job;
    });
    expect(told.stats).toMatchObject({ sent: '100,000', results: '100,000', failed: '0' });
    expect(pictures.size).toBeGreaterThan(3);
    expect(told.frames).toBeGreaterThan(20);
    expect(await page.getByLabel('The last results, newest first').locator('li').count()).toBe(100);
    checkTold(told, skip);
  });

  it('run without their charts where what draws these cannot be loaded, and say so', async () => {
    await using own = await studio.visit();
    const { page } = own;
    await page.route(/uPlot/, (route) => route.abort());
    await own.open('Job & map');
    await page.getByText('What draws the chart could not be loaded.').first().waitFor();
    await own.fill('How many', '10');
    await own.press('Run the job');
    await jobIs(page, 'done');
    expect(await statsOf(page)).toMatchObject({ results: '10' });
  });

  it('are paused, go on and are stopped', async () => {
    const { page } = visit;
    await visit.open('Job & map');
    await visit.press('Run the job');
    await visit.press('Pause');
    await jobIs(page, 'paused');
    const before = await statsOf(page);
    await page.waitForTimeout(300);
    expect((await statsOf(page))['results']).toBe(before['results']);
    await visit.press('Go on');
    await jobIs(page, 'running');
    await visit.press('Stop');
    await jobIs(page, 'stopped');
  });

  it('are not replaced by another while they are under way, and say so', async () => {
    const { page } = visit;
    const run = page.getByRole('button', { name: 'Run the job', exact: true });
    await visit.fill('Function', 'grove.square');
    await visit.open('Job & map');
    await visit.fill('How many', '1000000');
    await run.click();
    await jobIs(page, 'running');
    await visit.press('Pause');
    await jobIs(page, 'paused');
    const before = await statsOf(page);
    expect(await run.getAttribute('aria-disabled')).toBe('true');
    expect(await run.getAttribute('aria-describedby')).not.toBeNull();
    await page.getByText('One job at a time: grove.square is under way.').waitFor();
    // Neither the button nor Enter in a field begins another, and what is written is for the next one.
    await visit.fill('How many', '10');
    await run.click({ force: true });
    await page.getByLabel('How many').press('Enter');
    await page.waitForTimeout(200);
    expect(await statsOf(page)).toMatchObject({ results: before['results'], state: 'paused' });
    await visit.press('Stop');
    await jobIs(page, 'stopped');
    await run.click();
    await jobIs(page, 'done');
    expect(await statsOf(page)).toMatchObject({ results: '10' });
  });

  it('that fail over and over are one line of the status log, with a count', async () => {
    const { page } = visit;
    await visit.fill('Function', 'text.boom');
    await visit.open('Job & map');
    await visit.fill('How many', '3000');
    await visit.press('Run the job');
    await jobIs(page, 'done');
    await visit.open('Faults');
    const lines = page.getByRole('log').locator('li').filter({ hasText: 'call failed' });
    expect(await lines.count()).toBe(1);
    expect(await lines.textContent()).toContain('× 2,048 or more');
  });

  it('name the field that is not acceptable', async () => {
    const { page } = visit;
    await visit.open('Job & map');
    await visit.fill('How many', 'many');
    await visit.press('Run the job');
    await trouble().getByText('“How many” takes a whole number from 1 on, not “many”.').waitFor();
    await visit.fill('How many', '10');
    await visit.fill('Ends after', 'never');
    await visit.press('Run the job');
    await trouble().getByText('“Ends after” takes a whole number from 1 on, or “open”').waitFor();
    await page.getByText('Map', { exact: true }).click();
    await visit.fill('Window', '0');
    await visit.press('Map');
    await trouble().getByText('“Window” takes a whole number').waitFor();
    await visit.open('Call');
    await page.getByText('Options').click();
    await visit.fill('Answers to wait for', 'all');
    await visit.press('Call');
    await trouble().getByText('“Answers to wait for” takes a whole number').waitFor();
  });

  it('go on past functions that fail, and count them', async () => {
    const { page } = visit;
    await visit.open('Job & map');
    await visit.fill('Function', 'text.boom');
    await visit.fill('How many', '20');
    await visit.press('Run the job');
    await jobIs(page, 'done');
    expect(await statsOf(page)).toMatchObject({ results: '20', failed: '20' });
    expect(await trouble().textContent()).toContain('RangeError');
  });

  it('take the lines of a file that is chosen, dropped or pasted', async () => {
    const { page } = visit;
    await visit.open('Job & map');
    await page.getByText('Lines of a file').click();
    await page.getByLabel('Choose a file').setInputFiles({
      name: 'poem.txt',
      mimeType: 'text/plain',
      buffer: Buffer.from('one\ntwo\nthree\n'),
    });
    await page.getByText('3 lines of poem.txt').waitFor();
    await visit.press('Run the job');
    await jobIs(page, 'done');
    const results = page.getByLabel('The last results, newest first').locator('li');
    expect(await results.allTextContents()).toEqual(['3eerht', '2owt', '1eno']);
    await visit.fill('Lines', 'pasted\nlines');
    await page.getByText('2 lines', { exact: true }).waitFor();
    await page.evaluate(() => {
      const dataTransfer = new DataTransfer();
      dataTransfer.items.add(new File(['a\nb\nc\nd'], 'dropped.txt'));
      document.querySelector('.drop')?.dispatchEvent(new DragEvent('drop', { dataTransfer, bubbles: true }));
    });
    await page.getByText('4 lines of dropped.txt').waitFor();
  });

  it('that are open end when they are stopped, and pipelines may drop what they like', async () => {
    const { page } = visit;
    await visit.open('Job & map');
    await visit.fill('Function', 'text.echo');
    await visit.press('+ stage');
    await visit.fill('Stage 2', 'loom.long');
    await page.getByText('Words', { exact: true }).click();
    await visit.fill('How many', '27');
    await visit.fill('Ends after', 'open');
    await visit.press('Run the job');
    await page.locator('.result-lines li').nth(5).waitFor();
    expect(await page.locator('.result-lines').textContent()).not.toContain('ash');
    expect((await statsOf(page))['state']).toBe('running');
    await visit.press('Stop');
    await jobIs(page, 'stopped');
  });
});

describe('maps', () => {
  it('give one result for each input, in order', async () => {
    const { page } = visit;
    await visit.open('Job & map');
    await page.getByText('Map', { exact: true }).click();
    await visit.fill('Function', 'grove.square');
    await visit.fill('How many', '3000');
    await visit.press('Map');
    await jobIs(page, 'done');
    expect(await statsOf(page)).toMatchObject({ results: '3,000', failed: '0' });
    const results = await page.getByLabel('The last results, newest first').locator('li').allTextContents();
    expect(results[0]).toBe(`3,000${3_000 ** 2}`);
    expect(results[99]).toBe(`2,901${2_901 ** 2}`);
  });
});

describe('the cache', () => {
  const outcome = () => visit.page.getByLabel('Outcome').locator('output');

  it('is set, got and deleted, with keys of our own or of the client’s', async () => {
    const { page } = visit;
    await visit.open('Cache');
    await visit.press('Set');
    await page.getByText('Stored.').waitFor();
    await visit.press('Get');
    await page.getByLabel('Outcome').getByText('festina lente').waitFor();
    await visit.press('Delete');
    await page.getByText('Deleted.').waitFor();
    await visit.press('Delete');
    await page.getByText('There was no such key.').waitFor();
    await visit.press('Get');
    await page.getByText('There is no such key.').waitFor();
    await visit.fill('Key', '');
    await visit.press('Set under a new key');
    await page.getByText('Stored under a key').waitFor();
    expect(await page.getByLabel('Key', { exact: true }).inputValue()).not.toBe('');
    expect(await page.locator('.keys-table tbody tr').count()).toBe(2);
  });

  it('keeps the keys of a session apart', async () => {
    const { page } = visit;
    await visit.open('Cache');
    await visit.fill('Session', 'mine');
    await visit.press('Set');
    await page.getByText('Stored.').waitFor();
    await visit.fill('Session', '');
    await visit.press('Get');
    await page.getByText('There is no such key.').waitFor();
    await visit.fill('Session', 'mine');
    await visit.press('Get');
    await page.getByLabel('Outcome').getByText('festina lente').waitFor();
    expect(await outcome().textContent()).toBe('festina lente');
  });

  it('refuses what is the server’s own', async () => {
    await visit.open('Cache');
    await visit.fill('Key', 'pull_address');
    await visit.press('Set');
    await trouble().getByText('INVALID_CALL').waitFor();
  });
});

describe('the wire', () => {
  it('shows every envelope decoded, and finds some of them', async () => {
    const { page } = visit;
    await visit.press('a pipeline of three');
    await visit.press('one that throws');
    await visit.open('Wire');
    const rows = page.locator('.wire-table tbody tr');
    await rows.filter({ hasText: 'text.boom' }).nth(1).waitFor();
    await visit.fill('Filter', 'Hello From');
    expect(await rows.count()).toBe(1);
    await rows.getByRole('button').click();
    const envelope = page.locator('.envelope');
    expect(await envelope.textContent()).toContain('text.reverse loom.title press.quote');
    await visit.press('Hex');
    expect(await envelope.locator('pre').textContent()).toContain('48 65 6c 6c 6f');
    await visit.fill('Filter', 'no such thing');
    await page.getByText('No recorded envelope matches the filter.').waitFor();
  });

  it('draws the rows that are seen, and writes over them while thousands pass', {
    timeout: 120_000,
  }, async () => {
    const { page } = visit;
    await visit.open('Job & map');
    await visit.fill('How many', '20000');
    await visit.press('Run the job');
    await visit.open('Wire');
    const rows = page.locator('.wire-table tbody tr');
    await rows.nth(15).waitFor();
    await page.evaluate(() => {
      const wire = document.querySelector('.wire');
      const told = { added: 0 };
      Object.assign(globalThis, { told });
      new MutationObserver((changes) => {
        for (const { addedNodes } of changes) told.added += addedNodes.length;
      }).observe(wire as Element, { childList: true, subtree: true });
    });
    await page.getByText(/^40,0\d\d envelopes/).waitFor({ timeout: 90_000 });
    const { added } = await page.evaluate(() => (globalThis as unknown as { told: { added: number } }).told);
    // Of 40,000 envelopes no row was made anew.
    expect(added).toBeLessThan(100);
    expect(await rows.count()).toBeLessThan(40);
    // The others are there when they are scrolled to.
    const scroll = page.getByLabel('Envelopes, newest first');
    await scroll.evaluate((element) => element.scrollTo({ top: element.scrollHeight }));
    await page.locator('.wire-table [aria-rowindex="201"]').waitFor();
    expect(await rows.count()).toBeLessThan(40);
  });

  // Playwright hears of no download in Firefox.
  it.runIf(BROWSER === 'Chromium')('is saved as a capture and loaded again', async () => {
    const { page } = visit;
    await visit.press('MessagePack, there and back');
    await answer().waitFor();
    await visit.open('Wire');
    const rows = page.locator('.wire-table tbody tr');
    await rows.filter({ hasText: 'text.echo' }).nth(1).waitFor();
    const shown = await rows.allTextContents();
    const [download] = await Promise.all([page.waitForEvent('download'), visit.press('Save capture')]);
    expect(download.suggestedFilename()).toBe('frond-capture.json');
    const path = await download.path();
    await visit.press('Clear');
    await page.getByText('No envelope has passed yet.').waitFor();
    await page.getByLabel('Load capture').setInputFiles(path);
    await rows.nth(shown.length - 1).waitFor();
    expect(await rows.allTextContents()).toEqual(shown);
    await page.getByLabel('Load capture').setInputFiles({
      name: 'other.json',
      mimeType: 'application/json',
      buffer: Buffer.from('{"format": "another"}'),
    });
    await trouble().getByText('this is no capture').waitFor();
  });
});

describe('the topology', () => {
  it('has messages that move, and servers that say what they are', async () => {
    const { page } = visit;
    // They last for a moment, in which a busy machine may not look.
    await page.evaluate(() => {
      const seen = { dots: 0 };
      Object.assign(globalThis, { seen });
      new MutationObserver((changes) => {
        for (const { addedNodes } of changes)
          for (const node of addedNodes) if (node instanceof Element && node.matches('.dot')) seen.dots++;
      }).observe(document.body, { childList: true, subtree: true });
    });
    await visit.press('a pipeline of three');
    await page.waitForFunction(() => (globalThis as unknown as { seen: { dots: number } }).seen.dots > 0);
    await nodeOf(page, 'grove master').press('Enter');
    await page.getByText('ash holds').waitFor();
    expect(await page.locator('.node-worker').count()).toBe(3);
  });

  it.runIf(BROWSER === 'Chromium')('stands still for those who want that', async () => {
    await using still = await studio.visit({ reducedMotion: true });
    await still.press('a pipeline of three');
    await still.page.getByText('“Hello From Frond”').waitFor();
    await still.page.waitForTimeout(200);
    expect(await still.page.locator('.dot').count()).toBe(0);
    expect(still.complaints).toEqual([]);
  });
});

describe('the code', () => {
  it('for a call does in Node what the page does', async () => {
    await visit.press('a pipeline of three');
    expect(await runCopied(await visit.copyCode())).toBe('“Hello From Frond”');
    await visit.press('add up JSON');
    expect(await runCopied(await visit.copyCode())).toBe('6.5');
    await visit.press('which worker?');
    expect(await runCopied(await visit.copyCode())).toMatch(/^(ash|birch|cedar)$/);
    await visit.press('MessagePack, there and back');
    expect(await runCopied(await visit.copyCode())).toBe('{ leaf: true, veins: [ 1, 2, 3 ] }');
    await visit.press('one in, four out');
    expect(await runCopied(await visit.copyCode())).toContain("'frond'");
  });

  it('for jobs, maps and the cache as well', async () => {
    const { page } = visit;
    await visit.fill('Function', 'grove.square');
    await visit.open('Job & map');
    await visit.fill('How many', '500');
    expect(await runCopied(await visit.copyCode())).toContain('500 results');
    await page.getByText('Map', { exact: true }).click();
    const mapped = await runCopied(await visit.copyCode());
    expect(mapped).toBe([1, 4, 9, 16, 25, 36, 49, 64, 81, 100, '500 results'].join('\n'));
    await visit.open('Cache');
    await visit.fill('Key', "it's a key");
    await visit.fill('Session', 'mine');
    expect(await runCopied(await visit.copyCode())).toBe("mineit's a key festina lente");
    await visit.press('Delete');
    expect(await runCopied(await visit.copyCode())).toBe('false');
    await visit.open('Connect');
    expect(await runCopied(await visit.copyCode())).toContain('connected to text');
  });

  it('for browsers does the same in a page, and that for Deno is the same but for where frond comes from', async () => {
    const { page } = visit;
    await visit.press('a pipeline of three');
    await page.getByText('Deno', { exact: true }).click();
    const forDeno = await visit.copyCode();
    expect(forDeno).toContain("from 'npm:frond/cluster'");
    await page.getByText('Browser', { exact: true }).click();
    const forPages = await visit.copyCode();
    expect(await runInPage(studio.browser, forPages)).toBe('“Hello From Frond”');
    const body = (code: string) => code.replaceAll('npm:frond', 'frond').replace(/^.*\n/, '');
    expect(body(forDeno)).toBe(body(forPages));
  });
});

describe('faults', () => {
  it('of workers lose nothing of a job', async () => {
    const { page } = visit;
    await visit.open('Faults');
    await page.getByRole('button', { name: 'Delay cedar by 20 ms' }).click();
    await visit.press('start a job on the grove');
    await visit.fill('How many', '20000');
    await visit.press('Run the job');
    await visit.open('Faults');
    await visit.press('Kill ash');
    await visit.press('Start ash again');
    await visit.press('Kill birch');
    await visit.open('Job & map');
    await jobIs(page, 'done');
    expect(await statsOf(page)).toMatchObject({ results: '20,000', failed: '0' });
  });

  it('of a connection fail what is under way, and the client comes back by itself', async () => {
    const { page } = visit;
    await visit.press('a slow one');
    await visit.open('Faults');
    await visit.press('Cut the connection');
    await page.getByText('cut from memory://text/results').waitFor();
    await nodeOf(page, 'text not reached').waitFor();
    await visit.press('Start text again');
    // Once as it was at the beginning, and once again.
    await page.getByText('connected to memory://text/results').nth(1).waitFor();
    await visit.open('Call');
    await trouble().getByText('DISCONNECTED').waitFor();
    await visit.press('reverse a word');
    expect(await answer().textContent()).toBe('desserts');
  });
});
