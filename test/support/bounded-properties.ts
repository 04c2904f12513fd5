/**
 * Ends a property after some seconds with what it has tried by then: on a busy machine it has tried less, and not failed. Vitest runs
 * this before every file (`setupFiles`).
 */
import { readFileSync } from 'node:fs';
import { expect } from 'vitest';

/** Milliseconds. A test has 20 s, and may have more than one property. */
const LONGEST = 8_000;

const { testPath } = expect.getState();

// Most files have no property, and need not wait for the library.
if (testPath !== undefined && readFileSync(testPath, 'utf8').includes("from 'fast-check'")) {
  const { configureGlobal } = await import('fast-check');
  configureGlobal({ interruptAfterTimeLimit: LONGEST, markInterruptAsFailure: false });
}
