/** The transport that a command reaches servers with, and binds addresses with. */
import { invalidCall, PalmError } from '../src/protocol/errors.ts';
import type { BindingTransport } from '../src/transport.ts';
import { type ZeromqOptions, zeromq } from '../transports/zeromq/index.ts';
import { curvePublicKey, zmtp } from '../transports/zmtp/index.ts';
import type { ParsedOptions } from './command.ts';
import { CommandError } from './errors.ts';

/** Keys of CURVE, as the transports take them. */
export type CurveKeys = Pick<ZeromqOptions, 'curve' | 'curveServer'>;

/** The keys of one end that dials, as text. */
export interface DialKeys {
  /** Public key of the servers. Without it nothing is encrypted. */
  readonly serverKey: string | undefined;
  /** Secret key of this end. Without it each connection has a new one. */
  readonly clientKey: string | undefined;
}

/**
 * The keys that --server-key, --client-key and the environment name.
 * @param configured - those of a config file, which the command line and the environment override.
 * @throws CommandError `USAGE` for --client-key without a server key.
 */
export function dialKeys(options: ParsedOptions, configured: Partial<DialKeys> = {}): DialKeys {
  const serverKey = options.text('server-key') ?? configured.serverKey;
  if (serverKey === undefined && options.isGiven('client-key')) {
    throw new CommandError(
      'USAGE',
      '--client-key needs --server-key KEY or FROND_SERVER_KEY: only a connection that is encrypted shows who you are',
    );
  }
  return { serverKey, clientKey: options.text('client-key') ?? configured.clientKey };
}

/** The option `curve` of a transport. @throws PalmError `INVALID_CALL` for a client key that is not a key. */
export function curveOf({ serverKey, clientKey }: DialKeys): { readonly curve?: CurveKeys['curve'] } {
  if (serverKey === undefined) return {};
  if (clientKey === undefined) return { curve: { serverKey } };
  return { curve: { serverKey, secretKey: clientKey, publicKey: publicKeyOf(clientKey) } };
}

function publicKeyOf(clientKey: string): string {
  try {
    return curvePublicKey(clientKey);
  } catch (cause) {
    throw invalidCall('--client-key must be 40 characters of Z85, as frond keypair prints them', { cause });
  }
}

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
