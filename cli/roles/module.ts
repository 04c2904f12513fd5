/** Modules that a user names: loaded, and their default export settled. */

import { stat } from 'node:fs/promises';
import { relative, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { inspectValue, messageOf } from '../../src/protocol/errors.ts';
import { unlessAborted } from '../ending.ts';
import { CommandError } from '../errors.ts';
import { unreadable } from '../input.ts';
import { quoted } from '../terminal/text.ts';

/**
 * What a module gives: its default export or, when that is a function, what it gives back, at once or later.
 * @throws CommandError `INPUT` when there is no such file, `MODULE` when it throws or exports no default, and the
 * signal's reason.
 */
export async function loadModule(file: string, signal: AbortSignal): Promise<unknown> {
  const name = quoted(file);
  const path = resolve(file);
  await checkFile(path, name);
  const exported = await unlessAborted(signal, load(path, name));
  if (typeof exported !== 'function') return exported;
  const giving = (async () => exported())().catch((error) => {
    throw failure(`the function that ${name} exports threw`, error);
  });
  return unlessAborted(signal, giving);
}

async function checkFile(path: string, name: string): Promise<void> {
  const found = await stat(path).catch((error) => {
    throw unreadable(name, error);
  });
  if (!found.isFile()) throw new CommandError('INPUT', `${name} is no file`);
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

/** A module that was compiled from `export default` to CommonJS keeps it one level deeper. */
function unwrapped(exported: unknown): unknown {
  if (typeof exported !== 'object' || exported === null || !('__esModule' in exported)) return exported;
  return 'default' in exported ? exported.default : undefined;
}

function notLoaded(path: string, name: string, error: unknown): CommandError {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code === 'ERR_UNKNOWN_FILE_EXTENSION') return unknownExtension(path, error);
  // V8 tells where a module's syntax is wrong only to who runs it.
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
    const text = `${name} cannot be loaded: Node runs .mjs, .js, .cjs and .ts files`;
    return new CommandError('MODULE', text, undefined, error);
  }
  const text = `${name} cannot be loaded: this Node, ${process.version}, runs no TypeScript`;
  const hint = "Node 22.18 or newer; or compile it; or NODE_OPTIONS='--import tsx' with the package tsx";
  return new CommandError('MODULE', text, hint, error);
}

const STACK_HINT = '--verbose shows the stack';

/** What somebody's code threw, with the place where. */
function failure(what: string, error: unknown, hint = STACK_HINT): CommandError {
  const name = error instanceof Error && error.name !== 'Error' ? `${error.name}: ` : '';
  const place = placeOf(error);
  const where = place === undefined ? '' : ` (${place})`;
  return new CommandError('MODULE', `${what}: ${name}${messageOf(error)}${where}`, hint, error);
}

/** `file:line` of the first line of the stack that is not in Node or here. */
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

/** The path as a user would write it. */
function near(path: string): string {
  const short = relative(process.cwd(), path);
  return short === '' || short.startsWith('..') ? path : short;
}

function shellWord(text: string): string {
  return /^[\w./@-]+$/.test(text) ? text : inspectValue(text);
}
