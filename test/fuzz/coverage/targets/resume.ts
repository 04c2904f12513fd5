import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readDone } from '../../../../src/cli/resume.ts';
import type { Bytes } from '../../../../src/protocol/utf8.ts';
import { bytes } from '../../../bytes.ts';
import { claim, readLaterOr } from '../claims.ts';
import type { Target } from '../target.ts';

const file = join(mkdtempSync(join(tmpdir(), 'frond-fuzz-')), 'results');

/**
 * The file of `frond map --resume`. The first character of an input is `n` when each line names its input; the rest is the
 * file.
 */
export const target: Target = {
  longest: 512,
  seeds: () =>
    [
      'n{"index":0,"status":"fulfilled","value":{"text":"A"}}\n{"index":2,"status":"rejected","error":{}}\n{"ind',
      'n{"index":1e999}\n',
      'n{"__proto__":{"index":1}}\n',
      'lA\nB\nC',
      'l',
    ].map(bytes),
  words: [
    '{"index":',
    '"status":"fulfilled"',
    '"value":{"text":"',
    '"base64":',
    '}\n',
    '\r\n',
    '"__proto__":',
  ],
  check: run,
};

async function run(data: Bytes): Promise<void> {
  const isNumbered = data[0] === 0x6e;
  const before = data.slice(1);
  writeFileSync(file, before);
  const done = await readLaterOr(() => readDone(file, isNumbered), 'INPUT', 'TOO_LARGE');
  const after = readFileSync(file);
  if (done === undefined) {
    claim(after.equals(before), 'a file was refused and changed');
    return;
  }
  claim(Buffer.from(before).subarray(0, after.length).equals(after), 'results were changed');
  const whole = before.lastIndexOf(0x0a) + 1;
  claim(after.length === whole || after.length === before.length, 'a whole line was cut');
  const lines = after.toString().split('\n').slice(0, -1);
  claim(done.count <= lines.length, 'more inputs are done than there are results');
  for (const [number, line] of lines.entries()) {
    const index = isNumbered ? indexIn(line) : number;
    claim(index !== undefined && done.has(index), `line ${number + 1} names no input, or was not counted`);
  }
  claim(!done.has(lines.length + 2 ** 40), 'an input without a result counts as done');
}

/** Undefined when the line has no index of its own. */
function indexIn(line: string): number | undefined {
  const value: unknown = JSON.parse(line);
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, 'index')) return undefined;
  return 'index' in value ? Number(value.index) : undefined;
}
