import { startTimer } from '../../src/async/timers.ts';
import { resumeJob } from '../../src/client/detached.ts';
import type { PalmError } from '../../src/protocol/errors.ts';
import { printableJson } from '../../src/protocol/printable.ts';
import type { CommandContext, CommandDetails } from '../command.ts';
import { withClient } from '../connect.ts';
import { CommandError } from '../errors.ts';
import { COMMON_OPTIONS, CONNECTION_OPTIONS, OPTIONS } from '../options.ts';
import { failureLines, failureOf } from '../report.ts';
import { writeResult } from '../terminal/output.ts';

/** Milliseconds without a result after which all that is there counts as written, without --follow. */
const QUIET = 2_000;

/** `frond results`. */
export const resultsCommand: CommandDetails = {
  synopsis: ['ID'],
  about: [
    'Writes the results of a job, each on a line, in the order they arrived. frond job --detach starts such a job and prints its ID, and so does detachedJob in a program. Use --json for results that contain newlines. Anybody who knows the ID may read the results.',
    'The command ends with the job, or when no result has come for two seconds: stderr then says how to go on. With --follow it waits for the rest of the job.',
    'A call that failed is reported on stderr and counts as a result. The exit code is then 1.',
  ],
  examples: [
    { line: 'frond results letters/V1StGXR8…/Uakgb_J5… > results.txt', does: 'write what there is' },
    { line: 'frond results "$id" --after 400 --follow', does: 'skip the first 400, and wait for the rest' },
  ],
  options: [
    ...CONNECTION_OPTIONS,
    'after',
    'follow',
    'messages',
    'idle-timeout',
    'error-sentinel',
    ...COMMON_OPTIONS,
  ],
  own: {
    messages: { ...OPTIONS.messages, help: 'stop after so many results of the job', default: 'as the job' },
    'idle-timeout': { ...OPTIONS['idle-timeout'], default: 'inf' },
  },
  arity: [1, 1],
  run,
};

async function run(context: CommandContext): Promise<number> {
  const { options, output, screen, signal } = context;
  const [id = ''] = context.positionals;
  const [server] = id.split('/');
  const after = options.text('after') ?? '0';
  const messages = options.number('messages');
  const asJson = options.flag('json');
  const format = asJson ? 'json' : 'lines';
  let failed = 0;
  const onRemoteError = (error: PalmError) => {
    failed++;
    const [first = ''] = failureLines(failureOf(error, 'results'), asJson);
    screen.line(first);
  };
  const job = await withClient(context, server === '' ? undefined : server, async (client) => {
    const own = resumeJob(client, id, {
      after: /^\d+$/.test(after) ? Number(after) : after,
      ...(messages !== undefined && { messages }),
      idleTimeout: options.number('idle-timeout') ?? Number.POSITIVE_INFINITY,
      onRemoteError,
      signal,
    });
    let isQuiet = false;
    for (;;) {
      const stop = options.flag('follow')
        ? () => {}
        : startTimer(QUIET, () => {
            isQuiet = true;
            void own.return();
          });
      const { done, value } = await own.next().finally(stop);
      if (done) break;
      await writeResult(output, value, format);
    }
    return { isQuiet, progress: own.progress };
  });
  const { received, position } = job.progress;
  if (job.isQuiet) {
    const next = position ?? after;
    const text = `${received} results so far, and the job is not over: go on with --after ${next}`;
    screen.line(asJson ? printableJson({ results: received, after: next }) : `frond: ${text}`);
  }
  if (failed === 0) return 0;
  throw new CommandError('FAILED', `${failed} of ${received} results were failures`);
}
