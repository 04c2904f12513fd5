/** Bytes from stdin and files. */
import { open } from 'node:fs/promises';
import { addAbortSignal, type Readable } from 'node:stream';
import { messageOf, PalmError } from '../src/protocol/errors.ts';
import type { CommandContext } from './command.ts';
import { CommandError } from './errors.ts';
import { quoted } from './terminal/text.ts';

const NEWLINE = 0x0a;
/** Bytes of the longest line. A stream without newlines would otherwise fill the memory. */
const LONGEST_LINE = 256 * 1024 * 1024;

/** All bytes of a stream. @throws CommandError `INPUT` when it cannot be read, or the signal's reason. */
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

/** Opens a file for reading. @throws CommandError `INPUT` when it cannot be opened. */
export async function openFile(path: string): Promise<Readable> {
  try {
    return (await open(path)).createReadStream();
  } catch (error) {
    throw unreadable(quoted(path), error);
  }
}

/**
 * The lines of a stream as bytes, without the newline, which the last line may lack. Reads no further than its consumer.
 * @param name - what is read, for errors.
 * @throws CommandError `INPUT` when the stream cannot be read; PalmError `TOO_LARGE` for a line of more than 256 MiB.
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

/** The error for something that cannot be read. @param name - what it is, for the user. */
export function unreadable(name: string, error: unknown): CommandError {
  return new CommandError('INPUT', `${name} cannot be read: ${reasonOf(error)}`, undefined, error);
}

/** The error for something that cannot be written. @param name - what it is, for the user. */
export function unwritable(name: string, error: unknown): CommandError {
  return new CommandError('OUTPUT', `${name} cannot be written: ${reasonOf(error)}`, undefined, error);
}

/** The system's message, without the name of the system call at its end. */
function reasonOf(error: unknown): string {
  return messageOf(error).replace(/, \w+( '.*')?$/s, '');
}

/**
 * The bytes that a command sends: its argument or, without one, stdin.
 * @param what - what the user types at a terminal: `payload` or `value`.
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

/** Tells a user at a terminal that the command reads what they type. */
export function announceTerminal({ io, screen }: CommandContext, what: string): void {
  if (io.stdin.isTTY === true) screen.line(`frond: type the ${what}; Ctrl-D ends it`);
}

/** Whether an error says that a file does not exist. */
export function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}
