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
 * `zmtp()`, or `zeromq()` with --native and wherever there are keys.
 * @throws PalmError `INVALID_CALL` for a key that is none. What `open()` of the result throws is a CommandError `USAGE` if it needs the package
 * `zeromq` and that does not load.
 */
export function clusterTransport(options: ParsedOptions, keys: CurveKeys = {}): BindingTransport {
  const isNative = options.flag('native');
  if (!isNative && keys.curve === undefined && keys.curveServer === undefined) return zmtp();
  const what = isNative ? '--native' : 'CURVE';
  const native = zeromq(keys);
  return { ...native, open: () => native.open().catch(rethrowFor(what)) };
}

function rethrowFor(what: string): (error: unknown) => never {
  return (error) => {
    if (!(error instanceof PalmError) || error.code !== 'INVALID_CALL') throw error;
    const text = error.message.replace('frond/zeromq needs', `${what} needs`);
    const isMissing = /is not installed/.test(text);
    const hint = isMissing
      ? `npm install frond zeromq${what === '--native' ? ', or leave out --native' : ''}`
      : undefined;
    throw new CommandError('USAGE', text, hint, error);
  };
}
