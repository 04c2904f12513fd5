/** How a command gets to its server: by itself, or through a relay. */
import { websocketOn } from '../../transports/websocket/on-ws.ts';
import { zeromq } from '../../transports/zeromq/index.ts';
import { show } from '../protocol/errors.ts';
import type { BindingTransport, Transport } from '../transport.ts';
import type { CommandContext } from '../../cli/command.ts';
import { CommandError } from '../../cli/errors.ts';
import { loadWs } from '../../cli/ws.ts';

export interface Reach {
  readonly transport: Transport;
  /** Of the server, in the transport's terms: behind a relay its name. Undefined when it is not said. */
  readonly dbAddress: string | undefined;
  readonly isRelayed: boolean;
}

/** The transport that dials servers, encrypted when --server-key says so. */
export function dialling({ options }: CommandContext): BindingTransport {
  const serverKey = options.text('server-key');
  return zeromq(serverKey === undefined ? {} : { curve: { serverKey } });
}

/**
 * The way that --relay, --db and the environment say.
 * @param argument - the server's address where it is an argument.
 * @throws CommandError `USAGE` for options that do not go together, and what the transports throw.
 */
export function reachOf(context: CommandContext, argument?: string): Reach {
  const { options } = context;
  const relay = options.text('relay');
  const db = argument ?? options.text('db');
  const isAddress = db?.includes('://') === true;
  const isSaid = argument !== undefined || options.isGiven('db');
  // What is in the command line counts for more than the environment, which may have both.
  if (relay === undefined || (isAddress && isSaid && !options.isGiven('relay'))) {
    if (options.isGiven('token')) throw usage('--token is for a relay: say with --relay where that is');
    return { transport: dialling(context), dbAddress: db, isRelayed: false };
  }
  if (isAddress && isSaid)
    throw usage(`behind a relay a server has a name and no address such as ${show(db)}`);
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
