/** Loads the modules that a user names. */

import { stat } from 'node:fs/promises';
import { relative, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { messageOf } from '../../src/protocol/errors.ts';
import { unlessAborted } from '../ending.ts';
import { CommandError } from '../errors.ts';
import { unreadable } from '../input.ts';
import { shellWord } from '../io.ts';
import { quoted } from '../terminal/text.ts';

/**
 * The default export of a module or, when that is a function, what the function returns or resolves with.
 * @throws CommandError `INPUT` when there is no such file, `MODULE` when the module throws or has no default export; the
 * signal's reason.
 */
export async function loadModule(file: string, signal: AbortSignal): Promise<unknown> {
  const name = quoted(file);
  const path = resolve(file);
  await checkFile(path, name);
  const exported = await unlessAborted(signal, load(path, name));
  if (typeof exported !== 'function') return exported;
  const returned = (async () => exported())().catch((error) => {
    throw failure(`the function that ${name} exports threw`, error);
  });
  return unlessAborted(signal, returned);
}

async function checkFile(path: string, name: string): Promise<void> {
  const found = await stat(path).catch((error) => {
    throw unreadable(name, error);
  });
  if (!found.isFile()) throw new CommandError('INPUT', `${name} is not a file`);
}

async function load(path: string, name: string): Promise<unknown> {
  let module: { readonly default?: unknown };
  try {
    module = await import(/* @vite-ignore */ pathToFileURL(path).href);
  } catch (error) {
    throw notLoaded(path, name, error);
  }
  const exported = unwrapped(module.default);
  if (exported !== undefined) return exported;
  const others = Object.keys(module).filter((one) => one !== 'default');
  const instead = others.length === 0 ? 'nothing' : others.join(', ');
  throw new CommandError(
    'MODULE',
    `${name} has no default export; it exports ${instead}`,
    'write: export default …',
  );
}

/** In a module that was compiled to CommonJS, `export default` is one level deeper. */
function unwrapped(exported: unknown): unknown {
  if (typeof exported !== 'object' || exported === null || !('__esModule' in exported)) return exported;
  return 'default' in exported ? exported.default : undefined;
}

function notLoaded(path: string, name: string, error: unknown): CommandError {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code === 'ERR_UNKNOWN_FILE_EXTENSION') return unknownExtension(path, error);
  // Of a syntax error in an imported module, V8 does not say where it is.
  const isUnplaced = error instanceof SyntaxError && placeOf(error) === undefined;
  const [, missing] =
    code === 'ERR_MODULE_NOT_FOUND' ? (/package '([^']+)'/.exec(messageOf(error)) ?? []) : [];
  const hint = isUnplaced
    ? `node --check ${shellWord(near(path))} shows where`
    : missing === undefined
      ? STACK_HINT
      : `npm install ${missing}, where the module is`;
  return failure(`${name} cannot be loaded`, error, hint);
}

function unknownExtension(path: string, error: unknown): CommandError {
  const [, file = path] = /for (.+)$/.exec(messageOf(error)) ?? [];
  const name = quoted(near(file));
  if (!/\.[mc]?tsx?$/.test(file)) {
    const text = `${name} cannot be loaded: it must be a .mjs, .js, .cjs or .ts file`;
    return new CommandError('MODULE', text, undefined, error);
  }
  const text = `${name} cannot be loaded: this version of Node, ${process.version}, does not run TypeScript`;
  const hint =
    "use Node 22.18 or newer, or compile the file, or install tsx and set NODE_OPTIONS='--import tsx'";
  return new CommandError('MODULE', text, hint, error);
}

const STACK_HINT = '--verbose shows the stack';

/** The error for what a user's code threw, with the place where it did. */
function failure(what: string, error: unknown, hint = STACK_HINT): CommandError {
  const name = error instanceof Error && error.name !== 'Error' ? `${error.name}: ` : '';
  const place = placeOf(error);
  const where = place === undefined ? '' : ` (${place})`;
  return new CommandError('MODULE', `${what}: ${name}${messageOf(error)}${where}`, hint, error);
}

/** `file:line` of the first line of the stack that is neither in Node nor in this file. */
function placeOf(error: unknown): string | undefined {
  const stack = error instanceof Error ? (error.stack ?? '') : '';
  for (const line of stack.split('\n')) {
    const [, place, number] = /(file:\/\/[^\s()]+?|\/[^()]+?):(\d+)(?::\d+)?\)?$/.exec(line) ?? [];
    if (place === undefined || line.includes('node:')) continue;
    const path = place.startsWith('file:') ? fileURLToPath(place) : place;
    if (path !== fileURLToPath(import.meta.url)) return `${near(path)}:${number}`;
  }
  return undefined;
}

/** The path relative to the current directory, if it is inside. */
function near(path: string): string {
  const short = relative(process.cwd(), path);
  return short === '' || short.startsWith('..') ? path : short;
}
