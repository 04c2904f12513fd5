/** The playground through a relay to a real ZeroMQ cluster. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { CREW_TYPED, DEMO_TYPED } from '../../cli/demo/typed.ts';
import { Master, Pipeline, Server, Worker } from '../../src/cluster/index.ts';
import { zeromq } from '../../transports/zeromq/index.ts';
import { withoutSockets } from '../support/browser.ts';
import { bytes, textOf } from '../support/bytes.ts';
import { type RunningRelay, startRelay, TOKEN } from '../support/relay.ts';
import { within } from '../support/wait.ts';
import { checkTold, meteredJob, runWithoutLongFrames } from './long-frames.ts';
import {
  jobIs,
  linkOf,
  nodeOf,
  type PlaygroundStudio,
  startPlaygroundStudio,
  statsOf,
  type Visit,
} from './playground-page.ts';
import { runCopied } from './run-copied.ts';

/** What was started, in its order. */
const ends: (() => Promise<unknown>)[] = [];
let studio: PlaygroundStudio;
let relay: RunningRelay;
let visit: Visit;

const any = 'tcp://127.0.0.1:*';
const common = { transport: zeromq(), dbAddress: any, pubAddress: any, loggingLevel: 'silent' } as const;
const functions = {
  upper: (payload: Uint8Array) => bytes(textOf(payload).toUpperCase()),
  boom: () => {
    throw new RangeError('too far');
  },
};

beforeAll(async () => {
  studio = await startPlaygroundStudio();
  ends.push(async () => studio[Symbol.asyncDispose]());
  const demo = await Server.start({
    ...common,
    name: 'demo',
    pullAddress: any,
    functions: { ...functions, ...DEMO_TYPED },
  });
  ends.push(() => demo.close());
  const head = await Server.start({ ...common, name: 'head', pullAddress: any, pipelined: true, functions });
  ends.push(() => head.close());
  const tail = await Pipeline.start({
    ...common,
    name: 'tail',
    subAddress: head.pubAddress,
    previous: 'head',
    functions: { quote: (payload) => bytes(`“${textOf(payload)}”`) },
  });
  ends.push(() => tail.close());
  const crew = await Master.start({
    ...common,
    name: 'crew',
    pullAddress: any,
    workerPullAddress: any,
    workerPushAddress: any,
  });
  ends.push(() => crew.close());
  for (const name of ['ada', 'bob']) {
    const { dbAddress } = crew;
    const worker = await Worker.start({
      transport: zeromq(),
      name,
      dbAddress,
      functions: { ...functions, ...CREW_TYPED },
      loggingLevel: 'silent',
    });
    ends.push(() => worker.close());
  }
  await tail.ready();
  const servers = Object.fromEntries(
    [demo, head, tail, crew].map(({ name, dbAddress }) => [name, { dbAddress }]),
  );
  relay = await startRelay({ transport: zeromq(), servers, origins: [studio.site.origin] });
  ends.push(() => relay.close());
});

afterAll(async () => {
  for (const end of ends.reverse()) await within(10_000, end(), 'an end');
});

const state = () => ({ relay: relay.url, token: TOKEN, server: 'demo', servers: 'demo,head,tail,crew' });

beforeEach(async () => {
  visit = await studio.visit({ state: state() });
});

afterEach(async () => {
  await visit.page.waitForTimeout(30);
  const complaints = withoutSockets(visit.complaints);
  await visit[Symbol.asyncDispose]();
  expect(complaints).toEqual([]);
});

const answer = () => visit.page.getByLabel('Answer').locator('output');

describe('through a relay', () => {
  it('the link connects, and servers say what they are and offer', async () => {
    const { page } = visit;
    await page.getByText('through a relay', { exact: true }).waitFor();
    await nodeOf(page, 'tail pipeline').waitFor();
    expect(await page.getByLabel('Function', { exact: true }).inputValue()).toBe('demo.upper');
    await nodeOf(page, 'crew master').press('Enter');
    await page.getByText('ada holds').waitFor();
    await visit.open('Functions');
    await page.getByRole('button', { name: 'demo.boom' }).waitFor();
  });

  it('calls are answered: of a server, a pipeline, and workers', async () => {
    await visit.press('Call');
    expect(await answer().textContent()).toBe('STRESSED');
    await visit.fill('Function', 'crew.upper');
    await visit.fill('Payload', 'work');
    await visit.press('Call');
    await visit.page.getByLabel('Answer').getByText('WORK', { exact: true }).waitFor();
    await visit.fill('Function', 'head.upper');
    await visit.press('+ stage');
    await visit.fill('Stage 2', 'tail.quote');
    await visit.press('Call');
    await visit.page.getByLabel('Answer').getByText('“WORK”', { exact: true }).waitFor();
    await visit.open('Wire');
    await visit.page
      .locator('.wire-table tbody tr')
      .filter({ hasText: 'head.upper tail.quote' })
      .nth(1)
      .waitFor();
  });

  it('a function that fails says so', async () => {
    await visit.fill('Function', 'demo.boom');
    await visit.press('Call');
    await visit.page.getByRole('alert').getByText('RangeError', { exact: true }).waitFor();
  });

  it('a function that describes itself has a form, data of its errors, and code that reads its answer', async () => {
    const { page } = visit;
    await visit.fill('Function', 'demo.frequent');
    await page.getByLabel('text', { exact: true }).fill('- ?');
    await visit.press('Call');
    await page.getByLabel('Data of the error').getByText('{"characters":3}', { exact: true }).waitFor();
    await visit.fill('Function', 'crew.brew');
    await page.getByLabel('cups', { exact: true }).fill('1');
    await visit.press('Call');
    await page.getByLabel('Answer').getByText('made 1 cup of tea').waitFor();
    expect(await runCopied(await visit.copyCode(), { FROND_TOKEN: TOKEN })).toContain('made 1 cup of tea');
  });

  it('a job of a hundred thousand leaves the page alive: no frame takes over 100 ms', {
    timeout: 240_000,
  }, async ({ skip }) => {
    const { page } = visit;
    await visit.fill('Function', 'crew.upper');
    await visit.open('Job & map');
    const job = await runWithoutLongFrames(page, () => meteredJob(page, 90_000));
    expect(job.stats).toMatchObject({ results: '100,000', failed: '0' });
    checkTold(job, skip);
  });

  it('a job and a map go on over cuts, and lose nothing', { timeout: 120_000 }, async () => {
    const { page } = visit;
    for (const kind of ['Job', 'Map']) {
      await visit.open('Job & map');
      await page.getByText(kind, { exact: true }).click();
      await visit.fill('How many', '60000');
      await visit.press(kind === 'Job' ? 'Run the job' : 'Map');
      await expect.poll(async () => (await statsOf(page))['results'], { timeout: 20_000 }).not.toBe('0');
      await visit.open('Faults');
      await visit.press('Clear');
      await visit.press('Cut the connection');
      await page
        .getByText(/^trying ws:/)
        .first()
        .waitFor();
      await page
        .getByText(/^connected to ws:/)
        .first()
        .waitFor();
      await visit.press('Cut the connection');
      await visit.open('Job & map');
      await jobIs(page, 'done', 60_000);
      expect(await statsOf(page)).toMatchObject({ results: '60,000', failed: '0' });
    }
  });

  it('the network may be away for a while', async () => {
    const { page } = visit;
    await visit.open('Faults');
    await visit.press('Take the network away');
    await page.getByText('gives the network back').waitFor();
    await visit.open('Call');
    await visit.press('Call');
    await page.getByLabel('Answer').getByText('STRESSED', { exact: true }).waitFor();
  });

  it('the cache is set and got, under a session too', async () => {
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
  });

  it('copied code runs in Node, with the token from its environment', async () => {
    const run = async () => {
      const code = await visit.copyCode();
      expect(code).not.toContain(TOKEN);
      return runCopied(code, { FROND_TOKEN: TOKEN });
    };
    expect(await run()).toBe('STRESSED');
    await visit.fill('Function', 'head.upper');
    await visit.press('+ stage');
    await visit.fill('Stage 2', 'tail.quote');
    expect(await run()).toBe('“STRESSED”');
    await visit.open('Job & map');
    await visit.page.getByText('Words', { exact: true }).click();
    await visit.fill('How many', '200');
    expect(await run()).toContain('200 results');
  });

  it('a link that is followed in an open page leads to its relay, or back', async () => {
    const { page } = visit;
    await page.goto(linkOf(studio.site, { panel: 'call' }));
    await page.getByText('cluster in this page', { exact: true }).waitFor();
    await page.goto(linkOf(studio.site, state()));
    await page.getByText('through a relay', { exact: true }).waitFor();
    await page.locator('.where-connected').waitFor();
    await visit.press('Call');
    await page.getByLabel('Answer').getByText('STRESSED', { exact: true }).waitFor();
  });

  it('a wrong token is refused in words', async () => {
    const { page } = visit;
    await visit.open('Connect');
    await visit.fill('Token', 'wrong');
    await visit.page.getByRole('main').getByRole('button', { name: 'Connect', exact: true }).click();
    await page.getByRole('alert').getByText('FORBIDDEN', { exact: true }).waitFor();
    await visit.press('Use the cluster in this page');
    await page.getByText('cluster in this page', { exact: true }).waitFor();
    await visit.open('Call');
    await visit.press('reverse a word');
    expect(await answer().textContent()).toBe('desserts');
  });
});
