/** The page client stays small, and is for pages only. */
import { beforeAll, describe, expect, it } from 'vitest';
import {
  type AppBundle,
  bundleApp,
  LATER_LIMIT,
  PAGE_APP,
  PAGE_LIMIT,
  TYPED_APP,
} from '../support/bundle.ts';

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

  it(`has jobs, maps and the cache apart, in at most ${LATER_LIMIT} bytes that are loaded when one is first used`, () => {
    console.log(`jobs, maps and the cache in a page: ${bundle.gzippedLater} bytes of ${LATER_LIMIT}`);
    expect(bundle.gzippedLater).toBeGreaterThan(LATER_LIMIT / 2);
    expect(bundle.gzippedLater).toBeLessThanOrEqual(LATER_LIMIT);
    for (const own of ['within the deadline', 'no further result', "server's configuration"])
      expect(bundle.code).not.toContain(own);
  });

  it('has what tells a server of cancelled calls apart, in at most 1,024 bytes', () => {
    console.log(`cancelling in a page: ${bundle.gzippedApart['canceller']} bytes of 1024`);
    expect(bundle.gzippedApart['canceller']).toBeLessThanOrEqual(1_024);
  });

  it('has metadata, interceptors, taps and thisConfig apart, in at most 2,304 bytes', () => {
    console.log(`metadata and interceptors in a page: ${bundle.gzippedApart['elaborate']} bytes of 2304`);
    expect(bundle.gzippedApart['elaborate']).toBeLessThanOrEqual(2_304);
  });

  it('has what another relay needs to go on with a session apart, in at most 1,792 bytes', () => {
    console.log(`adoption in a page: ${bundle.gzippedApart['adoption']} bytes of 1792`);
    expect(bundle.gzippedApart['adoption']).toBeLessThanOrEqual(1_792);
  });

  it('has what hears of progress apart, in at most 1,024 bytes', () => {
    console.log(`progress in a page: ${bundle.gzippedApart['call-progress']} bytes of 1024`);
    expect(bundle.gzippedApart['call-progress']).toBeLessThanOrEqual(1_024);
  });

  it('has jobs that outlive their clients apart, in at most 4,608 bytes', () => {
    console.log(
      `jobs that outlive their clients in a page: ${bundle.gzippedApart['stored-job']} bytes of 4608`,
    );
    expect(bundle.gzippedApart['stored-job']).toBeLessThanOrEqual(4_608);
  });

  it('is at most 1 KiB larger with functions that have types', async () => {
    const { gzipped } = await bundleApp(TYPED_APP);
    console.log(`functions with types in a page: ${gzipped - bundle.gzipped} bytes of 1024`);
    expect(gzipped - bundle.gzipped).toBeGreaterThan(512);
    expect(gzipped - bundle.gzipped).toBeLessThanOrEqual(1_024);
  });

  it.each(FORBIDDEN)('has no %s in it', (_name, pattern) => {
    const at = bundle.code.search(pattern);
    expect(at < 0 ? '' : bundle.code.slice(Math.max(0, at - 60), at + 60)).toBe('');
  });
});
