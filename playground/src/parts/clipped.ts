import { grouped } from '../state/numbers.ts';

/** The beginning of a text, and how much more there is. */
export function clipped(text: string, most: number): string {
  if (text.length <= most) return text;
  return `${text.slice(0, most)}… and ${grouped(text.length - most)} characters more`;
}
