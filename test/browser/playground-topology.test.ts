/** The drawing of the cluster: whole from the first moment, legible, and true when a worker dies. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Master, Worker } from '../../src/cluster/index.ts';
import { zeromq } from '../../transports/zeromq/index.ts';
import { startRelay, TOKEN } from '../support/relay.ts';
import { nodeOf, type PlaygroundStudio, startPlaygroundStudio } from './playground-page.ts';
import { CommandProcess } from './relay-process.ts';

let studio: PlaygroundStudio;

beforeAll(async () => {
  studio = await startPlaygroundStudio();
});

afterAll(async () => {
  await studio?.[Symbol.asyncDispose]();
});

/** Edges as they are drawn, and which names something else lies on. */
async function drawingOf(page: Page): Promise<{ readonly edges: string[]; readonly covered: string[] }> {
  return page.evaluate(() => {
    const nodes = [...document.querySelectorAll<SVGGElement>('.topology .node')];
    const paths = [...document.querySelectorAll<SVGPathElement>('.topology .edge')];
    const areApart = (a: DOMRect, b: DOMRect) =>
      a.right <= b.left || b.right <= a.left || a.bottom <= b.top || b.bottom <= a.top;
    const covered: string[] = [];
    for (const node of nodes) {
      for (const text of node.querySelectorAll('text')) {
        const box = text.getBoundingClientRect();
        for (const other of nodes) {
          if (other === node) continue;
          for (const shape of other.querySelectorAll('rect, circle, text'))
            if (!areApart(box, shape.getBoundingClientRect()))
              covered.push(`${text.textContent} by ${other.textContent}`);
        }
        for (const path of paths) {
          const toScreen = path.getScreenCTM();
          const length = path.getTotalLength();
          for (let at = 0; toScreen !== null && at <= length; at += 2) {
            const { x, y } = path.getPointAtLength(at).matrixTransform(toScreen);
            if (x < box.left || x > box.right || y < box.top || y > box.bottom) continue;
            covered.push(`${text.textContent} by the edge ${path.dataset['edge']}`);
            break;
          }
        }
      }
    }
    const edges = paths.map((path) => (path.dataset['edge'] ?? '').replaceAll('(client)', 'page')).sort();
    return { edges, covered };
  });
}

const WORK = (master: string) => [0, 1, 2].map((one) => `work ${master} ${master}/${one}`);

describe.each([1_440, 390])(
  'at a width of %i the first drawing has all edges and no name under another thing',
  (width) => {
    it('of the cluster in the page', async () => {
      await using visit = await studio.visit({ width });
      const { page } = visit;
      await nodeOf(page, 'press sink').waitFor();
      await page.locator('.node-worker').nth(2).waitFor();
      const { edges, covered } = await drawingOf(page);
      expect(edges).toEqual(
        ['call page grove', 'call page text', 'flow grove press', 'flow loom press', 'flow text loom']
          .concat(WORK('grove'))
          .sort(),
      );
      expect(covered).toEqual([]);
      await visit.press('a pipeline of three');
      await page.locator('.edge-answer').waitFor({ state: 'attached' });
      expect((await drawingOf(page)).covered).toEqual([]);
    });

    it('of frond demo', async () => {
      const { command, told } = await CommandProcess.start<{ playground: { url: string } }>(
        ['demo'],
        'playground',
      );
      await using _ = command;
      const page = await studio.browser.newPage({ viewport: { width, height: 900 } });
      await page.goto(told.playground.url);
      await page.locator('.where-connected').waitFor();
      await page.locator('.node-worker').nth(2).waitFor();
      await nodeOf(page, 'tally sink').waitFor();
      const { edges, covered } = await drawingOf(page);
      expect(edges).toEqual(
        ['call page clean', 'call page crew', 'call page demo', 'flow clean count', 'flow count tally']
          .concat(WORK('crew'))
          .sort(),
      );
      expect(covered).toEqual([]);
      await page.close();
    });
  },
);

describe('a worker that dies', () => {
  it('in the page is drawn dead at once, and alive when it is back', async () => {
    await using visit = await studio.visit();
    const { page } = visit;
    await page.locator('.node-worker').nth(2).waitFor();
    await visit.open('Faults');
    await visit.press('Kill birch');
    await page.locator('.node-worker.is-dead', { hasText: 'birch · dead' }).waitFor();
    // The master has noticed meanwhile, and tells of two.
    await nodeOf(page, 'grove master').press('Enter');
    await page.getByText('ash holds 0, cedar holds 0').waitFor();
    expect(await page.locator('.node-worker').count()).toBe(3);
    expect((await drawingOf(page)).covered).toEqual([]);
    await visit.press('Start birch again');
    await page.locator('.node-worker.is-up', { hasText: 'birch' }).waitFor();
    expect(visit.complaints).toEqual([]);
  });

  it('behind a relay is drawn dead, and one that says good-bye as gone', async () => {
    const any = 'tcp://127.0.0.1:*';
    const crew = await Master.start({
      transport: zeromq(),
      name: 'crew',
      dbAddress: any,
      pullAddress: any,
      pubAddress: any,
      workerPullAddress: any,
      workerPushAddress: any,
      loggingLevel: 'silent',
    });
    const relay = await startRelay({
      transport: zeromq(),
      servers: { crew: { dbAddress: crew.dbAddress } },
      origins: [studio.site.origin],
    });
    const folder = await mkdtemp(join(tmpdir(), 'frond-crew-'));
    const module = join(folder, 'crew.mjs');
    await writeFile(module, 'export default { same: (payload) => payload };');
    const killed = await CommandProcess.start(
      ['worker', module, '--db', crew.dbAddress, '--name', 'ada'],
      'master',
    );
    const { dbAddress } = crew;
    const bob = await Worker.start({ transport: zeromq(), name: 'bob', dbAddress, loggingLevel: 'silent' });
    try {
      await using visit = await studio.visit({
        state: { relay: relay.url, token: TOKEN, server: 'crew', servers: 'crew' },
      });
      const { page } = visit;
      await page.locator('.node-worker.is-up').nth(1).waitFor();
      await killed.command.kill();
      await page.locator('.node-worker.is-dead', { hasText: 'ada · dead' }).waitFor();
      await bob.close();
      await page.locator('.node-worker.is-left', { hasText: 'bob · left' }).waitFor();
    } finally {
      await killed.command.kill();
      await bob.close();
      await relay.close();
      await crew.close({ timeout: 0 });
      await rm(folder, { recursive: true });
    }
  });
});
