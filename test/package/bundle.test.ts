/** The page client stays small, and is for pages only. */
import { beforeAll, describe, expect, it } from 'vitest';
import { type AppBundle, bundleApp } from './bundle.ts';

const LIMIT = 18 * 1024;

/** Both are used, so that neither is shaken off. */
const APP = `
  import { Client } from 'frond';
  import { websocket } from 'frond/websocket';
  globalThis.connect = (url) => Client.connect({ transport: websocket(url), serverName: 'server' });`;

/** Of Node, of what policies of pages forbid, and of what only some applications use. */
const FORBIDDEN = [
  ['a Node built-in', /node:/],
  // A message names the transport, as it is called.
  ['zeromq', /zeromq(?!\(\))/],
  ['Buffer', /\bBuffer\b/],
  ['process', /\bprocess\./],
  // The client has a method of that name.
  ['eval', /(?<!async )\beval\b/],
  ['new Function', /new Function/],
  ['msgpackr', /msgpackr/],
] as const;

describe('an application that is a client through a relay', () => {
  let bundle: AppBundle;

  beforeAll(async () => {
    bundle = await bundleApp(APP);
  });

  it(`is at most ${LIMIT} bytes, minified and compressed`, () => {
    console.log(`client and websocket in a page: ${bundle.gzipped} bytes of ${LIMIT}`);
    // Else something was shaken off that is not to be.
    expect(bundle.gzipped).toBeGreaterThan(LIMIT / 2);
    expect(bundle.gzipped).toBeLessThanOrEqual(LIMIT);
  });

  it.each(FORBIDDEN)('has no %s in it', (_name, pattern) => {
    const at = bundle.code.search(pattern);
    expect(at < 0 ? '' : bundle.code.slice(Math.max(0, at - 60), at + 60)).toBe('');
  });
});
