/** From the options of a command to a connected client. */
import { Client } from '../src/client/client.ts';
import type { ConnectOptions } from '../src/client/connect-options.ts';
import { parseCall } from '../src/protocol/function-path.ts';
import type { CommandContext } from './command.ts';
import { CommandError } from './errors.ts';
import { noAddress, noName, type Reach, reachOf } from '../src/cli/reach.ts';
import { stderrLogger } from '../src/cli/stderr-logger.ts';
import { Waiting } from './waiting.ts';

/**
 * The stages that FUNCTION names: `server.function`, or several with commas between them.
 * @throws PalmError `INVALID_CALL` naming the stage that is not exactly `server.function`.
 */
export function readPath(text: string): { readonly path: readonly string[]; readonly server: string } {
  const path = text.split(',');
  const [entry] = parseCall(path);
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
  const reach = reachOf(context);
  const waiting = new Waiting(context);
  const settings = connectOptions(
    context,
    { ...reach, transport: waiting.over(reach.transport) },
    serverName,
  );
  const { dbAddress = settings.serverName ?? '' } = reach;
  const client = await waiting.for(dbAddress, Client.connect(settings));
  try {
    return await use(client);
  } finally {
    // Who pressed Ctrl-C does not want to wait.
    await client.close(signal.aborted ? { timeout: 0 } : {});
  }
}

function connectOptions(
  context: CommandContext,
  reach: Reach,
  defaultServer: string | undefined,
): ConnectOptions {
  const { options, signal } = context;
  const { transport, dbAddress, isRelayed } = reach;
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
