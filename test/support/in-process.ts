/** The command in the process of the test: quicker than a child, for what needs none. */
import { PassThrough } from 'node:stream';
import { run } from '../../cli/run.ts';
import { contentOf, type Ended, type RunOptions, withoutWaits } from './command.ts';
import { within } from './wait.ts';

/**
 * What the command says while it waits is left out, as in `frond()`.
 * @param limit - milliseconds that it may take.
 */
export async function here(
  argv: readonly string[],
  options: RunOptions = {},
  limit = 15_000,
): Promise<Ended> {
  const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()];
  stdin.end(options.stdin ?? '');
  const { signal } = new AbortController();
  const { env = {} } = options;
  const contents = Promise.all([contentOf(stdout), contentOf(stderr)]);
  const code = await within(
    limit,
    run({ argv, stdin, stdout, stderr, env, signal, invocation: 'frond', version: '1.2.3' }),
    'the command',
  );
  stdout.end();
  stderr.end();
  const [out, errors] = await contents;
  return { code, stdout: out, stderr: withoutWaits(errors.toString()) };
}
