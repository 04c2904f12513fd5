/** From the options of a command to a connected client. */

import { SignalHub } from '../src/async/signals.ts';
import { withinLimits } from '../src/async/timers.ts';
import { CacheLink } from '../src/cache-link.ts';
import { Client } from '../src/client/client.ts';
import type { ConnectOptions } from '../src/client/connect-options.ts';
import type { LogFields, Logger } from '../src/logging.ts';
import type { CacheReply } from '../src/protocol/cache-request.ts';
import { inspectValue, PalmError } from '../src/protocol/errors.ts';
import { parsePath } from '../src/protocol/function-path.ts';
import type { BindingTransport, Connection, Transport } from '../src/transport.ts';
import { websocketOn } from '../transports/websocket/node.ts';
import { zeromq } from '../transports/zeromq/index.ts';
import type { CommandContext } from './command.ts';
import { CommandError } from './errors.ts';
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

/**
 * Connects, runs `use` with the client, and closes it, whatever comes of it.
 * @param serverName - name the server must bear unless --server says another.
 * @throws CommandError `USAGE` when it is not said where the server is, and what {@link Client.connect} throws.
 */
export async function withClient<T>(
  context: CommandContext,
  serverName: string | undefined,
  use: (client: Client) => Promise<T>,
): Promise<T> {
  const { signal } = context;
  const access = serverFrom(context);
  const notices = new WaitNotices(context);
  const settings = connectOptions(
    context,
    { ...access, transport: notices.over(access.transport) },
    serverName,
  );
  const { dbAddress = settings.serverName ?? '' } = access;
  const client = await notices.for(dbAddress, Client.connect(settings));
  try {
    return await use(client);
  } finally {
    // Who pressed Ctrl-C does not want to wait.
    await client.close(signal.aborted ? { timeout: 0 } : {});
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
      '--this-config asks the server nothing, so --server, --push and --sub must say it',
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
    // A warning says what the error that follows says too.
    loggingLevel: options.flag('verbose') ? 'info' : 'error',
    signal,
  };
}

// How a command gets to its server: by itself, or through a relay.

export interface ServerAccess {
  readonly transport: Transport;
  /** Of the server, in the transport's terms: behind a relay its name. Undefined when it is not said. */
  readonly dbAddress: string | undefined;
  readonly isRelayed: boolean;
}

/** The transport that dials servers, encrypted when --server-key says so. */
export function dialTransport({ options }: CommandContext): BindingTransport {
  const serverKey = options.text('server-key');
  return zeromq(serverKey === undefined ? {} : { curve: { serverKey } });
}

/**
 * The way that --relay, --db and the environment say.
 * @param argument - the server's address where it is an argument.
 * @throws CommandError `USAGE` for options that do not go together, and what the transports throw.
 */
export function serverFrom(context: CommandContext, argument?: string): ServerAccess {
  const { options } = context;
  const relay = options.text('relay');
  const db = argument ?? options.text('db');
  const isAddress = db?.includes('://') === true;
  const isSaid = argument !== undefined || options.isGiven('db');
  // What is in the command line counts for more than the environment, which may have both.
  if (relay === undefined || (isAddress && isSaid && !options.isGiven('relay'))) {
    if (options.isGiven('token')) throw usage('--token is for a relay: say with --relay where that is');
    return { transport: dialTransport(context), dbAddress: db, isRelayed: false };
  }
  if (isAddress && isSaid)
    throw usage(`behind a relay a server has a name and no address such as ${inspectValue(db)}`);
  if (options.isGiven('server-key')) {
    throw usage('--server-key is for servers, and not for a relay, which is encrypted at wss://…');
  }
  const token = options.text('token');
  return {
    transport: websocketOn(loadWs, relay, token === undefined ? {} : { token }),
    dbAddress: isAddress ? undefined : db,
    isRelayed: true,
  };
}

/** The failure of a command that is not told where its server is. */
export function noAddress(what = 'server'): CommandError {
  return new CommandError(
    'USAGE',
    `where is the ${what}? Give --db ADDRESS, or set FROND_DB`,
    'frond demo starts a server to play with, and says its address',
  );
}

/** The failure of a command that is not told which of a relay's servers it is for. */
export function noName(): CommandError {
  return usage('which server? Behind a relay, --db is its name');
}

function usage(text: string): CommandError {
  return new CommandError('USAGE', text);
}

// A server's own keys, read over its db_address: what anybody may ask of any server without doing it harm.

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

  /** @throws PalmError `INVALID_CALL` when the transport cannot read the address. */
  static async open(transport: Transport, dbAddress: string): Promise<ServerKeys> {
    transport.checkAddress(dbAddress);
    return new ServerKeys(await transport.open(), dbAddress);
  }

  /** Waits for the server as long as it takes. */
  async read(key: string): Promise<CacheReply> {
    await this.connection.identify();
    return this.#channel.read(key);
  }

  /** As `reading`. @throws PalmError `TIMEOUT` after `timeout` milliseconds, or the signal's reason. */
  within<T>(timeout: number, signal: AbortSignal, reading: Promise<T>): Promise<T> {
    const expired = () => {
      const text = `no answer from the server at ${this.dbAddress} within ${timeout} ms; is it up, and is this its db_address?`;
      return new PalmError('TIMEOUT', text, { sent: 'unknown' });
    };
    return withinLimits({ timeout, signal, signals: new SignalHub() }, expired, reading);
  }

  /** Logs what happens to the connection. */
  async log(logger: Logger): Promise<void> {
    for await (const { type, ...fields } of this.connection.status()) {
      if (type !== 'closed') logger.info(type, fields as LogFields);
    }
  }

  async close(): Promise<void> {
    await this.connection.close({ timeout: 0 });
  }
}
