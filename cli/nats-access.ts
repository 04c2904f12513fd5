/** Where NATS is, and who a command is to it: from its options, the environment and a config file. */
import { readFile } from 'node:fs/promises';
import type { NatsOptions } from '../transports/nats/index.ts';
import type { ParsedOptions } from './command.ts';
import { CommandError } from './errors.ts';
import { unreadable } from './input.ts';
import { shellWord } from './io.ts';
import type { NameOf } from './options.ts';
import { quoted } from './terminal/text.ts';

/** Where NATS is, as text. All but `url` and `cluster` are paths. */
export interface NatsAccess {
  /** Addresses, with commas between them. */
  readonly url: string;
  readonly cluster?: string | undefined;
  /** A credentials file of NATS. */
  readonly creds?: string | undefined;
  /** Certificates that may sign those of NATS. */
  readonly ca?: string | undefined;
  /** The command's own certificate, and its key. */
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
}

const OWN = {
  cluster: 'nats-cluster',
  creds: 'nats-creds',
  ca: 'nats-ca',
  cert: 'nats-cert',
  key: 'nats-key',
} as const satisfies Readonly<Record<string, NameOf<'text'>>>;

/** Options that speak of ZeroMQ, and what says the same to NATS. */
const ZEROMQ = [
  ['native', 'it chooses a library for ZeroMQ'],
  ['server-key', 'it is a key of ZeroMQ; over NATS, tls://… encrypts'],
  ['client-key', 'it is a key of ZeroMQ; to NATS, --nats-creds says who you are'],
  ['secret-key', 'it is a key of ZeroMQ; over NATS, tls://… encrypts'],
  ['allow-key', 'it is a key of ZeroMQ; NATS itself says who may connect'],
] as const;

/** Whether an address is one over NATS: `nats:<server>`, and not where NATS is. */
export function isNatsAddress(address: string | undefined): boolean {
  return address !== undefined && /^nats:(?!\/\/)/.test(address);
}

/** The options about NATS that the command line itself has, `--nats` first. */
export function givenOfNats(options: ParsedOptions): readonly NameOf<'text'>[] {
  return (['nats', ...Object.values(OWN)] as const).filter((name) => options.isGiven(name));
}

/** What a line for another terminal needs beside the address: the same options. A URL that holds a password is left for the user to fill in. */
export function natsWords(options: ParsedOptions): string {
  const words = givenOfNats(options).map((name) => {
    const value = options.text(name) ?? '';
    return ` --${name} ${name === 'nats' && value.includes('@') ? 'URL' : shellWord(value)}`;
  });
  return words.join('');
}

/**
 * Where NATS is; undefined where a command is to use ZeroMQ.
 * @param configured - what a config file says, which the command line and the environment override.
 * @param standard - where it is when nobody says so.
 * @throws CommandError `USAGE` for options that exclude or need each other.
 */
export function natsAccess(
  options: ParsedOptions,
  configured?: Partial<NatsAccess>,
  standard?: string,
): NatsAccess | undefined {
  const url = options.text('nats') ?? configured?.url ?? standard;
  if (url === undefined) {
    const [lonely] = givenOfNats(options);
    if (lonely !== undefined)
      throw usage(`--${lonely} needs --nats URL or FROND_NATS, which say where NATS is`);
    return undefined;
  }
  for (const [name, why] of ZEROMQ)
    if (options.isGiven(name)) throw usage(`--${name} and --nats (or FROND_NATS) exclude each other: ${why}`);
  const access: NatsAccess = {
    url,
    cluster: options.text(OWN.cluster) ?? configured?.cluster,
    creds: options.text(OWN.creds) ?? configured?.creds,
    ca: options.text(OWN.ca) ?? configured?.ca,
    cert: options.text(OWN.cert) ?? configured?.cert,
    key: options.text(OWN.key) ?? configured?.key,
  };
  if ((access.cert === undefined) !== (access.key === undefined))
    throw usage('--nats-cert and --nats-key belong together: a certificate, and its private key');
  readUrl(url);
  return access;
}

/**
 * The options of `nats()` for it. Reads the files that it names.
 * @throws CommandError `INPUT` for a file that cannot be read.
 */
export async function natsOptions({ url, cluster, creds, ca, cert, key }: NatsAccess): Promise<NatsOptions> {
  const read = async (path: string | undefined) =>
    path === undefined
      ? undefined
      : readFile(path, 'utf8').catch((error) => {
          throw unreadable(quoted(path), error);
        });
  const tls = { ca: await read(ca), cert: await read(cert), key: await read(key) };
  const hasTls = ca !== undefined || cert !== undefined;
  return { ...readUrl(url), cluster, creds: await read(creds), ...(hasTls && { tls }) };
}

/** Whether a text is addresses of NATS. */
export function isNatsUrl(text: string): boolean {
  return text.split(',').every((own) => ADDRESS.test(own.trim()));
}

const ADDRESS = /^((?:nats|tls):\/\/)?(?:([^\s/@]*)@)?([^\s/@]+)$/;

/** The addresses, and the user and password or the token before an `@`. @throws CommandError `USAGE` for another form. */
function readUrl(url: string): Pick<NatsOptions, 'servers' | 'user' | 'pass' | 'token'> {
  let who: string | undefined;
  const servers = url.split(',').map((text) => {
    const [, scheme = '', own, host] = ADDRESS.exec(text.trim()) ?? [];
    if (host === undefined)
      throw usage(
        `--nats must be addresses such as nats://host:4222, with commas between them, not ${quoted(text.replace(/\/\/.*@/, '//…@'))}`,
      );
    if (own !== undefined && who !== undefined && own !== who)
      throw usage('--nats must have the same user in each of its addresses: all are of one cluster of NATS');
    who ??= own;
    return scheme + host;
  });
  if (who === undefined) return { servers };
  const [user = '', pass] = who.split(/:(.*)/s, 2).map(decoded);
  return pass === undefined ? { servers, token: user } : { servers, user, pass };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function usage(text: string): CommandError {
  return new CommandError('USAGE', text);
}
