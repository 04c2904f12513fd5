/** The page client stays small, and is for pages only. */
import { beforeAll, describe, expect, it } from 'vitest';
import { type AppBundle, bundleApp, MAP_LIMIT, PAGE_APP, PAGE_LIMIT } from './bundle.ts';

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
    bundle = await bundleApp(PAGE_APP);
  });

  it(`is at most ${PAGE_LIMIT} bytes, minified and compressed`, () => {
    console.log(`client and websocket in a page: ${bundle.gzipped} bytes of ${PAGE_LIMIT}`);
    // Else something was shaken off that is not to be.
    expect(bundle.gzipped).toBeGreaterThan(PAGE_LIMIT / 2);
    expect(bundle.gzipped).toBeLessThanOrEqual(PAGE_LIMIT);
  });

  it(`has map apart, in at most ${MAP_LIMIT} bytes that are loaded when it is first used`, () => {
    console.log(`map in a page: ${bundle.gzippedLater} bytes of ${MAP_LIMIT}`);
    expect(bundle.gzippedLater).toBeGreaterThan(MAP_LIMIT / 2);
    expect(bundle.gzippedLater).toBeLessThanOrEqual(MAP_LIMIT);
    expect(bundle.code).not.toContain('retryDelay');
  });

  it.each(FORBIDDEN)('has no %s in it', (_name, pattern) => {
    const at = bundle.code.search(pattern);
    expect(at < 0 ? '' : bundle.code.slice(Math.max(0, at - 60), at + 60)).toBe('');
  });
});
