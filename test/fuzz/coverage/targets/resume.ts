import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type LineFormat, readResults } from '../../../../cli/commands/map-resume.ts';
import type { Bytes } from '../../../../src/protocol/bytes.ts';
import { bytes } from '../../../support/bytes.ts';
import { claim, readLaterOr } from '../claims.ts';
import type { Target } from '../target.ts';

const file = join(mkdtempSync(join(tmpdir(), 'frond-fuzz-')), 'results');

/** Formats by the first character of an input; the rest is the file. */
const FORMATS: Readonly<Record<string, LineFormat>> = { n: 'jsonl', j: 'json', l: 'plain' };

/** The file of `frond map --resume`. */
export const target: Target = {
  longest: 512,
  seeds: () =>
    [
      'n{"index":0,"status":"fulfilled","value":{"text":"A"}}\n{"index":2,"status":"rejected","error":{}}\n{"ind',
      'n{"index":1e999}\n',
      'n{"index":1,"status":"fulfilled","index":7}\n',
      'n{"__proto__":{"index":1}}\n',
      'j{"text":"A"}\n{"base64":"AA=="}\n{"te',
      'lA\nB\nC',
      'l',
    ].map(bytes),
  words: [
    '{"index":',
    '"status":"fulfilled"',
    '"status":"rejected"',
    '"value":{"text":"',
    '{"text":"',
    '{"base64":"',
    '}\n',
    '\r\n',
    '"__proto__":',
  ],
  check: run,
};

async function run(data: Bytes): Promise<void> {
  const format = FORMATS[String.fromCharCode(data[0] ?? 0)] ?? 'jsonl';
  const before = data.slice(1);
  writeFileSync(file, before);
  const results = await readLaterOr(() => readResults(file, format), 'INPUT');
  claim(readFileSync(file).equals(before), 'a file was changed by reading it');
  if (results === undefined) return;
  const { done, size, whole } = results;
  claim(size === before.length && whole === before.lastIndexOf(0x0a) + 1, 'a file is of another length');
  const lines = Buffer.from(before.subarray(0, whole)).toString().split('\n').slice(0, -1);
  claim(done.count <= lines.length && done.count <= done.end, 'more inputs are done than there are results');
  for (const [number, line] of lines.entries()) {
    const index = format === 'jsonl' ? Number(/^\{"index":(\d+),/.exec(line)?.[1]) : number;
    claim(done.has(index) && index < done.end, `line ${number + 1} names no input, or was not counted`);
    claim(format === 'plain' || typeof JSON.parse(line) === 'object', `line ${number + 1} is not JSON`);
  }
  claim(!done.has(done.end) && !done.has(2 ** 40), 'an input without a result counts as done');
}
