/** What an interrupted run has written, so that the next goes on behind it. */

import { createReadStream, createWriteStream } from 'node:fs';
import { truncate } from 'node:fs/promises';
import type { Writable } from 'node:stream';
import { CommandError } from './exit.ts';
import { linesOf, unreadable } from './input.ts';
import { quoted } from './terminal-text.ts';

/** Which inputs have their result. */
export interface Done {
  /** How many. */
  readonly count: number;
  has(index: number): boolean;
}

export const NOTHING_DONE: Done = { count: 0, has: () => false };

/**
 * Reads what is in the file, and cuts a last line that has no end: its input has no result.
 * @param isNumbered - whether each line says by itself which input it is of; else they are of the first ones, in order.
 * @throws CommandError `INPUT` when the file cannot be read, or holds something else.
 */
export async function readDone(path: string, isNumbered: boolean): Promise<Done> {
  const name = quoted(path);
  const indexes = new Set<number>();
  let [bytes, lines, whole] = [0, 0, 0];
  try {
    for await (const chunk of createReadStream(path) as AsyncIterable<Buffer>) {
      for (let at = chunk.indexOf(NEWLINE); at !== -1; at = chunk.indexOf(NEWLINE, at + 1)) {
        lines++;
        whole = bytes + at + 1;
      }
      bytes += chunk.length;
    }
    if (whole < bytes) await truncate(path, whole);
  } catch (error) {
    if (isMissing(error)) return NOTHING_DONE;
    throw unreadable(name, error);
  }
  if (!isNumbered) return { count: lines, has: (index) => index < lines };
  for await (const line of linesOf(createReadStream(path), name)) {
    const index = indexOf(line);
    if (index === undefined) {
      const text = `line ${indexes.size + 1} of ${name} is no result of frond map --jsonl`;
      throw new CommandError(
        'INPUT',
        text,
        '--resume takes the output of the same run, written with the same options',
      );
    }
    indexes.add(index);
  }
  return { count: indexes.size, has: (index) => indexes.has(index) };
}

/** A stream that writes behind what is there. */
export function appendTo(path: string): Writable {
  return createWriteStream(path, { flags: 'a' });
}

const NEWLINE = 0x0a;

function indexOf(line: Uint8Array): number | undefined {
  try {
    const { index } = JSON.parse(new TextDecoder().decode(line));
    return Number.isSafeInteger(index) && index >= 0 ? index : undefined;
  } catch {
    return undefined;
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}
