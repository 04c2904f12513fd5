/** The transport contract, kept by `websocket()` in a real page: its channels live in the browser, the suite in Node. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { memory } from '../../transports/memory/index.ts';
import { zeromq } from '../../transports/zeromq/index.ts';
import { testTransport } from '../conformance/suite.ts';
import { NO_NAMES } from '../conformance/unreadable.ts';
import { BROWSER, type OpenPage, withoutClosed } from '../support/browser.ts';
import { throughRelay } from '../support/through-relay/through.ts';
import { within } from '../support/wait.ts';
import { Control } from './control.ts';
import { remoteWebsocket } from './remote.ts';
import { type Studio, startStudio } from './studio.ts';

describe(`in ${BROWSER}`, () => {
  let studio: Studio;
  let opened: OpenPage;
  let control: Control;

  beforeAll(async () => {
    studio = await startStudio(['remote']);
    const socket = studio.site.nextControl();
    opened = await studio.open('remote');
    control = new Control(await within(10_000, socket, 'the control connection of the page'));
  });

  afterAll(async () => {
    await studio?.[Symbol.asyncDispose]();
  });

  const throughPage = () => ({
    wrap: true,
    dial: (url: string, token: string) => remoteWebsocket(() => control, url, { token }),
    relay: { origins: [studio.site.origin] },
  });
  testTransport(`websocket in ${BROWSER}, through a relay to memory`, () => ({
    ...throughRelay(memory(), throughPage()),
    pullsForAll: true,
    isIdentified: true,
    anyAddress: 'memory://*',
    unreadable: [...NO_NAMES, 'tcp://127.0.0.1:1', 'memory://'],
  }));

  testTransport(`websocket in ${BROWSER}, through a relay to zeromq`, () => ({
    ...throughRelay(zeromq(), throughPage()),
    pullsForAll: true,
    isIdentified: true,
    anyAddress: 'tcp://127.0.0.1:*',
    losesSilently: true,
    unreadable: [...NO_NAMES, 'memory://x', 'tcp://127.0.0.1', 'tcp://127.0.0.1:99999'],
  }));

  it('caused no violation of the policy, and nothing on the console', async () => {
    await opened.settle();
    expect(withoutClosed(opened.complaints)).toEqual([]);
  });
});
