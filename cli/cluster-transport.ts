/** The transport that a command reaches servers with, and binds addresses with. */
import { PalmError } from '../src/protocol/errors.ts';
import type { BindingTransport } from '../src/transport.ts';
import { type ZeromqOptions, zeromq } from '../transports/zeromq/index.ts';
import { zmtp } from '../transports/zmtp/index.ts';
import type { ParsedOptions } from './command.ts';
import { CommandError } from './errors.ts';

/** Keys of CURVE, as the transports take them. */
export type CurveKeys = Pick<ZeromqOptions, 'curve' | 'curveServer'>;

/**
 * `zmtp()`, or `zeromq()` with --native.
 * @throws PalmError `INVALID_CALL` for a key that is not a key. With --native, `open()` of the result throws a CommandError `USAGE` if the
 * package `zeromq` does not load.
 */
export function clusterTransport(options: ParsedOptions, keys: CurveKeys = {}): BindingTransport {
  if (!options.flag('native')) return zmtp(keys);
  const native = zeromq(keys);
  return { ...native, open: () => native.open().catch(rethrow) };
}

function rethrow(error: unknown): never {
  if (!(error instanceof PalmError) || error.code !== 'INVALID_CALL') throw error;
  const text = error.message.replace('frond/zeromq needs', '--native needs');
  const isMissing = /is not installed/.test(text);
  throw new CommandError(
    'USAGE',
    text,
    isMissing ? 'npm install frond zeromq, or leave out --native' : undefined,
    error,
  );
}
