import type { Bytes } from '../../src/protocol/bytes.ts';

/** UTF-8 bytes of a text, for tests. */
export function bytes(text: string): Bytes {
  return new TextEncoder().encode(text);
}

/** The text that bytes say, for tests. */
export function textOf(payload: Uint8Array): string {
  return new TextDecoder().decode(payload);
}
