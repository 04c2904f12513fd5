/** The inputs of `frond map`: lines, or whole files. */
import { createReadStream } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { isAbsolute } from 'node:path';
import { Fifo } from '../../src/async/fifo.ts';
import type { CommandContext } from '../command.ts';
import { CommandError } from '../errors.ts';
import { announceTerminal, linesOf, openFile, unreadable } from '../input.ts';
import { quoted } from '../terminal/text.ts';
import type { Done } from './map-resume.ts';

/** The inputs of one run. */
export interface MapInput {
  /** The payloads of the inputs that have no result yet. */
  readonly payloads: AsyncIterable<Uint8Array>;
  /** The number of all inputs, with those that have a result; undefined until that is known. */
  total(): number | undefined;
  /** The number, among all inputs, of payload number `given`. To be called once for each payload. */
  numberOf(given: number): number;
  close(): void;
}

/**
 * Opens the inputs that the command line names.
 * @throws CommandError `USAGE` for arguments that exclude each other, `INPUT` for files that cannot be read.
 */
export async function openMapInput(context: CommandContext, done: Done): Promise<MapInput> {
  const { options, positionals } = context;
  const [, ...files] = positionals;
  const patterns = options.texts('files');
  const path = options.text('input');
  if (files.length === 0 && patterns.length === 0) return lineInput(context, path ?? '-', done);
  if (path !== undefined)
    throw new CommandError(
      'USAGE',
      '--input and files exclude each other: give a file of lines, or files that are one input each',
    );
  for (const pattern of patterns) {
    const found = await filesLike(pattern);
    if (found.length === 0) throw new CommandError('INPUT', `no file matches ${quoted(pattern)}`);
    files.push(...found);
  }
  return numbered(
    (async function* () {
      for (const file of files) yield () => contentOf(file);
    })(),
    done,
    { total: files.length, close: () => {} },
  );
}

async function lineInput(context: CommandContext, path: string, done: Done): Promise<MapInput> {
  const { io, screen } = context;
  const isStdin = path === '-';
  const source = isStdin ? io.stdin : await openFile(path);
  if (isStdin) announceTerminal(context, 'lines');
  const total = isStdin || !screen.canRedraw ? undefined : await countLines(path);
  const lines = linesOf(source, isStdin ? 'stdin' : quoted(path));
  return numbered(
    (async function* () {
      for await (const line of lines) yield () => line;
    })(),
    done,
    { total, close: () => source.destroy() },
  );
}

/** Skips the inputs that are done, and remembers the numbers of the others. */
function numbered(
  inputs: AsyncIterable<() => Uint8Array | Promise<Uint8Array>>,
  done: Done,
  { total, close }: { readonly total: number | undefined; readonly close: () => void },
): MapInput {
  let [count, isOver] = [0, false];
  // Numbers of the payloads that numberOf has not reached yet.
  const open = new Fifo<number>();
  let asked = 0;
  const early = new Map<number, number>();
  return {
    payloads: (async function* () {
      for await (const read of inputs) {
        const index = count++;
        if (done.has(index)) continue;
        open.push(index);
        yield await read();
      }
      isOver = true;
    })(),
    total: () => total ?? (isOver ? count : undefined),
    numberOf: (given) => {
      for (; asked <= given; asked++) early.set(asked, open.shift() ?? asked);
      const number = early.get(given) ?? given;
      early.delete(given);
      return number;
    },
    close,
  };
}

async function contentOf(path: string): Promise<Uint8Array> {
  try {
    return await readFile(path);
  } catch (error) {
    throw unreadable(quoted(path), error);
  }
}

/** The number of lines of a file; undefined for a pipe and the like, which can be read only once. */
async function countLines(path: string): Promise<number | undefined> {
  if (!(await stat(path)).isFile()) return undefined;
  let count = 0;
  for await (const _ of linesOf(createReadStream(path), path)) count++;
  return count;
}

/**
 * The files that a pattern matches, sorted: for shells that expand none, and for more files than a command line takes. `*`,
 * `?`, `**`, `[…]` and `{…}` mean what they mean in a shell, and `\` makes the next character plain. A name that begins with
 * a dot is matched only by a part that does too. A folder that cannot be read has no files.
 */
export async function filesLike(pattern: string): Promise<string[]> {
  const { glob } = await import('tinyglobby');
  // For the library they group parts; in names such as "photo (1).jpg" they are just characters.
  const plain = pattern.replace(/(?<!\\)[()]/g, '\\$&');
  const files = await glob(plain, { absolute: isAbsolute(pattern), expandDirectories: false });
  return files.sort();
}
