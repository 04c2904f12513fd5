import { decodeUtf8 } from '../protocol/utf8.ts';
import type { Output } from './output.ts';

/**
 * How results are written.
 * - `json`: an object on a line of its own.
 * - `lines`: the bytes and a newline.
 * - `exact`: the bytes, and nothing else unless stdout is a terminal, where the prompt must not stick to them.
 */
export type ResultFormat = 'json' | 'lines' | 'exact';

const NEWLINE = Buffer.from('\n');

/** Writes one result. What it gives must be awaited. */
export function writeResult(
  output: Output,
  result: Uint8Array,
  format: ResultFormat,
): Promise<void> | undefined {
  if (format === 'json') return output.line(JSON.stringify(jsonOf(result)));
  const addsNewline = format === 'lines' || (output.isTerminal && result.at(-1) !== NEWLINE[0]);
  return output.write(addsNewline ? Buffer.concat([result, NEWLINE]) : result);
}

/** A payload as JSON says it: as text if it is UTF-8, else in base64. */
export function jsonOf(payload: Uint8Array): { readonly text: string } | { readonly base64: string } {
  try {
    return { text: decodeUtf8(payload) };
  } catch {
    return { base64: Buffer.from(payload).toString('base64') };
  }
}
