import { expect } from 'vitest';
import type { Ended } from '../support/command.ts';

/** Expects one line `frond: CODE: …`, nothing on stdout, and no stack. */
export function expectFailure(ended: Ended, code: number, error: RegExp): void {
  expect(ended.stderr).toMatch(error);
  expect(ended.stderr.split('\n').filter((line) => line.startsWith('frond: ')).length).toBe(1);
  expect(ended.stderr).not.toMatch(/^\s+at /m);
  expect(ended.stdout.length).toBe(0);
  expect(ended.code).toBe(code);
}
