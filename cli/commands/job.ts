import type { Client } from '../../src/client/client.ts';
import type { PalmError } from '../../src/protocol/errors.ts';
import type { Command, CommandContext } from '../command.ts';
import { readPath, withClient } from '../connect.ts';
import { CommandError } from '../errors.ts';
import { announceTerminal, linesOf, openFile } from '../input.ts';
import { COMMON_OPTIONS, CONNECTION_OPTIONS, OPTIONS } from '../options.ts';
import { failureLines, failureOf } from '../report.ts';
import { writeResult } from '../terminal/output.ts';
import { showProgress } from '../terminal/progress.ts';
import { quoted } from '../terminal/text.ts';

/** Milliseconds, as every other time-out of a client. */
const DEFAULT_IDLE_TIMEOUT = 30_000;

export const jobCommand: Command = {
  name: 'job',
  summary: 'call a function with every line of stdin or a file',
  synopsis: ['FUNCTION[,FUNCTION…]'],
  about: [
    'FUNCTION is server.function; several with commas between them are the stages of a pipeline, whose answers come from its last server: --sub says where. Each line of the input, without its newline, is a payload; each result is written as a line, as soon as it comes, so results of more than one line are better read with --json.',
    'The job ends after as many results as there were lines. A pipeline may give fewer or more: then say how many with --messages, or end it with --idle-timeout or Ctrl-C. It reads no more input while nobody reads its output.',
    'An input whose function fails is told on stderr and counts as a result; the job goes on, and the exit code is 1.',
  ],
  examples: [
    { line: 'frond job demo.words < poem.txt --db tcp://127.0.0.1:5555', does: 'lines of a file' },
    {
      line: 'find . -name "*.jpg" | frond job images.size | sort -n',
      does: 'in a pipe (FROND_DB says where)',
    },
    {
      line: 'frond job first.parse,last.count --sub tcp://10.0.0.7:5557 --messages 10',
      does: 'ten results, then done',
    },
  ],
  options: [
    ...CONNECTION_OPTIONS,
    'input',
    'messages',
    'window',
    'idle-timeout',
    'cache',
    'error-sentinel',
    ...COMMON_OPTIONS,
  ],
  own: {
    messages: { ...OPTIONS.messages, help: 'results to end after', default: 'as many as there are lines' },
  },
  arity: [1, 1],
  run,
};

async function run(context: CommandContext): Promise<number> {
  const { io, options } = context;
  const { path, server } = readPath(context.positionals[0] ?? '');
  const file = options.text('input') ?? '-';
  const source = file === '-' ? io.stdin : await openFile(file);
  if (file === '-') announceTerminal(context, 'lines');
  try {
    const lines = linesOf(source, file === '-' ? 'stdin' : quoted(file));
    return await withClient(context, server, (client) => runJob(context, client, path, lines));
  } finally {
    source.destroy();
  }
}

async function runJob(
  context: CommandContext,
  client: Client,
  path: readonly string[],
  lines: AsyncIterable<Uint8Array>,
): Promise<number> {
  const { io, options, output, screen, signal } = context;
  const messages = options.number('messages');
  const window = options.number('window');
  const idleTimeout = options.number('idle-timeout') ?? options.number('timeout') ?? DEFAULT_IDLE_TIMEOUT;
  const asJson = options.flag('json');
  const counts = { lines: 0, isInputOver: false, written: 0, failed: 0 };
  const isOver = () =>
    messages === undefined && counts.isInputOver && counts.written + counts.failed >= counts.lines;

  async function* input() {
    for await (const line of lines) {
      // A reader of stderr that is slow holds the job up too: failures do not count as unread results.
      await screen.room();
      counts.lines++;
      yield line;
    }
    counts.isInputOver = true;
    if (isOver()) await job.return?.();
  }
  const onRemoteError = (error: PalmError) => {
    counts.failed++;
    const [first = ''] = failureLines(failureOf(error, 'job'), asJson);
    screen.line(first);
    if (isOver()) job.return?.();
  };
  const job = client.job(path, input(), {
    ...(messages !== undefined && { messages }),
    ...(window !== undefined && { window }),
    cache: options.text('cache') ?? '',
    idleTimeout,
    onRemoteError,
    signal,
  });
  // Where lines are typed, a line that redraws itself would run over them.
  const stopProgress =
    io.stdin.isTTY === true && options.text('input') === undefined
      ? () => {}
      : showProgress(screen, () => ({
          results: counts.written,
          total: messages ?? (counts.isInputOver ? counts.lines : undefined),
          failed: counts.failed,
        }));
  try {
    for await (const result of job) {
      await writeResult(output, result, asJson ? 'json' : 'lines');
      counts.written++;
      if (isOver()) break;
    }
  } finally {
    stopProgress();
  }
  if (counts.failed === 0) return 0;
  const results = counts.written + counts.failed;
  throw new CommandError('FAILED', `${counts.failed} of ${results} results were failures`);
}
