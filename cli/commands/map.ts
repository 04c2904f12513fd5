import type { CallProgress } from '../../src/client/call-progress.ts';
import type { Client } from '../../src/client/client.ts';
import type { MapOutcome } from '../../src/client/stream/map-results.ts';
import type { MapOptions } from '../../src/client/stream/options.ts';
import { PalmError } from '../../src/protocol/errors.ts';
import type { CommandContext, CommandDetails } from '../command.ts';
import { callOptions, readPath, withClient } from '../connect.ts';
import { CommandError } from '../errors.ts';
import { COMMON_OPTIONS, CONNECTION_OPTIONS, OPTIONS } from '../options.ts';
import { failureOf } from '../report.ts';
import { codecFor, SAID_CODECS } from '../said-codec.ts';
import { jsonOf, Output, writeResult } from '../terminal/output.ts';
import { grouped, showProgress, type Told } from '../terminal/progress.ts';
import { quoted } from '../terminal/text.ts';
import { type MapInput, openMapInput } from './map-input.ts';
import { type Done, type LineFormat, NOTHING_DONE } from './map-resume.ts';
import { ResultFile } from './result-file.ts';

/** Files under way at the same time: they are read whole, and may be large. */
const FILES_AT_ONCE = 16;

/** `frond map`. */
export const mapCommand: CommandDetails = {
  synopsis: ['FUNCTION[,FUNCTION…] [FILE…]'],
  about: [
    'FUNCTION is server.function. Several, separated by commas, are the stages of a pipeline, each of which must return one result. Each line of the input, without its newline, is a payload; with FILE or --files, each file is. The output has one line for each input, in the order of the inputs.',
    'An input without an answer in time, or whose connection is lost, is sent again up to --retries times. The function may then run more than once for it, but one result is written. With pylm servers, use it to survive workers that die.',
    'The first input that fails ends the run, once the results of the inputs before it are written. With --jsonl a failure is written as a line too, the run continues, and its exit code is 1. A result that contains a newline ends the run, unless --json or --jsonl is given.',
    'With --resume FILE the output is appended to FILE, and inputs whose result is already there are skipped: repeat the same command line to continue an interrupted run. The file FILE.frond-map records the function and format of FILE. A file of another function or format is refused and left unchanged. Without that record, as after > FILE, lines of --json and --jsonl are recognized by their form; for other lines give --adopt.',
    SAID_CODECS,
  ],
  examples: [
    {
      line: 'frond map demo.upper < words.txt --retries 2 --timeout 5000',
      does: 'at most 15 s for each line',
    },
    { line: 'frond map images.size *.jpg --jsonl', does: 'send whole files, and continue after failures' },
    {
      line: 'frond map texts.count --input all.txt --resume counts.txt',
      does: 'continue an interrupted run',
    },
  ],
  options: [
    ...CONNECTION_OPTIONS,
    'input',
    'files',
    'window',
    'retries',
    'deadline',
    'unordered',
    'jsonl',
    'resume',
    'adopt',
    'priority',
    'cache',
    'raw',
    'error-sentinel',
    ...COMMON_OPTIONS,
  ],
  own: {
    timeout: {
      ...OPTIONS.timeout,
      help: 'milliseconds allowed for connecting, and again for each attempt; inf for no limit',
      default: '30000; an attempt may take longer while other inputs are answered',
    },
    window: { ...OPTIONS.window, default: `2048; of files ${FILES_AT_ONCE}` },
  },
  arity: [1, Number.POSITIVE_INFINITY],
  run,
};

async function run(context: CommandContext): Promise<number> {
  const { options } = context;
  const { path, server } = readPath(context.positionals[0] ?? '');
  const resumed = options.text('resume');
  const isNumbered = options.flag('jsonl');
  if (isNumbered && options.flag('json'))
    throw new CommandError('USAGE', '--json and --jsonl exclude each other: give one of them');
  if (resumed !== undefined && options.flag('unordered') && !isNumbered) {
    const text = '--resume with --unordered needs --jsonl, whose lines say which input they are for';
    throw new CommandError('USAGE', text);
  }
  if (resumed === undefined && options.flag('adopt'))
    throw new CommandError('USAGE', '--adopt needs --resume FILE');
  const format: LineFormat = isNumbered ? 'jsonl' : options.flag('json') ? 'json' : 'plain';
  const results =
    resumed === undefined
      ? undefined
      : await ResultFile.open(resumed, { function: path.join(','), format }, options.flag('adopt'));
  const input = await openMapInput(context, results?.done ?? NOTHING_DONE);
  try {
    return await withClient(context, server, async (client, offers) => {
      const typed = client.with(await codecFor(context, path, offers));
      return results === undefined
        ? runMap(context, typed, path, input, NOTHING_DONE)
        : runInto(results, context, typed, path, input);
    });
  } finally {
    input.close();
  }
}

async function runInto(
  results: ResultFile,
  context: CommandContext,
  client: Client<Uint8Array, Uint8Array>,
  path: readonly string[],
  input: MapInput,
): Promise<number> {
  const { done } = results;
  const name = quoted(context.options.text('resume') ?? '');
  const ending = new AbortController();
  const output = new Output(results.stream(), context.screen, (error) => ending.abort(error), name);
  const signal = AbortSignal.any([context.signal, ending.signal]);
  try {
    const code = await runMap({ ...context, output, signal }, client, path, input, done);
    checkInputs(input, done, name);
    return code;
  } finally {
    // Results that came before a failure are kept.
    try {
      if (!context.signal.aborted) await output.finish();
    } finally {
      await results.close();
    }
  }
}

/** @throws CommandError `INPUT` when the file has results for more inputs than there are. Nothing was written then. */
function checkInputs(input: MapInput, { end }: Done, name: string): void {
  const total = input.total();
  if (total === undefined || end <= total) return;
  const text = `${name} holds results of ${grouped(end)} inputs, but this run has ${grouped(total)}`;
  throw new CommandError('INPUT', text, 'give --resume the output of a run over the same inputs');
}

async function runMap(
  context: CommandContext,
  client: Client<Uint8Array, Uint8Array>,
  path: readonly string[],
  input: MapInput,
  done: Done,
): Promise<number> {
  const { io, options, output, screen } = context;
  const asLines = options.flag('jsonl');
  let told: Told | undefined;
  const results = client.mapSettled(path, input.payloads, {
    ...mapOptions(context),
    // Without a status line nobody would see it.
    ...(screen.canRedraw && {
      onProgress: (progress: CallProgress) => {
        told = progress;
      },
    }),
  });
  // A status line would overwrite lines that are being typed.
  const isTyped =
    io.stdin.isTTY === true && context.positionals.length === 1 && options.text('input') === undefined;
  const stopProgress = isTyped
    ? () => {}
    : showProgress(screen, () => {
        const { answered = 0, failed = 0, rate = 0 } = results.progress ?? {};
        const total = input.total();
        const left = total === undefined ? undefined : Math.max(0, total - done.count - answered);
        return {
          results: done.count + answered,
          total,
          failed,
          ...(left !== undefined && rate > 0 && { remaining: (left * 1_000) / rate }),
          before: done.count,
          told,
        };
      });
  let failed = 0;
  let count = 0;
  try {
    for await (const outcome of results) {
      const index = input.numberOf(outcome.index);
      count++;
      if (outcome.status === 'rejected') failed++;
      if (asLines) await output.json(lineOf(outcome, index));
      else if (outcome.status === 'rejected') throw failureAt(index, outcome.reason);
      else
        await writeResult(
          output,
          onOneLine(outcome.value, index, options.flag('json')),
          options.flag('json') ? 'json' : 'lines',
        );
    }
  } finally {
    stopProgress();
  }
  if (failed === 0) return 0;
  throw new CommandError('FAILED', `${failed} of ${count} inputs failed`);
}

function mapOptions({ options, positionals, signal }: CommandContext): MapOptions {
  const areFiles = positionals.length > 1 || options.texts('files').length > 0;
  const window = options.number('window') ?? (areFiles ? FILES_AT_ONCE : undefined);
  const [timeout, deadline, retries] = [
    options.number('timeout'),
    options.number('deadline'),
    options.number('retries'),
  ];
  return {
    ordered: !options.flag('unordered'),
    ...(window !== undefined && { window }),
    ...(timeout !== undefined && { timeout }),
    ...(deadline !== undefined && { deadline }),
    ...(retries !== undefined && { retries }),
    ...callOptions(options),
    signal,
  };
}

/** The object that `--jsonl` writes for an input. */
function lineOf(outcome: MapOutcome<Uint8Array>, index: number): object {
  const { status } = outcome;
  if (outcome.status === 'fulfilled') return { index, status, value: jsonOf(outcome.value) };
  const { code, message, remoteName, issues, data } = failureOf(failureAt(index, outcome.reason), 'map');
  return { index, status, error: { code, message, remoteName, issues, data } };
}

/** The failure with the number of its input in the whole run: a resumed run starts counting at its first open input. */
function failureAt(index: number, reason: PalmError): PalmError {
  const { cause } = reason;
  if (index === reason.index || !(cause instanceof PalmError)) return reason;
  const { remoteName, data } = cause;
  return new PalmError(reason.code, `input ${index}: ${cause.message}`, { cause, index, remoteName, data });
}

const NEWLINE = 0x0a;

/** @throws CommandError `USAGE` for a result with a newline, which would look like several results. */
function onOneLine(result: Uint8Array, index: number, asJson: boolean): Uint8Array {
  if (asJson || !result.includes(NEWLINE)) return result;
  const text = `the result of input ${index} contains a newline`;
  throw new CommandError('USAGE', text, '--json or --jsonl writes each result on one line');
}
