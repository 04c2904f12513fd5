import { escapedLines } from '../protocol/printable.ts';
import { decodeUtf8, encodeUtf8 } from '../protocol/bytes.ts';
import type { Output } from '../../cli/terminal/output.ts';
import { grouped } from '../../cli/terminal/progress.ts';

/**
 * How results are written.
 * - `json`: an object on a line of its own.
 * - `lines`: the bytes and a newline.
 * - `exact`: the bytes, and nothing else.
 *
 * A terminal gets bytes only as text: with what would act on it escaped, and a newline at the end for the prompt. In place of
 * other bytes it is told how many there are.
 */
export type ResultFormat = 'json' | 'lines' | 'exact';

const NEWLINE = Buffer.from('\n');

/** Writes one result. What it gives must be awaited. */
export function writeResult(
  output: Output,
  result: Uint8Array,
  format: ResultFormat,
): Promise<void> | undefined {
  if (format === 'json') return output.json(jsonOf(result));
  if (output.isTerminal) {
    const shown = shownOf(result);
    return format === 'exact' && shown.endsWith('\n') ? output.write(encodeUtf8(shown)) : output.line(shown);
  }
  return output.write(format === 'lines' ? Buffer.concat([result, NEWLINE]) : result);
}

function shownOf(result: Uint8Array): string {
  try {
    return escapedLines(decodeUtf8(result));
  } catch {
    return `(${grouped(result.length)} bytes that are not text: > FILE saves them, --json shows them in base64)`;
  }
}

/** A payload as JSON says it: as text if it is UTF-8, else in base64. */
export function jsonOf(payload: Uint8Array): { readonly text: string } | { readonly base64: string } {
  try {
    return { text: decodeUtf8(payload) };
  } catch {
    return { base64: Buffer.from(payload).toString('base64') };
  }
}
