/** The error for an optional package that does not load. */
import { invalidCall, messageOf, type PalmError } from '../../src/protocol/errors.ts';

/**
 * Makes the error for a package that did not load. For a missing package it names the command that installs it. For a package that is there
 * and fails, as when a bundler left out its binary, it has the reason.
 * @param what - what needs the package.
 */
export function didNotLoad(what: string, name: string, cause: unknown): PalmError {
  const [reason = ''] = messageOf(cause).split('\n', 1);
  const text = isMissing(name, cause)
    ? `${what} needs the package ${name}, which is not installed: npm install ${name}`
    : `${what} needs the package ${name}, which is installed but does not load: ${reason}`;
  return invalidCall(text, { cause });
}

/** Whether the package itself was not found, rather than something that it needs. */
function isMissing(name: string, cause: unknown): boolean {
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
  const isNotFound = code === 'MODULE_NOT_FOUND' || code === 'ERR_MODULE_NOT_FOUND';
  return isNotFound && new RegExp(`(module|package) ["']${name}["']`, 'i').test(messageOf(cause));
}
