import type { CallProgress } from '../../src/client/call-progress.ts';
import type { Client } from '../../src/client/client.ts';
import { detachedJob } from '../../src/client/detached.ts';
import { encodeUtf8 } from '../../src/protocol/bytes.ts';
import type { PalmError } from '../../src/protocol/errors.ts';
import type { CommandContext, CommandDetails } from '../command.ts';
import { callOptions, readPath, withClient } from '../connect.ts';
import { CommandError } from '../errors.ts';
import { announceTerminal, linesOf, openFile } from '../input.ts';
import { COMMON_OPTIONS, CONNECTION_OPTIONS, OPTIONS } from '../options.ts';
import { failureLines, failureOf } from '../report.ts';
import { codecFor, SAID_CODECS } from '../said-codec.ts';
import { writeResult } from '../terminal/output.ts';
import { showProgress, type Told } from '../terminal/progress.ts';
import { quoted } from '../terminal/text.ts';

/** Milliseconds, like the client's other time-outs. */
const DEFAULT_IDLE_TIMEOUT = 30_000;

/** `frond job`. */
export const jobCommand: CommandDetails = {
  synopsis: ['FUNCTION[,FUNCTION…]'],
  about: [
    'FUNCTION is server.function. Several, separated by commas, are the stages of a pipeline. The results then come from its last server: give the pub_address of that server with --sub. Each line of the input, without its newline, is a payload. Each result is written as a line as soon as it arrives; use --json for results that contain newlines.',
    'The job ends when there are as many results as lines. A pipeline may return fewer or more: then give their number with --messages, or end the job with --idle-timeout or Ctrl-C. The job stops reading input while its output is not read.',
    'A call that fails is reported on stderr and counts as a result. The job continues, and the exit code is 1.',
    'With --detach the job goes on when the command is gone: it prints the id of the job, sends the input, and ends. Who knows the id may read the results, with frond results. NATS stores them for a while; over ZeroMQ nothing does, and the command fails before it sends anything.',
    SAID_CODECS,
  ],
  examples: [
    { line: 'frond job demo.words < poem.txt --db tcp://127.0.0.1:5555', does: 'send the lines of a file' },
    {
      line: 'find . -name "*.jpg" | frond job images.size | sort -n',
      does: 'use it in a pipe (FROND_DB is set)',
    },
    {
      line: 'frond job first.parse,last.count --sub tcp://10.0.0.7:5557 --messages 10',
      does: 'stop after ten results',
    },
  ],
  options: [
    ...CONNECTION_OPTIONS,
    'input',
    'messages',
    'window',
    'idle-timeout',
    'priority',
    'cache',
    'detach',
    'raw',
    'error-sentinel',
    ...COMMON_OPTIONS,
  ],
  own: {
    messages: { ...OPTIONS.messages, help: 'stop after this many results', default: 'the number of lines' },
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
    return await withClient(context, server, async (client, offers) => {
      const codec = await codecFor(context, path, offers);
      return runJob(context, client.with(codec), path, lines);
    });
  } finally {
    source.destroy();
  }
}

async function runJob(
  context: CommandContext,
  client: Client<Uint8Array, Uint8Array>,
  path: readonly string[],
  lines: AsyncIterable<Uint8Array>,
): Promise<number> {
  const { io, options, output, screen, signal } = context;
  const messages = options.number('messages');
  const window = options.number('window');
  const idleTimeout = options.number('idle-timeout') ?? options.number('timeout') ?? DEFAULT_IDLE_TIMEOUT;
  if (options.flag('detach')) {
    if (messages !== undefined)
      throw new CommandError('USAGE', 'with --detach, give --messages to frond results: the job prints none');
    return sendDetached(context, client, path, lines, idleTimeout);
  }
  const asJson = options.flag('json');
  const counts = { lines: 0, isInputOver: false, written: 0, failed: 0 };
  const isOver = () =>
    messages === undefined && counts.isInputOver && counts.written + counts.failed >= counts.lines;

  async function* input() {
    for await (const line of lines) {
      // Failures are not counted as unread results, so a slow reader of stderr has to hold the job up here.
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
  let told: Told | undefined;
  const job = client.job(path, input(), {
    // Without a status line nobody would see it.
    ...(screen.canRedraw && {
      onProgress: (progress: CallProgress) => {
        told = progress;
      },
    }),
    ...(messages !== undefined && { messages }),
    ...(window !== undefined && { window }),
    ...callOptions(options),
    idleTimeout,
    onRemoteError,
    signal,
  });
  // A status line would overwrite lines that are being typed.
  const stopProgress =
    io.stdin.isTTY === true && options.text('input') === undefined
      ? () => {}
      : showProgress(screen, () => ({
          results: counts.written,
          total: messages ?? (counts.isInputOver ? counts.lines : undefined),
          failed: counts.failed,
          told,
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

/** Sends a job whose results others read. */
async function sendDetached(
  { options, output, signal }: CommandContext,
  client: Client<Uint8Array, Uint8Array>,
  path: readonly string[],
  lines: AsyncIterable<Uint8Array>,
  idleTimeout: number,
): Promise<number> {
  async function* input() {
    // From here on the id is good.
    await writeResult(output, encodeUtf8(job.id), options.flag('json') ? 'json' : 'lines');
    yield* lines;
  }
  const job = detachedJob(client, path, input(), {
    messages: 0,
    ...callOptions(options),
    idleTimeout,
    signal,
  });
  await job.next();
  return 0;
}
