/** Bytes from stdin and files. */
import { open } from 'node:fs/promises';
import { addAbortSignal, type Readable } from 'node:stream';
import { messageOf, PalmError } from '../src/protocol/errors.ts';
import type { CommandContext } from './command.ts';
import { CommandError } from './errors.ts';
import { quoted } from './terminal/text.ts';

const NEWLINE = 0x0a;
/** A line longer than this is no line but a stream without any: it would only fill the memory. */
const LONGEST_LINE = 256 * 1024 * 1024;

/** Everything that a stream gives. @throws CommandError `INPUT`, or the signal's reason. */
export async function readAll(stream: Readable, name: string, signal: AbortSignal): Promise<Uint8Array> {
  const chunks: Buffer[] = [];
  try {
    for await (const chunk of addAbortSignal(signal, stream)) chunks.push(chunk);
  } catch (error) {
    signal.throwIfAborted();
    throw unreadable(name, error);
  }
  return Buffer.concat(chunks);
}

/** Opens a file to read. @throws CommandError `INPUT` when that is not possible. */
export async function openFile(path: string): Promise<Readable> {
  try {
    return (await open(path)).createReadStream();
  } catch (error) {
    throw unreadable(quoted(path), error);
  }
}

/**
 * The lines of a stream, their bytes as they are, without the newline; a last line needs none. Reads no more than is
 * taken.
 * @throws CommandError `INPUT`; PalmError `TOO_LARGE` for a line that does not end.
 */
export async function* linesOf(stream: Readable, name: string): AsyncGenerator<Uint8Array, void> {
  let pieces: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      let from = 0;
      for (;;) {
        const end = chunk.indexOf(NEWLINE, from);
        if (end === -1) break;
        const rest = chunk.subarray(from, end);
        yield pieces.length === 0 ? rest : Buffer.concat([...pieces, rest]);
        pieces = [];
        size = 0;
        from = end + 1;
      }
      if (from === chunk.length) continue;
      size += chunk.length - from;
      if (size > LONGEST_LINE)
        throw new PalmError('TOO_LARGE', `a line of ${name} is longer than ${LONGEST_LINE} bytes`);
      pieces.push(chunk.subarray(from));
    }
  } catch (error) {
    throw error instanceof PalmError ? error : unreadable(name, error);
  }
  if (pieces.length > 0) yield Buffer.concat(pieces);
}

/** @param name - what cannot be read, as a user knows it. */
export function unreadable(name: string, error: unknown): CommandError {
  return new CommandError('INPUT', `${name} cannot be read: ${reasonOf(error)}`, undefined, error);
}

/** @param name - what cannot be written, as a user knows it. */
export function unwritable(name: string, error: unknown): CommandError {
  return new CommandError('OUTPUT', `${name} cannot be written: ${reasonOf(error)}`, undefined, error);
}

/** What the system says, without the call that it said it to. */
function reasonOf(error: unknown): string {
  return messageOf(error).replace(/, \w+( '.*')?$/s, '');
}

/**
 * The bytes that a command sends: those of its argument, or what stdin gives.
 * @param what - what is read, for people at a terminal: `payload`, `value`.
 */
export async function payloadOf(
  context: CommandContext,
  argument: string | undefined,
  what: string,
): Promise<Uint8Array> {
  if (argument !== undefined) return new TextEncoder().encode(argument);
  announceTerminal(context, what);
  return readAll(context.io.stdin, 'stdin', context.signal);
}

/** Says what a command that seems to hang is waiting for. */
export function announceTerminal({ io, screen }: CommandContext, what: string): void {
  if (io.stdin.isTTY === true) screen.line(`frond: type the ${what}; Ctrl-D ends it`);
}
