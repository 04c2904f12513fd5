/**
 * `npm run test:fuzz:coverage [-- TARGET…] [--seconds N] [--runs N] [--seed N] [--jobs N] [--keep]` fuzzes each target, or the named ones, for N seconds, or
 * for N inputs if those end first, two at a time. The same seed and number of inputs try almost the same again. Inputs that break a claim are kept in test/fuzz/crashes, where `npm test` tries them again. With --keep, inputs that reach new code
 * are added to test/fuzz/corpus.
 */
import { spawn } from 'node:child_process';
import {
  createWriteStream,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { corpusOf, crashesOf, readInputs, writeInputs } from './files.ts';
import { loadTarget, TARGETS } from './targets.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seconds: { type: 'string', default: '60' },
    runs: { type: 'string', default: String(2 ** 31 - 1) },
    seed: { type: 'string', default: String(1 + Math.floor(Math.random() * 0x7fff_fffe)) },
    jobs: { type: 'string', default: '2' },
    keep: { type: 'boolean', default: false },
  },
});
const [seconds, runs, seed, jobs] = [values.seconds, values.runs, values.seed, values.jobs].map(Number);
if (![seconds, runs, seed, jobs].every((value) => Number.isSafeInteger(value) && Number(value) > 0)) {
  throw new Error('--seconds, --runs, --seed and --jobs must be whole numbers from 1 on');
}

/** MiB that the process may use. */
const LARGEST = 2_048;

const work = mkdtempSync(join(tmpdir(), 'frond-fuzz-'));
const names = positionals.length > 0 ? positionals : Object.keys(TARGETS);
const waiting = [...names];
let findings = 0;

console.log(`seed ${seed}`);
console.log('target'.padEnd(16), 'executions   each second   branches taken   new inputs   findings');
await Promise.all(Array.from({ length: Math.min(Number(jobs), names.length) }, runNext));
rmSync(work, { recursive: true });
process.exitCode = findings === 0 ? 0 : 1;

async function runNext(): Promise<void> {
  for (let name = waiting.shift(); name !== undefined; name = waiting.shift()) await runOne(name);
}

async function runOne(name: string): Promise<void> {
  const { longest, seeds, words = [] } = await loadTarget(name);
  const own = join(work, name);
  const [found, begun, dictionary, log] = ['found', 'begun', 'words', 'log'].map((part) =>
    join(own, part),
  ) as [string, string, string, string];
  mkdirSync(found, { recursive: true });
  writeInputs(begun, seeds());
  writeFileSync(dictionary, words.map(dictionaryLine).join('\n'));
  const before = new Set(readInputs(crashesOf(name)).keys());
  mkdirSync(crashesOf(name), { recursive: true });
  const corpora = [found, corpusOf(name), begun].filter(existsSync);
  const code = await engine(name, log, {}, [
    ...corpora,
    `-max_total_time=${seconds}`,
    `-runs=${runs}`,
    `-seed=${seed}`,
    `-max_len=${longest}`,
    `-dict=${dictionary}`,
    `-artifact_prefix=${crashesOf(name)}/`,
    `-rss_limit_mb=${LARGEST}`,
    '-use_value_profile=1',
    // On a busy machine any input can be slow; CPU time is measured after each.
    '-report_slow_units=1000',
    '-print_final_stats=1',
  ]);
  const told = readFileSync(log, 'utf8');
  const news = [...readInputs(crashesOf(name)).keys()].filter((one) => !before.has(one));
  if (readInputs(crashesOf(name)).size === 0) rmSync(crashesOf(name), { recursive: true });
  const figures = [
    last(told, /stat::number_of_executed_units:\s*(\d+)/g) ?? last(told, /#(\d+)\s/g),
    last(told, /stat::average_exec_per_sec:\s*(\d+)/g) ?? last(told, /exec\/s: (\d+)/g),
    `${last(told, /cov: (\d+)/g)} of ${last(told, /branches: (\d+)/g)}`,
    readInputs(found).size,
    news.length,
  ];
  const [widths, texts] = [[10, 13, 16, 12, 10], figures.map(String)];
  console.log(name.padEnd(15), texts.map((text, i) => text.padStart(widths[i] ?? 0)).join(' '));
  if (code !== 0) {
    findings++;
    const about = told
      .split('\n')
      .filter((line) => /ERROR|Violation|Error:|^\s+at |Base64|Test unit/.test(line));
    console.log(
      `${name} ended with ${code}\n${(about.length > 0 ? about : told.split('\n')).slice(-30).join('\n')}`,
    );
    for (const one of news) console.log(`kept as ${join(crashesOf(name), one)}`);
  }
  if (values.keep) {
    const folders = [found, corpusOf(name)].join('\n');
    const ended = await engine(name, log, { FUZZ_MINIMIZE: folders }, ['-runs=0']);
    if (ended !== 0)
      throw new Error(`the corpus of ${name} could not be made:\n${readFileSync(log, 'utf8')}`);
  }
}

/** Resolves with the exit code. */
function engine(name: string, log: string, env: object, args: readonly string[]): Promise<number | null> {
  const script = fileURLToPath(new URL('engine.ts', import.meta.url));
  const child = spawn(process.execPath, ['--import', 'tsx', script, ...args], {
    env: { ...process.env, ...env, FUZZ_TARGET: name },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const output = createWriteStream(log);
  child.stdout.pipe(output, { end: false });
  child.stderr.pipe(output, { end: false });
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => output.end(() => resolve(code)));
  });
}

function last(text: string, pattern: RegExp): string | undefined {
  return [...text.matchAll(pattern)].at(-1)?.[1];
}

/** A word as libFuzzer's dictionaries have it: in quotation marks, with escapes. */
function dictionaryLine(word: string): string {
  const escaped = Array.from(Buffer.from(word, 'latin1'), (byte) =>
    byte > 0x1f && byte < 0x7f && byte !== 0x22 && byte !== 0x5c
      ? String.fromCharCode(byte)
      : `\\x${byte.toString(16).padStart(2, '0')}`,
  );
  return `"${escaped.join('')}"`;
}
