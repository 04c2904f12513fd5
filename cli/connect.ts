/** Connects a command to its server, as its options say. */

import { SignalHub } from '../src/async/signals.ts';
import { withinLimits } from '../src/async/timers.ts';
import { CacheLink } from '../src/cache-link.ts';
import { Client } from '../src/client/client.ts';
import type { ConnectOptions } from '../src/client/connect-options.ts';
import { FUNCTIONS_KEY, type FunctionDescription } from '../src/functions/contract/description.ts';
import { readDescriptions } from '../src/functions/contract/read-descriptions.ts';
import type { LogFields, Logger } from '../src/logging.ts';
import { type CacheReply, replyText } from '../src/protocol/cache-request.ts';
import { inspectValue, PalmError } from '../src/protocol/errors.ts';
import { parsePath } from '../src/protocol/function-path.ts';
import type { BindingTransport, Connection, Transport } from '../src/transport.ts';
import { websocketOn } from '../transports/websocket/node.ts';
import { clusterTransport, curveOf, dialKeys } from './cluster-transport.ts';
import type { CommandContext, ParsedOptions } from './command.ts';
import { CommandError } from './errors.ts';
import { givenOfNats, isNatsAddress, natsAccess } from './nats-access.ts';
import { stderrLogger } from './terminal/screen.ts';
import { WaitNotices } from './wait-notices.ts';
import { loadWs } from './ws.ts';

/**
 * The stages that FUNCTION names: `server.function`, or several with commas between them.
 * @throws PalmError `INVALID_CALL` naming the stage that is not exactly `server.function`.
 */
export function readPath(text: string): { readonly path: readonly string[]; readonly server: string } {
  const path = text.split(',');
  const [entry] = parsePath(path);
  return { path, server: entry?.server ?? '' };
}

/** What the options say of every call. A priority of 0 is none, which older servers know. */
export function callOptions(options: ParsedOptions): {
  readonly cache: string;
  readonly priority?: number;
} {
  const priority = options.number('priority') ?? 0;
  return { cache: options.text('cache') ?? '', ...(priority !== 0 && { priority }) };
}

/**
 * Connects, runs `use` with the client, and closes the client afterwards.
 * @param serverName - name that the server must have, unless --server says another.
 * @throws CommandError `USAGE` when no server is given, and what {@link Client.connect} and `use` throw.
 */
export async function withClient<T>(
  context: CommandContext,
  serverName: string | undefined,
  use: (client: Client, offers: OffersOf) => Promise<T>,
): Promise<T> {
  const { signal } = context;
  const access = await serverFrom(context);
  const notices = new WaitNotices(context);
  const over = notices.over(access.transport);
  let connection: Connection | undefined;
  const transport: Transport = {
    ...over,
    open: async () => {
      connection = await over.open();
      return connection;
    },
  };
  const settings = connectOptions(context, { ...access, transport }, serverName);
  const { dbAddress = settings.serverName ?? '' } = access;
  const client = await notices.for(dbAddress, Client.connect(settings));
  const offers = async () => {
    // With --this-config the server is not asked for anything.
    if (connection === undefined || settings.thisConfig === true) return undefined;
    const keys = ServerKeys.over(connection, dbAddress);
    const asked = keys.within(settings.timeout ?? TIMEOUT, signal, askOffers(keys));
    return notices.for(dbAddress, asked);
  };
  try {
    return await use(client, offers);
  } finally {
    // After Ctrl-C the user does not want to wait.
    await client.close(signal.aborted ? { timeout: 0 } : {});
  }
}

/** Milliseconds to wait for what a server says of its functions, unless --timeout says otherwise. */
const TIMEOUT = 30_000;

/** What the server says of its functions; undefined where it says nothing. */
export type OffersOf = () => Promise<readonly FunctionDescription[] | undefined>;

async function askOffers(keys: ServerKeys): Promise<readonly FunctionDescription[] | undefined> {
  const { features } = await keys.read('name');
  // Not asked of a pylm server, which logs an error for every missing key.
  if (features === undefined) return undefined;
  const text = replyText(await keys.read(FUNCTIONS_KEY));
  try {
    return readDescriptions(text);
  } catch {
    // It is of an older frond, or cannot be read.
    return undefined;
  }
}

function connectOptions(
  context: CommandContext,
  access: ServerAccess,
  defaultServer: string | undefined,
): ConnectOptions {
  const { options, signal } = context;
  const { transport, dbAddress, isRelayed } = access;
  const serverName = options.text('server') ?? defaultServer;
  if (dbAddress === undefined) {
    if (!isRelayed) throw noAddress();
    if (serverName === undefined) throw noName();
  }
  const pushAddress = options.text('push');
  const subAddress = options.text('sub');
  const thisConfig = options.flag('this-config');
  if (thisConfig && (serverName === undefined || pushAddress === undefined || subAddress === undefined)) {
    throw new CommandError(
      'USAGE',
      '--this-config needs --server, --push and --sub, because it does not ask the server for them',
    );
  }
  const session = options.text('session');
  const timeout = options.number('timeout');
  return {
    transport,
    ...(dbAddress !== undefined && { dbAddress }),
    ...(serverName !== undefined && { serverName }),
    ...(pushAddress !== undefined && { pushAddress }),
    ...(subAddress !== undefined && { subAddress }),
    ...(session !== undefined && { session }),
    ...(timeout !== undefined && { timeout }),
    thisConfig,
    errorSentinel: options.flag('error-sentinel'),
    logger: stderrLogger(context.screen, options.flag('json')),
    // Not 'warning': the error that follows says the same.
    loggingLevel: options.flag('verbose') ? 'info' : 'error',
    signal,
  };
}

// Where the server is: at an address, or behind a relay.

/** How to connect to a server. */
export interface ServerAccess {
  readonly transport: Transport;
  /** Address of the server or, behind a relay, its name. Undefined when neither is given. */
  readonly dbAddress: string | undefined;
  readonly isRelayed: boolean;
}

/**
 * The transport that dials servers, with CURVE when --server-key is given.
 * @param db - the address in the command line: one of ZeroMQ overrides a NATS in the environment.
 */
async function dialTransport({ options }: CommandContext, db: string | undefined): Promise<BindingTransport> {
  const isZeromq = db?.includes('://') === true && givenOfNats(options).length === 0;
  return clusterTransport(options, curveOf(dialKeys(options)), isZeromq ? null : natsAccess(options));
}

/**
 * The server that --relay, --nats, --db and the environment name.
 * @param argument - address or name of the server, where that is an argument of the command.
 * @throws CommandError `USAGE` for options that exclude each other, and what the transports throw.
 */
export async function serverFrom(context: CommandContext, argument?: string): Promise<ServerAccess> {
  const { options } = context;
  const relay = options.text('relay');
  const db = argument ?? options.text('db');
  const isAddress = db?.includes('://') === true || isNatsAddress(db);
  const isSaid = argument !== undefined || options.isGiven('db');
  const [ofNats] = givenOfNats(options);
  // An address or --nats in the command line overrides a relay in the environment.
  const isElsewhere = (isAddress && isSaid) || ofNats !== undefined;
  if (relay === undefined || (isElsewhere && !options.isGiven('relay'))) {
    if (options.isGiven('token')) throw usage('--token needs --relay URL: it is a token for a relay');
    const transport = await dialTransport(context, isSaid ? db : undefined);
    return { transport, dbAddress: db, isRelayed: false };
  }
  if (ofNats !== undefined)
    throw usage(
      `--${ofNats} and --relay exclude each other: the relay itself finds its servers, over NATS too`,
    );
  if (isAddress && isSaid)
    throw usage(`with --relay, give the name of the server instead of the address ${inspectValue(db)}`);
  if (options.isGiven('native')) {
    throw usage('--native and --relay exclude each other: a connection to a relay is a WebSocket');
  }
  for (const key of ['server-key', 'client-key'] as const) {
    if (!options.isGiven(key)) continue;
    const instead = key === 'server-key' ? 'is encrypted with wss://…' : 'shows who you are with --token';
    throw usage(`--${key} and --relay exclude each other: a connection to a relay ${instead}`);
  }
  const token = options.text('token');
  return {
    transport: websocketOn(loadWs, relay, token === undefined ? {} : { token }),
    dbAddress: isAddress ? undefined : db,
    isRelayed: true,
  };
}

/** The error for a missing address. @param what - what the address is of. */
export function noAddress(what = 'server'): CommandError {
  return new CommandError(
    'USAGE',
    `the address of the ${what} is missing: give --db ADDRESS, or set FROND_DB`,
    'frond demo starts a server to try, and prints its address',
  );
}

/** The error for a missing name behind a relay. */
export function noName(): CommandError {
  return usage('the name of the server is missing: with --relay, give it as --db NAME');
}

function usage(text: string): CommandError {
  return new CommandError('USAGE', text);
}

/** Reads a server's own keys over its db_address, which does no harm to any server. */
export class ServerKeys {
  readonly connection: Connection;
  readonly dbAddress: string;
  readonly #channel: CacheLink;

  private constructor(connection: Connection, dbAddress: string) {
    this.connection = connection;
    this.dbAddress = dbAddress;
    this.#channel = new CacheLink({
      connection,
      dbAddress,
      session: undefined,
      tap: undefined,
    });
  }

  /** Opens a connection. @throws PalmError `INVALID_CALL` when the address is not one of the transport. */
  static async open(transport: Transport, dbAddress: string): Promise<ServerKeys> {
    transport.checkAddress(dbAddress);
    return new ServerKeys(await transport.open(), dbAddress);
  }

  /** Reads over a connection that is there. */
  static over(connection: Connection, dbAddress: string): ServerKeys {
    return new ServerKeys(connection, dbAddress);
  }

  /** Reads a key. Waits for the server without a limit. */
  async read(key: string): Promise<CacheReply> {
    await this.connection.identify();
    return this.#channel.read(key);
  }

  /** Settles as `reading`. @throws PalmError `TIMEOUT` after `timeout` milliseconds; the signal's reason. */
  within<T>(timeout: number, signal: AbortSignal, reading: Promise<T>): Promise<T> {
    const expired = () => {
      const text = `no answer from the server at ${this.dbAddress} within ${timeout} ms: check that it runs, and that this is its db_address`;
      return new PalmError('TIMEOUT', text, { sent: 'unknown' });
    };
    return withinLimits({ timeout, signal, signals: new SignalHub() }, expired, reading);
  }

  /** Logs the events of the connection until it is closed. */
  async log(logger: Logger): Promise<void> {
    for await (const { type, ...fields } of this.connection.status()) {
      if (type !== 'closed') logger.info(type, fields as LogFields);
    }
  }

  async close(): Promise<void> {
    await this.connection.close({ timeout: 0 });
  }
}
