import { checkTimeout } from '../checks.ts';
import type { Interceptor } from '../interceptor.ts';
import { atLevel, consoleLogger, type Logger, type LoggingLevel } from '../logging.ts';
import { invalidCall, messageOf, mustBe } from '../protocol/errors.ts';
import { checkServerName } from '../protocol/function-path.ts';
import { checkId } from '../protocol/ids.ts';
import type { Metadata } from '../protocol/metadata.ts';
import type { Tap } from '../tap.ts';
import type { Transport } from '../transport.ts';
import type { LinkAddresses, Route } from './call-link.ts';

/** How to reach a server: pylm's `Client(…)` arguments in camel case, and frond's own below them. */
export interface ConnectOptions {
  /** Carries the messages: `zmtp()`, `memory()`, … */
  readonly transport: Transport;
  /** Name that the server must have. Left out, any server at `dbAddress` will do. */
  readonly serverName?: string | undefined;
  /** Address of the server's cache. Left out, `serverName` is the address: a relay finds servers by their names. */
  readonly dbAddress?: string | undefined;
  /** Address that calls are sent to. Left out, the server is asked. */
  readonly pushAddress?: string | undefined;
  /**
   * Address that answers are published at. Left out, the server is asked: one of frond's knows where its pipeline ends when the servers
   * behind it are frond's, too, and know its `dbAddress` (`previousDbAddress`).
   */
  readonly subAddress?: string | undefined;
  /** Name of the session. It marks every message, and is the prefix of every key. */
  readonly session?: string | undefined;
  /** Does not ask the server: its name and both addresses must be given. Default false. */
  readonly thisConfig?: boolean | undefined;
  /** The lowest level that is logged. Default `warning`. */
  readonly loggingLevel?: LoggingLevel | undefined;
  /** Where log messages go. Default: the console. */
  readonly logger?: Logger | undefined;
  /** Id of this client, which no other client may have. Default: a random one. Behind a relay, the relay assigns it. */
  readonly id?: string | undefined;
  /** Milliseconds that connecting, an eval or a cache call may take; calls may say otherwise. Default 30 000. */
  readonly timeout?: number | undefined;
  /** Ends connecting when it aborts. */
  readonly signal?: AbortSignal | undefined;
  /**
   * Treats an answer of one byte, `0`, as a failed call. pylm sends it when a function raises, but a function may return
   * `b'0'` too, so you decide. Default false. frond servers mark failed calls.
   */
  readonly errorSentinel?: boolean | undefined;
  /** Goes with each eval, job and map through all of its stages; a call's own comes on top. */
  readonly metadata?: Metadata | undefined;
  /** Stand around each eval, job and map, the first one outermost. */
  readonly interceptors?: readonly Interceptor[] | undefined;
  /** Called with every envelope that leaves or arrives. */
  readonly tap?: Tap | undefined;
}

/** What a client knows of its server. */
export interface ServerProfile extends Omit<Route, 'addresses'> {
  readonly serverName: string;
  /** False for a server of a pipeline that does not know where that ends. */
  readonly isEndKnown: boolean;
  /** Undefined for a server that takes no calls from clients: a Pipeline, Hub or Sink. Its cache can be used. */
  readonly addresses: LinkAddresses | undefined;
}

/** The options, checked, with the defaults of those that were left out. */
export interface ClientSettings extends ConnectOptions {
  readonly dbAddress: string;
  readonly logger: Logger;
  readonly timeout: number;
}

const DEFAULT_TIMEOUT = 30_000;

/** @throws PalmError `INVALID_CALL` naming the option that is not acceptable. */
export function resolveOptions(options: ConnectOptions): ClientSettings {
  const { transport, serverName, pushAddress, subAddress, session, id } = options;
  if (typeof transport?.open !== 'function')
    throw mustBe('transport', 'a transport such as zmtp()', transport);
  if (serverName !== undefined) checkServerName('serverName', serverName);
  if (session !== undefined) checkId('session', session);
  if (id !== undefined) checkId('id', id);
  const dbAddress = resolveAddress(options);
  for (const address of [pushAddress, subAddress]) if (address !== undefined) transport.checkAddress(address);
  const own = options.logger ?? consoleLogger(id === undefined ? 'frond client' : `frond client ${id}`);
  const logger = atLevel(own, options.loggingLevel ?? 'warning');
  return {
    ...options,
    dbAddress,
    logger,
    timeout: checkTimeout('timeout', options.timeout ?? DEFAULT_TIMEOUT),
  };
}

/** @throws PalmError `INVALID_CALL` when there is no address, or the transport cannot read it. */
function resolveAddress({ transport, dbAddress, serverName }: ConnectOptions): string {
  const address = dbAddress ?? serverName;
  if (address === undefined)
    throw invalidCall('to find the server, give dbAddress or, behind a relay, serverName');
  try {
    transport.checkAddress(address);
  } catch (error) {
    if (dbAddress !== undefined) throw error;
    throw invalidCall(`dbAddress must be given: ${messageOf(error)}`, { cause: error });
  }
  return address;
}
