/** The inputs of jobs. */
import type { Format } from './formats.ts';
import { hexOf } from './hex.ts';

export const INPUTS = ['numbers', 'words', 'lines'] as const;
export type InputKind = (typeof INPUTS)[number];

/** Ash, oak and whatever else has leaves: some words to go round. */
export const WORDS =
  'ash beech birch cedar elder elm fern fig frond hazel ivy larch laurel leaf lime maple moss oak olive palm pine rowan sedge willow yew'.split(
    ' ',
  );

export interface InputChoice {
  readonly kind: InputKind;
  /** Of numbers and words. */
  readonly count: number;
  readonly lines: readonly string[];
}

export function inputCount({ kind, count, lines }: InputChoice): number {
  return kind === 'lines' ? lines.length : count;
}

/** The inputs, written in the format. Lines are written in it already. */
export function* inputsOf({ kind, count, lines }: InputChoice, format: Format): Generator<string> {
  if (kind === 'lines') {
    yield* lines;
    return;
  }
  const isJson = format === 'json' || format === 'msgpack';
  for (let n = 0; n < count; n++) {
    const made = kind === 'numbers' ? String(n + 1) : (WORDS[n % WORDS.length] ?? '');
    if (format === 'hex') yield hexOf(new TextEncoder().encode(made));
    else yield isJson && kind === 'words' ? JSON.stringify(made) : made;
  }
}

export function isInputKind(value: string): value is InputKind {
  return INPUTS.some((kind) => kind === value);
}
