/** What is said of a package that does not load. */
import { createRequire } from 'node:module';
import { expect, test } from 'vitest';
import { didNotLoad } from '../../../../transports/shared/peer-package.ts';

async function failureOf(load: () => unknown): Promise<unknown> {
  try {
    await load();
  } catch (error) {
    return error;
  }
  throw new Error('it loaded');
}

const absent = 'a-package-that-is-not-there';
const withCode = (message: string, code: string) => Object.assign(new Error(message), { code });

test.each([
  ['require', () => createRequire(import.meta.url)(absent)],
  [
    'import',
    () => {
      throw withCode(`Cannot find package '${absent}' imported from /x.js`, 'ERR_MODULE_NOT_FOUND');
    },
  ],
  [
    'Deno',
    () => {
      throw withCode(`Could not find package "${absent}" from referrer`, 'ERR_MODULE_NOT_FOUND');
    },
  ],
])('one that is not installed, as %s says it: the command that installs it', async (_, load) => {
  const cause = await failureOf(load);
  const error = didNotLoad('the relay', absent, cause);
  expect(error.message).toBe(
    `the relay needs the package ${absent}, which is not installed: npm install ${absent}`,
  );
  expect(error).toMatchObject({ code: 'INVALID_CALL', sent: false, cause });
});

test.each([
  [
    withCode("Cannot find module '../build/manifest.json'\nRequire stack:\n- x", 'MODULE_NOT_FOUND'),
    "Cannot find module '../build/manifest.json'",
  ],
  [withCode("Cannot find module 'cmake-ts'", 'MODULE_NOT_FOUND'), "Cannot find module 'cmake-ts'"],
  [
    new Error('Failed to load zeromq.js addon.node: Error: Manifest file not found\n    at x'),
    'Failed to load zeromq.js addon.node: Error: Manifest file not found',
  ],
  [
    new TypeError('A dynamic import callback was invoked without --experimental-vm-modules'),
    'A dynamic import callback was invoked without --experimental-vm-modules',
  ],
  ['a text', 'a text'],
])('one that is there: why it fails, %s', (cause, reason) => {
  expect(didNotLoad('frond/zeromq', 'zeromq', cause).message).toBe(
    `frond/zeromq needs the package zeromq, which is installed but does not load: ${reason}`,
  );
});
