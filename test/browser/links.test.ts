/** Links that a browser makes to a relay: who may make one, and what a job over one loses when it breaks. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Server } from '../../src/cluster/index.ts';
import { Client } from '../../src/index.ts';
import { loneMessage, Type } from '../../transports/relay-protocol/frames.ts';
import { zeromq } from '../../transports/zeromq/index.ts';
import { BROWSER, type OpenPage, withoutClosed } from '../support/browser.ts';
import { bytes, textOf } from '../support/bytes.ts';
import { notOnce, numberOf, readNumber } from '../support/jobs.ts';
import { type RunningRelay, startRelay, TOKEN } from '../support/relay.ts';
import { eventually, until, within } from '../support/wait.ts';
import { startWire, type Wire } from '../support/wire.ts';
import { Control } from './control.ts';
import { remoteWebsocket } from './remote.ts';
import { type Site, startSite } from './site.ts';
import { type Studio, startStudio } from './studio.ts';

const COUNT = 10_000;

/** What was started, in its order. */
const ends: (() => Promise<unknown>)[] = [];
let studio: Studio;
let foreign: Site;
let server: Server;
let relay: RunningRelay;
let wire: Wire;

beforeAll(async () => {
  studio = await startStudio(['remote']);
  ends.push(async () => studio[Symbol.asyncDispose]());
  foreign = await startSite(['remote']);
  ends.push(async () => foreign[Symbol.asyncDispose]());
  const any = 'tcp://127.0.0.1:*';
  server = await Server.start({
    transport: zeromq(),
    name: 'server',
    dbAddress: any,
    pullAddress: any,
    pubAddress: any,
    loggingLevel: 'silent',
  });
  ends.push(() => server.close());
  relay = await startRelay({
    transport: zeromq(),
    servers: { server: { dbAddress: server.dbAddress } },
    origins: [studio.site.origin],
    authenticate: (token) =>
      token === TOKEN
        ? { name: 'ada', servers: ['server'], functions: ['server.*'], cache: 'session' }
        : undefined,
  });
  ends.push(() => relay.close());
  wire = await startWire(relay.port);
  ends.push(() => wire.close());
});

afterAll(async () => {
  for (const end of ends.reverse()) await within(10_000, end(), 'an end');
});

async function openPage(): Promise<OpenPage & { readonly control: Control }> {
  const coming = studio.site.nextControl();
  const opened = await studio.open('remote');
  return { ...opened, control: new Control(await within(20_000, coming, 'the page')) };
}

describe(`a link from ${BROWSER}`, () => {
  it('is made anew after each cut, and goes on: nothing is lost, and nothing comes or is done twice', async () => {
    const { control, complaints, settle, context } = await openPage();
    const client = await Client.connect({
      transport: remoteWebsocket(() => control, wire.url, { token: TOKEN }),
      serverName: 'server',
      loggingLevel: 'silent',
    });
    const { id } = client;
    let cutting = Promise.resolve();
    // A cut for each quarter but the first, once so much of what that gives has come.
    async function* inputs() {
      for (let i = 0; i < COUNT; i++) {
        if (i > 0 && i % (COUNT / 4) === 0) {
          await within(10_000, cutting, 'the cut');
          await within(
            10_000,
            until(() => wire.live > 0),
            'the next link',
          );
          cutting = wire.cutAfter('down', 5_000, i === COUNT / 2 ? 'fin' : 'rst');
        }
        yield numberOf(i);
      }
    }
    const times = new Uint8Array(COUNT);
    const run = async () => {
      for await (const result of client.job('server.echo', inputs(), { messages: COUNT })) {
        const number = readNumber(result);
        times[number] = (times[number] ?? 0) + 1;
      }
    };
    await within(30_000, run(), 'the job');
    await within(10_000, cutting, 'the last cut');
    expect(notOnce(times)).toEqual([]);
    expect(server.counters).toMatchObject({ received: COUNT, answered: COUNT, dropped: 0 });
    expect(client.unclaimed).toBe(0);
    // A browser may make a link more than it needs, when one takes long.
    expect(wire.count).toBeGreaterThan(3);
    // The relay knew it each time.
    expect(client.id).toBe(id);
    await client.close();
    await settle();
    expect(withoutClosed(complaints)).toEqual([]);
    await context.close();
  });

  it.each(['visibilitychange', 'resume'])('that died unseen is made anew soon after %s', async (type) => {
    const { control, page, context } = await openPage();
    const client = await Client.connect({
      transport: remoteWebsocket(() => control, wire.url, { token: TOKEN }),
      serverName: 'server',
      loggingLevel: 'silent',
    });
    await client.eval('server.echo', bytes('before'));
    const links = wire.count;
    wire.freeze();
    // No browser freezes a page that Playwright keeps visible.
    await page.evaluate((own) => document.dispatchEvent(new Event(own)), type);
    // The heartbeat is 20 s.
    expect(textOf(await within(6_000, client.eval('server.echo', bytes('after')), 'the answer'))).toBe(
      'after',
    );
    expect(wire.count).toBe(links + 1);
    await client.close();
    await context.close();
  });

  it.each(['left', 'closed'])('of a page that is %s leaves no session behind', async (how) => {
    const { page, context } = await openPage();
    const before = await relay.figure('sessions');
    const greet = async ([url, hello]: readonly [string, readonly number[]]) => {
      const socket = new WebSocket(url, 'frond.v1');
      socket.onopen = () => socket.send(new Uint8Array(hello));
      await new Promise((resolve) => {
        socket.onmessage = resolve;
      });
    };
    await page.evaluate(greet, [relay.url, [...loneMessage([Type.hello, TOKEN, null, 0])]] as const);
    expect(await relay.figure('sessions')).toBe(before + 1);
    if (how === 'left') await page.goto('about:blank');
    else await page.close({ runBeforeUnload: false });
    await eventually(async () => (await relay.figure('sessions')) === before);
    await context.close();
  });

  it('has the keys of its identity, and no others', async () => {
    const { control, complaints, settle, context } = await openPage();
    const client = await Client.connect({
      transport: remoteWebsocket(() => control, relay.url, { token: TOKEN }),
      serverName: 'server',
      loggingLevel: 'silent',
    });
    await server.cache.set(bytes("another's"), 'key');
    expect(client.session).toBe('ada/');
    expect(await client.get('key')).toBeUndefined();
    await client.set(bytes('own'), 'key');
    expect(textOf((await server.cache.get('ada/key')) ?? bytes(''))).toBe('own');
    expect(await client.delete('key')).toBe(true);
    expect(await client.get('key')).toBeUndefined();
    expect(textOf((await server.cache.get('key')) ?? bytes(''))).toBe("another's");
    await client.close();
    await settle();
    expect(complaints).toEqual([]);
    await context.close();
  });

  it('is refused to a page of a foreign origin, which is told why at once', async () => {
    const { page, complaints, context } = await openPage();
    const coming = foreign.nextControl();
    await page.goto(foreign.page('remote'), { timeout: 15_000 });
    const control = new Control(await within(20_000, coming, 'the foreign page'));
    const connecting = Client.connect({
      transport: remoteWebsocket(() => control, relay.url, { token: TOKEN }),
      serverName: 'server',
      loggingLevel: 'silent',
      timeout: 20_000,
    });
    await expect(within(10_000, connecting, 'the refusal')).rejects.toMatchObject({
      code: 'FORBIDDEN',
      message: expect.stringContaining('this origin may not connect'),
    });
    const { text } = await relay.ask('/metrics');
    expect(text).toMatch(/^frond_relay_handshakes_total\{status="403"\} [1-9]/m);
    expect(await relay.figure('connections')).toBe(0);
    expect(complaints).toEqual([]);
    await context.close();
  });
});
