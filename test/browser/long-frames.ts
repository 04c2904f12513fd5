/** Whether a job leaves the page alive, as the page's own meter tells, on a machine that may have other things to do. */
import type { Page } from 'playwright-core';
import type { TestContext } from 'vitest';
import { jobIs, statsOf } from './playground-page.ts';

/** Milliseconds that no frame may take. */
const LIMIT = 100;
const ATTEMPTS = 4;

export interface MeteredJob {
  readonly stats: Readonly<Record<string, string>>;
  /** Milliseconds of the longest frame. */
  readonly longest: number;
  readonly frames: number;
}

/**
 * Runs the job that the panel shows, again when a frame took too long: the page shares the machine with the browser's other
 * processes, and with whatever else is at work.
 * Gives what took too long, too, where the machine was too busy to tell why: {@link checkTold} says that.
 * @throws Error when one took too long each time, and not because the machine was busy.
 */
export async function runWithoutLongFrames(page: Page, run: () => Promise<MeteredJob>): Promise<MeteredJob> {
  let wasCalm = false;
  for (let attempt = 1; ; attempt++) {
    const before = await busyness(page);
    const job = await run();
    const busy = Math.max(before, await busyness(page));
    const told = `${job.stats['results']} results in ${job.stats['took']}, ${job.frames} frames, the longest ${job.longest.toFixed(0)} ms`;
    console.log(`${told}; what takes 1 took up to ${busy.toFixed(1)} beside it`);
    if (job.longest <= LIMIT) return job;
    wasCalm ||= busy < BUSY;
    if (attempt < ATTEMPTS) continue;
    if (wasCalm) {
      const last = job.longest.toFixed(0);
      throw new Error(`each of ${ATTEMPTS} times a frame took over ${LIMIT} ms, at last ${last} ms`);
    }
    return job;
  }
}

/** Skips the rest of a test that showed nothing of frames, so that it does not count as passed. */
export function checkTold({ longest }: MeteredJob, skip: TestContext['skip']): void {
  skip(longest > LIMIT, 'the machine is too busy to tell whether frames are long');
}

/** Presses the button, and tells what the page measured when the job is done. */
export async function meteredJob(page: Page, timeout: number): Promise<MeteredJob> {
  await page.getByRole('button', { name: 'Run the job' }).click();
  await page.getByLabel('Progress').getByText('running', { exact: true }).waitFor();
  await jobIs(page, 'done', timeout);
  const meter = page.locator('[data-longest]');
  return {
    stats: await statsOf(page),
    longest: Number(await meter.getAttribute('data-longest')),
    frames: Number(await meter.getAttribute('data-frames')),
  };
}

/** How many times as long as at its best the same piece of work takes, beyond which the machine has other things to do. */
const BUSY = 2.5;

async function busyness(page: Page): Promise<number> {
  return page.evaluate(async () => {
    const took: number[] = [];
    for (let turn = 0; turn < 40; turn++) {
      await new Promise((resolve) => setTimeout(resolve, 15));
      const began = performance.now();
      let sum = 0;
      for (let i = 0; i < 6_000_000; i++) sum += i % 7;
      if (sum > 0) took.push(performance.now() - began);
    }
    // The first ones are slower by themselves.
    const warm = took.slice(5);
    return Math.max(...warm) / Math.min(...warm);
  });
}
