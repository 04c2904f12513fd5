import type { Environment, Terminal } from '../../cli/io.ts';

/** Emphasis for terminals; where there are no colours, every function gives its text back. */
export interface Style {
  strong(text: string): string;
  faint(text: string): string;
  accent(text: string): string;
}

/** Colours only on a terminal that has them, and never with `NO_COLOR` (no-color.org). */
export function styleFor(stream: Terminal, env: Environment): Style {
  const hasColours = stream.isTTY === true && (env.NO_COLOR ?? '') === '' && env.TERM !== 'dumb';
  const wrapped = (on: number, off: number) => (text: string) =>
    hasColours && text !== '' ? `\u001b[${on}m${text}\u001b[${off}m` : text;
  return { strong: wrapped(1, 22), faint: wrapped(2, 22), accent: wrapped(36, 39) };
}
