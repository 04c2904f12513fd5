/** `frond relay`, from its start to its end. */
import { createServer, type IncomingMessage, type RequestListener } from 'node:http';
import type { Relay, RelayOptions } from '../../transports/relay/index.ts';
import { strangerIn } from '../../transports/relay/name-patterns.ts';
import { Proxies } from '../../transports/relay/http/proxies.ts';
import { createRelayOn } from '../../transports/relay/serving.ts';
import { settleLimits } from '../../transports/relay/session/limits.ts';
import { openTokenFile } from '../../transports/relay/auth/token-file.ts';
import type { Tokens } from '../../transports/relay/auth/tokens.ts';
import { type Logger, sparing } from '../../src/logging.ts';
import type { CommandContext } from '../command.ts';
import { grouped } from '../terminal/progress.ts';
import { DRAIN } from '../commands/serve.ts';
import { showStatus } from '../../src/cli/status-line.ts';
import { stderrLogger } from '../../src/cli/stderr-logger.ts';
import { loadWs } from '../ws.ts';
import { inputError } from '../../src/cli/relay/config.ts';
import { affordable, type Doors, keepDoors, OTHER_CONNECTIONS, SERVER_OPTIONS } from '../../src/cli/relay/doorkeeper.ts';
import { isOpen, listen, serverOf, urlOf } from './listening.ts';
import { Reload } from './reload.ts';
import { type RelaySettings, settingsOf } from './settings.ts';
import { tellRelay } from '../../src/cli/relay/telling.ts';

/** Gives the exit code. @throws what keeps the relay from starting. */
export async function runRelay(context: CommandContext): Promise<number> {
  const { options, screen } = context;
  const settings = await settingsOf(options);
  const logger = stderrLogger(screen, options.flag('json'));
  const tokens = await tokensOf(settings, logger);
  let relay: Relay | undefined;
  const watchers = new WeakSet<IncomingMessage>();
  const answer: RequestListener = (request, response) => {
    if (relay?.respond(request, response) === true) return;
    response.writeHead(404, { 'content-type': 'text/plain; charset=utf-8' });
    response.end('This is a relay of frond: connect to it with a WebSocket.\n');
  };
  const server = await serverOf(settings.tls, answer);
  keepDoors(server, doorsOf(settings), sparing(logger));
  relay = await createRelayOn(loadWs, {
    ...relayOptions(settings, tokens),
    server,
    metrics: (request) => watchers.has(request),
    logger,
    loggingLevel: options.flag('verbose') ? 'info' : 'warning',
  });
  const reload = new Reload({ options, began: settings, relay, server, logger });
  const stopHangups = context.io.onHangup?.(() => void reload.again());
  const figures = createServer(SERVER_OPTIONS, (request, response) => {
    watchers.add(request);
    answer(request, response);
  });
  keepDoors(figures, { most: OTHER_CONNECTIONS, mostEach: OTHER_CONNECTIONS }, sparing(logger));
  let drain = 0;
  try {
    const { place, path, tls } = settings;
    const port = await listen(server, place);
    if (isOpen(place) && tls === undefined && tokens === undefined) {
      logger.warning('anybody who reaches this machine may come in, and nothing is encrypted', {
        listen: options.text('listen') ?? `${place.host ?? '*'}:${port}`,
      });
    }
    const url = urlOf(tls === undefined ? 'ws' : 'wss', place, port, path);
    const figuresAt =
      settings.metrics &&
      urlOf('http', settings.metrics, await listen(figures, settings.metrics), '/metrics');
    warnOfStrangers(settings, tokens, logger);
    await tellRelay(context, settings, tokens, url, figuresAt);
    await untilToldToEnd(context, relay);
    drain = options.number('drain') ?? DRAIN;
  } finally {
    stopHangups?.();
    reload.stop();
    await relay.close({ timeout: drain });
    for (const one of [server, figures]) {
      one.close();
      one.closeAllConnections();
    }
  }
  return 0;
}

function doorsOf({ servers, limits, trustProxy }: RelaySettings): Doors {
  const { maxConnections, maxConnectionsPerAddress } = settleLimits(limits);
  const most = Math.min(maxConnections + OTHER_CONNECTIONS, affordable(Object.keys(servers).length));
  // No address has all that there are.
  const mostEach = Math.min(maxConnectionsPerAddress + OTHER_CONNECTIONS, Math.ceil(most / 2));
  const proxies = new Proxies(trustProxy);
  return { most, mostEach, isProxy: (address) => proxies.has(address) };
}

async function tokensOf(
  { tokens }: RelaySettings,
  logger: ReturnType<typeof stderrLogger>,
): Promise<Tokens | undefined> {
  if (tokens === undefined) return undefined;
  return openTokenFile(tokens, { logger }).catch((error) => {
    throw inputError(error);
  });
}

/** Tokens for servers that there are not: a file may be of several relays, so they keep nobody from starting. */
function warnOfStrangers({ servers }: RelaySettings, tokens: Tokens | undefined, logger: Logger): void {
  for (const identity of tokens?.identities ?? []) {
    const server = strangerIn(identity.servers, Object.keys(servers));
    if (server === undefined) continue;
    logger.warning('a token is for a server that there is not', { identity: identity.name, server });
  }
}

function relayOptions(settings: RelaySettings, tokens: Tokens | undefined): RelayOptions {
  const { transport, servers, path, origins, anonymous, limits, trustProxy } = settings;
  return {
    transport,
    servers,
    path,
    limits,
    trustProxy,
    ...(origins !== undefined && { origins }),
    ...(anonymous !== undefined && { anonymous }),
    ...(tokens !== undefined && { authenticate: tokens.authenticate }),
  };
}

/** Resolves when the command is told to end. */
async function untilToldToEnd({ options, screen, signal }: CommandContext, relay: Relay): Promise<void> {
  const hide = showStatus(screen, () => `relaying · ${grouped(relay.connections)} connected`);
  await new Promise<void>((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
  hide();
  const { connections } = relay;
  if (connections > 0 && !options.flag('json')) {
    const what = connections === 1 ? '1 client that is' : `${grouped(connections)} clients that are`;
    screen.line(`frond: taking leave of ${what} connected; a second Ctrl-C ends at once`);
  }
}
