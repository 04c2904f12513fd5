/** The playground when the relay, or what is behind it, dies, stops and comes back: what the page says, and when. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Server } from '../../src/cluster/index.ts';
import { zeromq } from '../../transports/zeromq/index.ts';
import { bytes, textOf } from '../support/bytes.ts';
import { freeAddress } from '../support/ports.ts';
import {
  linkOf,
  nodeOf,
  type PlaygroundStudio,
  seriousFindings,
  startPlaygroundStudio,
  type Visit,
} from './playground-page.ts';
import { CommandProcess } from './relay-process.ts';

const TOKEN = 'open sesame, as they say';
const HEARTBEAT = 1_000;
const any = 'tcp://127.0.0.1:*';

let studio: PlaygroundStudio;
let demo: Server;
let folder: string;
let port: number;
let relay: CommandProcess;
let visit: Visit | undefined;

beforeAll(async () => {
  studio = await startPlaygroundStudio();
  demo = await startServer('demo');
  folder = await mkdtemp(join(tmpdir(), 'frond-outage-'));
});

afterAll(async () => {
  await demo?.close({ timeout: 0 });
  await studio?.[Symbol.asyncDispose]();
  await rm(folder, { recursive: true });
});

beforeEach(async () => {
  port = Number(new URL(await freeAddress()).port);
  relay = await startRelay(TOKEN);
});

afterEach(async () => {
  await visit?.[Symbol.asyncDispose]();
  visit = undefined;
  await relay?.kill();
});

function startServer(name: string): Promise<Server> {
  const common = { transport: zeromq(), dbAddress: any, pullAddress: any, pubAddress: any } as const;
  const upper = (payload: Uint8Array) => bytes(textOf(payload).toUpperCase());
  return Server.start({ ...common, name, functions: { upper }, loggingLevel: 'silent' });
}

/** `frond relay` at the port of this test, with one token that may do everything. */
async function startRelay(
  token: string,
  more: Readonly<Record<string, string>> = {},
): Promise<CommandProcess> {
  const tokens = join(folder, 'tokens.json');
  const grants = { servers: ['*'], functions: ['*'], cache: 'all' };
  await writeFile(tokens, JSON.stringify({ tokens: [{ name: 'page', token, ...grants }] }), { mode: 0o600 });
  const config = join(folder, 'relay.json');
  const servers = { demo: demo.dbAddress, ...more };
  const limits = { heartbeat: HEARTBEAT };
  const origins = [studio.site.origin];
  await writeFile(config, JSON.stringify({ servers, tokens, origins, limits }));
  const { command } = await CommandProcess.start(
    ['relay', '--config', config, '--listen', `127.0.0.1:${port}`],
    'url',
  );
  return command;
}

async function connected(servers = 'demo', token = TOKEN): Promise<Visit> {
  visit = await studio.visit({ state: { relay: `ws://127.0.0.1:${port}/`, token, server: 'demo', servers } });
  return visit;
}

const says = (text: string | RegExp) => visit?.page.getByRole('banner').getByText(text).waitFor();
const notice = () => (visit as Visit).page.getByLabel('Connection');

async function callIsAnswered(): Promise<void> {
  await visit?.open('Call');
  await visit?.press('Call');
  await visit?.page.getByLabel('Answer').getByText('STRESSED', { exact: true }).waitFor();
}

describe('a relay', () => {
  it('that is killed is said to be away at once, and comes back by itself', async () => {
    const { page } = await connected();
    await callIsAnswered();
    await relay.kill();
    await says('cannot reach the relay, trying again');
    expect(await page.locator('.where-connected').count()).toBe(0);
    expect(await notice().textContent()).toContain(`ws://127.0.0.1:${port}/`);
    expect(await seriousFindings(page)).toEqual([]);
    relay = await startRelay(TOKEN);
    await page.locator('.where-connected').waitFor();
    await says('through a relay');
    expect(await notice().count()).toBe(0);
    await callIsAnswered();
  });

  it('that stops answering is said to be away within two heartbeats', async () => {
    const { page } = await connected();
    relay.freeze();
    // Two heartbeats, and what a busy machine takes to look: the default time-out of a call is five times as long.
    await page.locator('.where-away').waitFor({ timeout: 5 * HEARTBEAT });
    relay.thaw();
    await page.locator('.where-connected').waitFor();
    await callIsAnswered();
  });

  it('that is not there yet is waited for', async () => {
    await relay.kill();
    const context = await studio.browser.newContext();
    const page = await context.newPage();
    const url = `ws://127.0.0.1:${port}/`;
    await page.goto(linkOf(studio.site, { relay: url, token: TOKEN, server: 'demo', panel: 'connect' }));
    await page.locator('.where-away').waitFor({ timeout: 5_000 });
    expect(await page.getByLabel('Connection').textContent()).toContain('no WebSocket could be opened there');
    // Nor is it another thing after the time-out of the first attempt, and the page goes on trying.
    await page.waitForTimeout(11_000);
    expect(await page.locator('.where-away').count()).toBe(1);
    expect(await page.getByLabel('Connection').textContent()).not.toContain('TIMEOUT');
    relay = await startRelay(TOKEN);
    await page.locator('.where-connected').waitFor({ timeout: 20_000 });
    await context.close();
  });

  it('that refuses the token after a restart is said to refuse it, and what to do', async () => {
    const { page } = await connected();
    await callIsAnswered();
    await relay.kill();
    relay = await startRelay('another token than before');
    await page.locator('.where-failed').waitFor();
    await says('refused');
    await notice().getByText('FORBIDDEN', { exact: true }).waitFor();
    expect(await notice().textContent()).toContain('token');
    expect(await seriousFindings(page)).toEqual([]);
    // A call is refused for what it is, and not since some client was closed.
    await visit?.press('Call');
    const answer = page.getByRole('region', { name: 'Answer' });
    await answer.getByText('FORBIDDEN', { exact: true }).waitFor();
    expect(await answer.textContent()).not.toContain('CLOSED');
    await relay.kill();
    relay = await startRelay(TOKEN);
    await visit?.press('Call');
    await page.getByLabel('Answer').getByText('STRESSED', { exact: true }).waitFor();
    await page.locator('.where-connected').waitFor();
    await says('through a relay');
  });
});

describe('a server behind a relay', () => {
  it('that dies is named in the header, and holds up none of the others', async () => {
    const other = await startServer('other');
    await relay.kill();
    relay = await startRelay(TOKEN, { other: other.dbAddress });
    const { page } = await connected('demo,other');
    await nodeOf(page, 'other server').waitFor();
    await other.close({ timeout: 0 });
    // At once: a request to it would wait for seconds.
    await says('through a relay, other not reached');
    await nodeOf(page, 'other not reached').waitFor();
    await callIsAnswered();
  });
});

describe('frond demo', () => {
  it('that is started again at the same port refuses the link of before', async () => {
    await relay.kill();
    const start = () =>
      CommandProcess.start<{ playground: { url: string } }>(['demo', '--port', String(port)], 'playground');
    const before = await start();
    const context = await studio.browser.newContext();
    const page = await context.newPage();
    try {
      await page.goto(before.told.playground.url);
      await page.locator('.where-connected').waitFor();
      await before.command.kill();
      const after = await start();
      await page.locator('.where-failed').waitFor();
      await page.getByLabel('Connection').getByText('open the link that it printed last').waitFor();
      // The link that was printed last, in the same page.
      await page.goto(after.told.playground.url);
      await page.locator('.where-connected').waitFor();
      await after.command.kill();
    } finally {
      await context.close();
      await before.command.kill();
    }
  });
});
