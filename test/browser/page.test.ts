/** A user's page in a real browser, under a policy as strict as there is, with a server behind a relay. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type OpenPage, withoutSockets } from '../support/browser.ts';
import { within } from '../support/wait.ts';
import { Control } from './control.ts';
import { type Ground, startGround, TOKEN } from './ground.ts';
import type { Scenes } from './page/tour.ts';
import { type Studio, startStudio } from './studio.ts';

let studio: Studio;
let ground: Ground;
let control: Control;

beforeAll(async () => {
  studio = await startStudio(['tour', 'naughty']);
  ground = await startGround(studio.site.origin);
});

afterAll(async () => {
  await ground?.[Symbol.asyncDispose]();
  await studio?.[Symbol.asyncDispose]();
});

/** Opens a page, which is then the one that scenes are played in. */
async function withControl<T>(open: () => Promise<T>): Promise<T> {
  const socket = studio.site.nextControl();
  const opened = await open();
  control = new Control(await within(10_000, socket, 'the control connection of the page'));
  return opened;
}

type Input<S extends keyof Scenes> = Parameters<Scenes[S]>[0];
type Outcome<S extends keyof Scenes> = Awaited<ReturnType<Scenes[S]>>;

/** Has the page play a scene. */
async function play<S extends keyof Scenes>(scene: S, input: Input<S>): Promise<Outcome<S>> {
  const outcome = control.call((call) => ['run', call, scene, input]);
  return (await within(30_000, outcome, `the scene ${scene}`)) as Outcome<S>;
}

/** Streams a job through the page. @param disturb - done whenever so many results, in thousands, are there. */
async function playJob(count: number, disturb: (thousands: number) => unknown): Promise<number> {
  const stop = control.listen(async (report) => {
    if (report[0] !== 'told') return;
    await disturb(Number.parseInt(report[1], 10) / 1_000);
    await play('goOn', undefined);
  });
  try {
    return await play('job', count);
  } finally {
    stop();
  }
}

async function complaintsOf(opened: OpenPage): Promise<readonly string[]> {
  await opened.settle();
  return opened.complaints;
}

const place = () => ({ url: ground.url, token: TOKEN });

describe('a page', () => {
  let opened: OpenPage;

  beforeEach(async () => {
    opened = await withControl(() => studio.open('tour'));
  });

  afterEach(async () => {
    await opened.context.close();
  });

  it('does all that a client can do, and breaks no rule', async () => {
    expect(await play('tour', place())).toEqual({
      hello: 'HELLO',
      pipeline: 'alice/my-session',
      refused: 'REMOTE',
      failed: 'REMOTE RangeError',
      typed: { a: [1, 2] },
      structures: 20,
      last: { n: 19, deep: { list: [19, 20] } },
      job: 10_000,
      key: 'alice/my-sessionmotto',
      value: 'festina lente',
      wasThere: true,
      after: 'CLOSED',
      isOwnClass: true,
    });
    expect(await complaintsOf(opened)).toEqual([]);
  });

  it('is told at once what is no call', async () => {
    expect(await play('refusals', place())).toEqual([...Array(4).fill('INVALID_CALL'), 'CLOSED']);
    expect(await complaintsOf(opened)).toEqual([]);
  });

  it('is refused with a wrong token, and goes on dialling nothing', async () => {
    await expect(play('connect', { ...place(), token: 'wrong' })).rejects.toMatchObject({
      code: 'FORBIDDEN',
    });
    expect(await complaintsOf(opened)).toEqual([]);
  });

  it('loses nothing of a job when its link is cut, again and again', async () => {
    await play('connect', place());
    expect(await playJob(10_000, () => ground.proxy.cut())).toBe(10_000);
    await play('close', undefined);
    expect(withoutSockets(await complaintsOf(opened))).toEqual([]);
  });

  it('reads MessagePack of a peer that writes records, and makes no code of them', async () => {
    await play('connect', place());
    expect(await play('records', undefined)).toBe(20);
    await play('close', undefined);
    expect(await complaintsOf(opened)).toEqual([]);
  });
});

describe('a tab', () => {
  it('goes on while it is hidden, and over a cut meanwhile', async () => {
    const tab = await withControl(() => studio.openTab('tour'));
    await play('connect', place());
    await tab.hide();
    await play('becomes', 'hidden');
    expect(await playJob(5_000, (thousands) => thousands === 2 && ground.proxy.cut())).toBe(5_000);
    expect(await play('visibility', undefined)).toBe('hidden');
    ground.proxy.cut();
    await tab.show();
    await play('becomes', 'visible');
    expect(await play('upper', 'seen')).toBe('SEEN');
    await play('close', undefined);
    await tab.close();
  });
});

describe('another page', () => {
  it('that breaks the policy is told of', async () => {
    const naughty = await studio.open('naughty');
    const told = (await complaintsOf(naughty)).join('\n');
    expect(told).toContain('securitypolicyviolation require-trusted-types-for');
    expect(told).toContain('securitypolicyviolation img-src');
    await naughty.context.close();
  });
});
