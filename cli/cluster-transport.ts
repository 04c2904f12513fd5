/** The transport that a command reaches servers with, and binds addresses with. */
import { invalidCall, messageOf, PalmError } from '../src/protocol/errors.ts';
import type { BindingTransport } from '../src/transport.ts';
import type { NatsOptions } from '../transports/nats/index.ts';
import { bridge } from '../transports/shared/bridge.ts';
import { type ZeromqOptions, zeromq } from '../transports/zeromq/index.ts';
import { curvePublicKey, zmtp } from '../transports/zmtp/index.ts';
import type { ParsedOptions } from './command.ts';
import { CommandError } from './errors.ts';
import { isNatsAddress, type NatsAccess, natsAccess, natsOptions } from './nats-access.ts';

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
 * `zmtp()`; `zeromq()` with --native; `nats()` with --nats.
 * @param access - where NATS is; null for ZeroMQ, whatever the options say.
 * @throws PalmError `INVALID_CALL` for a key that is not a key, CommandError `USAGE` or `INPUT` for what --nats names. `open()` of the result
 * throws a CommandError `USAGE` if a package does not load that --native or --nats needs.
 */
export async function clusterTransport(
  options: ParsedOptions,
  keys: CurveKeys = {},
  access: NatsAccess | null | undefined = natsAccess(options),
): Promise<BindingTransport> {
  if (access) return natsTransport(access);
  if (!options.flag('native')) return overZeromq(zmtp(keys));
  return overZeromq(opening(zeromq(keys), 'zeromq', '--native'));
}

/** `nats()`, at the NATS of these settings. @param more - further options of it. */
export async function natsTransport(access: NatsAccess, more: NatsOptions = {}): Promise<BindingTransport> {
  const own = { ...(await natsOptions(access)), ...more };
  // Most commands have no use for it.
  const { nats } = await import('../transports/nats/index.ts');
  return checking(
    opening(nats(own), 'nats', '--nats'),
    (address) => address.includes('://') && '; leave out --nats (and FROND_NATS) for ZeroMQ',
  );
}

/** The transport, and `zmtp()` for the addresses of ZeroMQ. */
export function withZeromq(transport: BindingTransport): BindingTransport {
  return bridge(transport, zmtp());
}

/** @throws CommandError `USAGE` when a package is missing that `nats()` needs. */
export async function checkNatsPackages(option: string): Promise<void> {
  const { nats } = await import('../transports/nats/index.ts');
  // It loads them, and connects to nothing yet.
  const connection = await nats().open().catch(packageMissing('nats', option));
  await connection.close();
}

function overZeromq(transport: BindingTransport): BindingTransport {
  return checking(
    transport,
    (address) =>
      isNatsAddress(address) && '; for NATS, say where it is: --nats nats://127.0.0.1:4222, or FROND_NATS',
  );
}

/** The transport, whose refusal of an address says what to try where `hint` knows it. */
function checking(transport: BindingTransport, hint: (address: string) => string | false): BindingTransport {
  return {
    ...transport,
    checkAddress: (address) => {
      try {
        transport.checkAddress(address);
      } catch (error) {
        const more = hint(String(address));
        if (more === false || !(error instanceof PalmError)) throw error;
        throw invalidCall(`${messageOf(error)}${more}`, { cause: error });
      }
    },
  };
}

/** The transport, which says in the words of the command what it needs that is missing. */
function opening(transport: BindingTransport, entry: 'zeromq' | 'nats', option: string): BindingTransport {
  return { ...transport, open: () => transport.open().catch(packageMissing(entry, option)) };
}

/** Packages that an entry of frond needs beside it. */
const PACKAGES = { zeromq: 'zeromq', nats: '@nats-io/transport-node @nats-io/jetstream' } as const;

/**
 * A function that throws the error it gets; for a package that does not load, one in the words of the command.
 * @param option - what needs the package: an option, which may be left out, or a command.
 */
export function packageMissing(entry: keyof typeof PACKAGES, option: string): (error: unknown) => never {
  return (error) => {
    if (!(error instanceof PalmError) || !error.message.startsWith(`frond/${entry} needs`)) throw error;
    const text = error.message.replace(`frond/${entry} needs`, `${option} needs`);
    const leave = option.startsWith('--') ? `, or leave out ${option}` : '';
    const hint = /is not installed/.test(text) ? `npm install frond ${PACKAGES[entry]}${leave}` : undefined;
    throw new CommandError('USAGE', text, hint, error);
  };
}
