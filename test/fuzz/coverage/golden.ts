/** Seeds from test/fixtures/golden.json, which Python's protobuf made. */
import { readFileSync } from 'node:fs';
import type { Bytes } from '../../../src/protocol/bytes.ts';

interface Golden {
  readonly hex?: string;
}

/** All golden frames up to 1 KiB, invalid ones included. */
export function goldenFrames(): Bytes[] {
  const path = new URL('../../fixtures/golden.json', import.meta.url);
  const golden: Readonly<Record<'messages' | 'decodes' | 'decodeErrors', readonly Golden[]>> = JSON.parse(
    readFileSync(path, 'utf8'),
  );
  return [...golden.messages, ...golden.decodes, ...golden.decodeErrors].flatMap(({ hex }) =>
    hex === undefined || hex.length > 2_048 ? [] : [new Uint8Array(Buffer.from(hex, 'hex'))],
  );
}
