/** The settings of `frond relay`, from its options and its config file; options override the file. */

import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import {
  boolean,
  check,
  custom,
  exactOptional,
  type InferOutput,
  lazy,
  minValue,
  number,
  pipe,
  safeInteger,
} from 'valibot';
import { inspectValue, messageOf, PalmError } from '../../src/protocol/errors.ts';
import { nearest } from '../../src/protocol/nearest.ts';
import type { Transport } from '../../src/transport.ts';
import { CACHE_SCOPES } from '../../transports/relay/auth/identity.ts';
import {
  checked,
  FUNCTIONS,
  GRANTS,
  list,
  named,
  parseJson,
  SERVER,
  type Source,
  shape,
  TEXT,
  text,
} from '../../transports/relay/auth/schema.ts';
import { Proxies, TRUST_FORM } from '../../transports/relay/http/proxies.ts';
import { NamePatterns, strangerIn } from '../../transports/relay/name-patterns.ts';
import type {
  CacheScope,
  Grants,
  RelayLimits,
  RelayOptions,
  RelayPeers,
  UpstreamTarget,
} from '../../transports/relay/options.ts';
import { ID_FORM, isPeerId, PeerKey } from '../../transports/relay/peers/peer-key.ts';
import { checkPeerUrl } from '../../transports/relay/peers/peers.ts';
import { isRelayedName } from '../../transports/relay-protocol/server-address.ts';
import { clusterTransport, curveOf, type DialKeys, dialKeys } from '../cluster-transport.ts';
import type { ParsedOptions } from '../command.ts';
import { CommandError } from '../errors.ts';
import { type HostPort, parseHostPort } from '../host-port.ts';
import { unreadable } from '../input.ts';
import type { Environment } from '../io.ts';
import { isNatsUrl, type NatsAccess, natsAccess } from '../nats-access.ts';
import { quoted } from '../terminal/text.ts';
import type { Tls } from './listening.ts';

/** The settings of `frond relay`, checked. */
export interface RelaySettings {
  /** Reaches the servers. */
  readonly transport: Transport;
  /** Keys of CURVE for the connections to the servers. */
  readonly keys: DialKeys;
  /** Where NATS is; undefined for servers over ZeroMQ. */
  readonly nats: NatsAccess | undefined;
  readonly servers: Readonly<Record<string, UpstreamTarget>>;
  readonly place: HostPort;
  /** Where metrics are served. */
  readonly metrics: HostPort | undefined;
  readonly path: string;
  /** Whether it answers calls over HTTP. */
  readonly http: boolean;
  readonly checkInput: boolean;
  /** Origins of pages that may connect. Undefined for the relay's own host. */
  readonly origins: readonly string[] | undefined;
  /** Path of the token file. */
  readonly tokens: string | undefined;
  readonly anonymous: Grants | undefined;
  readonly limits: RelayLimits;
  /** Which proxies are trusted to name the client's address. */
  readonly trustProxy: NonNullable<RelayOptions['trustProxy']>;
  readonly tls: Tls | undefined;
  /** The relays beside this one. */
  readonly peers: RelayPeers | undefined;
}

const USUAL_ADDRESS = '127.0.0.1:7766';

/**
 * Reads the settings from the options and the config file.
 * @param env - has the key that relays share, where no file does.
 * @throws CommandError `USAGE` or `INPUT` naming the option or key that is missing or wrong, and `USAGE` when the settings
 * let nobody connect.
 */
export async function settingsOf(options: ParsedOptions, env: Environment = {}): Promise<RelaySettings> {
  const file = options.text('config');
  const config = file === undefined ? {} : await readConfig(file);
  const keys = dialKeys(options, config);
  if (config.clientKey !== undefined && keys.serverKey === undefined)
    throw input(`${quoted(file ?? '')}: clientKey needs serverKey, the public key of the servers`);
  const nats = natsAccess(options, config.nats);
  const transport = await clusterTransport(options, curveOf(keys), nats);
  const servers = { ...configuredServers(config, transport, file), ...givenServers(options, transport) };
  if (Object.keys(servers).length === 0) {
    throw usage('no server is given: give --server NAME=ADDRESS, such as demo=tcp://127.0.0.1:5555');
  }
  checkNames(config, Object.keys(servers), file);
  const anonymous = anonymousOf(options, config, Object.keys(servers));
  const tokens = options.text('tokens') ?? config.tokens;
  const metrics = options.text('metrics') ?? config.metrics;
  if (anonymous === undefined && tokens === undefined) {
    throw new CommandError(
      'USAGE',
      "nobody could connect: give --tokens FILE, or --allow PATTERN for what anybody may call, such as 'demo.*'",
    );
  }
  return {
    transport,
    keys,
    nats,
    servers,
    place: parseHostPort(options.text('listen') ?? config.listen ?? USUAL_ADDRESS),
    metrics: metrics === undefined ? undefined : parseHostPort(metrics, '--metrics'),
    path: config.path ?? '/',
    http: options.flag('http') || (config.http ?? false),
    checkInput: options.flag('check-input') || (config.checkInput ?? false),
    origins: originsOf(options) ?? config.origins,
    tokens,
    anonymous,
    limits: config.limits ?? {},
    trustProxy: config.trustProxy ?? false,
    tls: config.tls,
    peers: await peersOf(options, config, env),
  };
}

const PEER_KEY = 'FROND_PEER_KEY';

/** The relays beside this one; undefined where none are named. The key never comes from the command line, which others can read. */
async function peersOf(
  options: ParsedOptions,
  { peers: configured }: RelayConfig,
  env: Environment,
): Promise<RelayPeers | undefined> {
  const given = options.texts('peer');
  const keyFile = options.text('peer-key-file') ?? configured?.keyFile;
  const id = options.text('id') ?? configured?.id;
  if (given.length === 0 && id === undefined && keyFile === undefined) return undefined;
  if (id === undefined) throw usage('--peer needs --id ID, the name of this relay among the others');
  if (!isPeerId(id)) throw usage(`--id must be ${ID_FORM}, not ${inspectValue(id)}`);
  const urls: Record<string, string> = { ...configured?.urls };
  for (const text of given) {
    const at = text.indexOf('=');
    const [peer, url] = [text.slice(0, at), text.slice(at + 1)];
    if (at === -1 || !isPeerId(peer))
      throw usage(`--peer must be ID=URL, such as b=ws://10.0.0.2:7766/, not ${inspectValue(text)}`);
    urls[peer] = asUsage(() => checkPeerUrl(`--peer ${peer}`, url));
  }
  if (Object.hasOwn(urls, id)) throw usage(`--peer ${id} is this relay itself: give only the others`);
  const key = keyFile === undefined ? env[PEER_KEY] : (await readPeerKey(keyFile)).trim();
  if (key === undefined)
    throw usage(`relays need a key that they share: give --peer-key-file FILE, or set ${PEER_KEY}`);
  const place = keyFile === undefined ? PEER_KEY : quoted(keyFile);
  try {
    new PeerKey(key);
  } catch {
    throw input(`${place}: the key that relays share must have 32 characters or more`);
  }
  return { id, key, urls };
}

function readPeerKey(path: string): Promise<string> {
  return readFile(path, 'utf8').catch((error) => {
    throw unreadable(quoted(path), error);
  });
}

/** Returns what `read` returns. @throws CommandError `USAGE` in place of `INVALID_CALL`: the mistake is in the command line. */
function asUsage<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw usage(messageOf(error));
  }
}

/** Refuses grants of a config file that name no server of this relay: they are probably misspelt. */
function checkNames(config: RelayConfig, names: readonly string[], file = ''): void {
  const { servers = {}, anonymous } = config;
  const check = (where: string, patterns: readonly string[], known: readonly string[]) => {
    const stranger = strangerIn(patterns, known);
    if (stranger === undefined) return;
    const near = nearest(stranger, known);
    const meant = near === undefined ? `known are ${known.join(', ')}` : `did you mean ${near}?`;
    throw input(
      `${quoted(file)}: ${where} names ${inspectValue(stranger)}, which is not a server of this relay; ${meant}`,
    );
  };
  const serversOfFunctions = (functions: readonly string[] = []) =>
    functions.map((own) => own.split('.')[0] ?? '');
  check('anonymous.servers', anonymous?.servers ?? [], names);
  check('anonymous.functions', serversOfFunctions(anonymous?.functions), names);
  for (const [name, target] of Object.entries(servers)) {
    if (typeof target === 'string') continue;
    check(`servers.${name}.functions`, serversOfFunctions(target.functions), [name]);
  }
}

function configuredServers(
  { servers = {} }: RelayConfig,
  transport: Transport,
  file = '',
): Record<string, UpstreamTarget> {
  const targets: Record<string, UpstreamTarget> = {};
  for (const [name, given] of Object.entries(servers)) {
    const target: UpstreamTarget = typeof given === 'string' ? { dbAddress: given } : given;
    for (const [key, address] of Object.entries(target)) {
      if (typeof address !== 'string') continue;
      const where = `servers.${name}${typeof given === 'string' ? '' : `.${key}`}`;
      checkAddress(transport, address, (text) => input(`${quoted(file)}: ${where}: ${text}`));
    }
    targets[name] = target;
  }
  return targets;
}

function givenServers(options: ParsedOptions, transport: Transport): Record<string, UpstreamTarget> {
  const targets: Record<string, UpstreamTarget> = {};
  for (const text of options.texts('server')) {
    const at = text.indexOf('=');
    const [name, dbAddress] = [text.slice(0, at), text.slice(at + 1)];
    if (at === -1 || !isRelayedName(name)) {
      throw usage(
        `--server must be NAME=ADDRESS, such as demo=tcp://127.0.0.1:5555, not ${inspectValue(text)}`,
      );
    }
    if (Object.hasOwn(targets, name)) throw usage(`--server ${name} is given twice`);
    checkAddress(transport, dbAddress, (reason) => usage(`--server ${name}: ${reason}`));
    targets[name] = { dbAddress };
  }
  return targets;
}

function checkAddress(transport: Transport, address: string, fail: (reason: string) => CommandError): void {
  try {
    transport.checkAddress(address);
  } catch (error) {
    throw fail(messageOf(error));
  }
}

function originsOf(options: ParsedOptions): readonly string[] | undefined {
  const origins = options.texts('origin');
  for (const origin of origins) {
    if (isOrigin(origin)) continue;
    throw usage(
      `--origin must be an origin such as https://dash.example, without a path, not ${inspectValue(origin)}`,
    );
  }
  return origins.length === 0 ? undefined : origins;
}

/** What clients without a token may do. Undefined for nothing. */
function anonymousOf(
  options: ParsedOptions,
  config: RelayConfig,
  names: readonly string[],
): Grants | undefined {
  const functions = options.texts('allow');
  const cache = cacheOf(options);
  if (functions.length > 0)
    return { servers: serversGranted(functions, names), functions, cache: cache ?? 'none' };
  if (cache === undefined) return config.anonymous;
  if (config.anonymous !== undefined) return { ...config.anonymous, cache };
  throw usage('--cache needs --allow: it says which keys the clients that --allow admits may use');
}

function cacheOf(options: ParsedOptions): CacheScope | undefined {
  const given = options.text('cache');
  const scope = CACHE_SCOPES.find((one) => one === given);
  if (given === undefined || scope !== undefined) return scope;
  const near = nearest(given, CACHE_SCOPES);
  const meant = near === undefined ? '' : `; did you mean ${near}?`;
  throw usage(`--cache must be none, read, session or all, not ${inspectValue(given)}${meant}`);
}

/** The servers of these functions and no others, so that the grant opens no other server's cache. */
function serversGranted(functions: readonly string[], names: readonly string[]): readonly string[] {
  for (const pattern of functions) {
    if (pattern !== '*' && !/^[^\s.]+\.[^\s.]+$/.test(pattern)) {
      throw usage(
        `--allow must be 'server.function', with * for any part of it, not ${inspectValue(pattern)}`,
      );
    }
    const [server = ''] = pattern.split('.');
    if (names.some((name) => new NamePatterns([server]).match(name))) continue;
    const near = nearest(server, names);
    const meant = near === undefined ? `known are ${names.join(', ')}` : `did you mean ${near}?`;
    throw usage(`--allow ${inspectValue(pattern)} names no server of this relay; ${meant}`);
  }
  const servers = new NamePatterns(functions.map((pattern) => pattern.split('.')[0] ?? ''));
  return names.filter((name) => servers.match(name));
}

function usage(text: string): CommandError {
  return new CommandError('USAGE', text);
}

function input(text: string): CommandError {
  return new CommandError('INPUT', text, 'see frond relay --help');
}

// The config file of `frond relay`, checked key by key.

const COUNT = 'a whole number of at least 1';
const LIMIT = exactOptional(pipe(number(COUNT), safeInteger(COUNT), minValue(1, COUNT)));

const LIMITS = shape({
  maxFrame: LIMIT,
  window: LIMIT,
  maxHeld: LIMIT,
  maxHeldTotal: LIMIT,
  maxConnections: LIMIT,
  maxConnectionsPerAddress: LIMIT,
  maxChannels: LIMIT,
  maxRequests: LIMIT,
  greetingTimeout: LIMIT,
  heartbeat: LIMIT,
  resumeWindow: LIMIT,
} satisfies Record<keyof RelayLimits, typeof LIMIT>);

const PEERS = shape({
  id: exactOptional(text(ID_FORM, isPeerId)),
  keyFile: exactOptional(TEXT),
  urls: exactOptional(
    named(text(ID_FORM, isPeerId), text('the URL of a WebSocket, such as ws://10.0.0.2:7766/', isPeerUrl)),
  ),
});

const NATS = shape({
  url: text('addresses of NATS such as nats://host:4222, with commas between them', isNatsUrl),
  cluster: exactOptional(TEXT),
  creds: exactOptional(TEXT),
  ca: exactOptional(TEXT),
  cert: exactOptional(TEXT),
  key: exactOptional(TEXT),
} satisfies Record<keyof NatsAccess, unknown>);

const ADDRESS = exactOptional(text("an address such as 'tcp://127.0.0.1:5555'", (value) => value !== ''));

const TARGET = pipe(
  shape({
    dbAddress: ADDRESS,
    pushAddress: ADDRESS,
    subAddress: ADDRESS,
    workerPushAddress: ADDRESS,
    workerPullAddress: ADDRESS,
    functions: exactOptional(list(FUNCTIONS, "a list such as ['demo.upper']")),
  }),
  check(
    ({ functions: _, ...addresses }) => Object.keys(addresses).length > 0,
    'an object with the address of the server, as dbAddress',
  ),
);

const TRUST = custom<NonNullable<RelayOptions['trustProxy']>>((value) => {
  try {
    new Proxies(value as NonNullable<RelayOptions['trustProxy']>);
    return true;
  } catch {
    return false;
  }
}, TRUST_FORM);

const SHORT_TARGET = text("an address such as 'tcp://127.0.0.1:5555', or { dbAddress, … }", isWritten);

const CONFIG = shape({
  listen: exactOptional(TEXT),
  metrics: exactOptional(TEXT),
  servers: exactOptional(
    named(
      SERVER,
      lazy((value) => (typeof value === 'object' && value !== null ? TARGET : SHORT_TARGET)),
    ),
  ),
  origins: exactOptional(
    list(text('an origin such as https://dash.example', isOrigin), 'a list of origins of pages'),
  ),
  path: exactOptional(text('a path such as /frond', (path) => /^\/[^\s?#]*$/.test(path))),
  http: exactOptional(boolean('true or false')),
  checkInput: exactOptional(boolean('true or false')),
  tokens: exactOptional(TEXT),
  anonymous: exactOptional(shape(GRANTS)),
  limits: exactOptional(LIMITS),
  trustProxy: exactOptional(TRUST),
  tls: exactOptional(shape({ cert: TEXT, key: TEXT })),
  peers: exactOptional(PEERS),
  serverKey: exactOptional(TEXT),
  clientKey: exactOptional(TEXT),
  nats: exactOptional(NATS),
});

/** The content of a config file. */
export type RelayConfig = InferOutput<typeof CONFIG>;

/** Checks the content of a config file. @throws PalmError `INVALID_CALL` naming the file, and the key that is unknown, missing or of the wrong kind. */
export function checkConfig(content: unknown, file: string): RelayConfig {
  const source: Source = { file, suggest: nearest };
  return checked(CONFIG, content, source);
}

/**
 * Reads a config file. The paths in it are relative to its folder, and are returned as absolute paths.
 * @throws CommandError `INPUT` when the file cannot be read, or its content is wrong.
 */
export async function readConfig(path: string): Promise<RelayConfig> {
  const json = await readFile(path, 'utf8').catch((error) => {
    throw unreadable(quoted(path), error);
  });
  const { tokens, tls, peers, nats, ...others } = asInput(() =>
    checkConfig(parseJson(json, { file: path }), path),
  );
  const near = (name: string) => resolve(dirname(path), name);
  return {
    ...others,
    ...(tokens !== undefined && { tokens: near(tokens) }),
    ...(nats !== undefined && { nats: withPaths(nats, near) }),
    ...(tls !== undefined && { tls: { cert: near(tls.cert), key: near(tls.key) } }),
    ...(peers !== undefined && {
      peers: { ...peers, ...(peers.keyFile !== undefined && { keyFile: near(peers.keyFile) }) },
    }),
  };
}

function withPaths(
  nats: NonNullable<RelayConfig['nats']>,
  near: (path: string) => string,
): NonNullable<RelayConfig['nats']> {
  const whole = { ...nats };
  for (const name of ['creds', 'ca', 'cert', 'key'] as const) {
    const path = nats[name];
    if (path !== undefined) whole[name] = near(path);
  }
  return whole;
}

/** Returns what `read` returns. @throws CommandError `INPUT` in place of `INVALID_CALL`: the mistake is in a file. */
export function asInput<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw inputError(error);
  }
}

/** The error to throw for a mistake in a file; any other error as it is. */
export function inputError(error: unknown): unknown {
  const isFault = error instanceof PalmError && error.code === 'INVALID_CALL';
  return isFault ? new CommandError('INPUT', error.message, 'see frond relay --help', error) : error;
}

/** Whether a string is an origin in the form in which browsers send it. */
export function isOrigin(value: string): boolean {
  try {
    return new URL(value).origin === value;
  } catch {
    return false;
  }
}

function isPeerUrl(value: string): boolean {
  try {
    return checkPeerUrl('', value) === value;
  } catch {
    return false;
  }
}

function isWritten(value: string): boolean {
  return value !== '';
}
