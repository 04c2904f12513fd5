/** What pages reach: the playground, and a relay to the cluster beside it, for who has the token in the link. */
import { randomBytes } from 'node:crypto';
import type { Relay } from '../../transports/relay/index.ts';
import { createRelayOn } from '../../transports/relay/serving.ts';
import { readTokens } from '../../transports/relay/auth/tokens.ts';
import { atLevel, sparing } from '../../src/logging.ts';
import { reasonText } from '../../src/protocol/errors.ts';
import type { Transport } from '../../src/transport.ts';
import type { CommandContext } from '../command.ts';
import { CommandError } from '../errors.ts';
import { affordable, keepDoors } from '../../src/cli/relay/doorkeeper.ts';
import { listen, serverOf, urlOf } from '../relay/listening.ts';
import { stderrLogger } from '../../src/cli/stderr-logger.ts';
import { loadWs } from '../ws.ts';
import { playgroundFolder, serveSite } from '../../src/cli/demo/site.ts';

export interface Gateway {
  /** Opens the playground, connected. */
  readonly link: string;
  /** URL of the relay. */
  readonly relay: string;
  readonly token: string;
  /** Names of the servers behind the relay. */
  readonly servers: readonly string[];
  /** Lets calls that are under way be answered within `timeout` milliseconds. */
  close(timeout: number): Promise<void>;
}

const PATH = '/relay';

/** Milliseconds between two signs of life to a page: on one machine they cost nothing, and the page says soon that there is nobody. */
const HEARTBEAT = 5_000;

/** Connections at once: the demo is for the people of one machine. */
const MOST_CONNECTIONS = 256;
/** How much more a server of the demo takes than one that is elsewhere: it is in this process, with its workers. */
const DESCRIPTORS_OF_ROLE = 2;

/**
 * @param servers - db_addresses by name, the one that pages connect to first.
 * @throws CommandError `USAGE` when the port is taken.
 */
export async function openGateway(
  { options, screen }: CommandContext,
  transport: Transport,
  servers: Readonly<Record<string, string>>,
): Promise<Gateway> {
  const place = { host: '127.0.0.1', port: options.number('port') ?? 0 };
  const site = serveSite(playgroundFolder());
  let relay: Relay | undefined;
  const logger = stderrLogger(screen, options.flag('json'), 'relay');
  const loggingLevel = options.flag('verbose') ? 'info' : 'error';
  const http = await serverOf(undefined, (request, response) => {
    if (relay?.respond(request, response) !== true) site(request, response);
  });
  const most = Math.min(MOST_CONNECTIONS, affordable(Object.keys(servers).length * DESCRIPTORS_OF_ROLE));
  keepDoors(http, { most, mostEach: most }, sparing(atLevel(logger, loggingLevel)));
  const port = await listen(http, place).catch((error) => {
    throw portTaken(error, place.port);
  });
  const token = randomBytes(16).toString('hex');
  try {
    relay = await createRelayOn(loadWs, {
      server: http,
      path: PATH,
      transport,
      servers: Object.fromEntries(Object.entries(servers).map(([name, dbAddress]) => [name, { dbAddress }])),
      authenticate: tokensFor(token).authenticate,
      limits: { heartbeat: HEARTBEAT },
      logger,
      loggingLevel,
    });
  } catch (error) {
    http.close();
    throw error;
  }
  const running = relay;
  const url = urlOf('ws', place, port, PATH);
  return {
    link: linkTo(`http://127.0.0.1:${port}/`, url, token, Object.keys(servers)),
    relay: url,
    token,
    servers: Object.keys(servers),
    async close(timeout) {
      await running.close({ timeout });
      http.close();
      http.closeAllConnections();
    },
  };
}

/** The error in words of the option, when it is that the port is taken. */
function portTaken(error: unknown, port: number): unknown {
  const isTaken = /EADDRINUSE/.test(reasonText(error));
  if (!isTaken) return error;
  const hint = 'end what uses it, give another --port, or leave it out: then the system chooses a free one';
  return new CommandError('USAGE', `--port ${port} is taken by another program`, hint, error);
}

/** One person, who may do everything with the demo. */
function tokensFor(token: string) {
  const grants = { servers: ['*'], functions: ['*'], cache: 'all', work: true };
  return readTokens({ tokens: [{ name: 'playground', token, ...grants }] });
}

/** The page finds in the fragment, which goes to no server, where it is to connect, with what token, and what to call first. */
function linkTo(page: string, relay: string, token: string, names: readonly string[]): string {
  const [server = ''] = names;
  // None of them has a character that a fragment does not take.
  return `${page}#relay=${relay}&token=${token}&server=${server}&servers=${names.join(',')}&fn=${server}.reverse`;
}
