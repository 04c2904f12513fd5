/** Packages that a user installs beside frond, and what is said of one that does not load. */
import { invalidCall, messageOf, type PalmError } from '../../src/protocol/errors.ts';

/**
 * The error for a package that did not load: where it is not there, the command that installs it; where it is there and fails, as one
 * whose binary a bundler has left out, why.
 * @param what - what needs it.
 */
export function didNotLoad(what: string, name: string, cause: unknown): PalmError {
  const [reason = ''] = messageOf(cause).split('\n', 1);
  const text = isMissing(name, cause)
    ? `${what} needs the package ${name}, which is not installed: npm install ${name}`
    : `${what} needs the package ${name}, which is there and cannot be loaded: ${reason}`;
  return invalidCall(text, { cause });
}

/** Whether the package itself was not found, and not something that it needs. */
function isMissing(name: string, cause: unknown): boolean {
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
  const isNotFound = code === 'MODULE_NOT_FOUND' || code === 'ERR_MODULE_NOT_FOUND';
  return isNotFound && new RegExp(`(module|package) ["']${name}["']`, 'i').test(messageOf(cause));
}
