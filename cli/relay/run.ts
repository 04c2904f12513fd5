/** `frond relay`, from its start to its end. */
import { createServer, type IncomingMessage, type RequestListener } from 'node:http';
import { type Logger, sparing } from '../../src/logging.ts';
import { openTokenFile } from '../../transports/relay/auth/token-file.ts';
import type { Tokens } from '../../transports/relay/auth/tokens.ts';
import { Proxies } from '../../transports/relay/http/proxies.ts';
import type { Relay, RelayOptions } from '../../transports/relay/index.ts';
import { strangerIn } from '../../transports/relay/name-patterns.ts';
import type { CacheScope, Grants, UpstreamTarget } from '../../transports/relay/options.ts';
import { createRelayOn } from '../../transports/relay/relay.ts';
import { resolveLimits } from '../../transports/relay/session/limits.ts';
import type { CommandContext } from '../command.ts';
import { DRAIN, untilToldToEnd } from '../ending.ts';
import { serviceLogger } from '../service-logger.ts';
import { grouped } from '../terminal/progress.ts';
import { type Fact, factLines, styleFor } from '../terminal/text.ts';
import { loadWs } from '../ws.ts';
import {
  affordableConnections,
  type ConnectionLimits,
  createHttpServer,
  isPublic,
  limitConnections,
  listen,
  OTHER_CONNECTIONS,
  SERVER_OPTIONS,
  urlOf,
} from './listening.ts';
import { Reload } from './reload.ts';
import { inputError, type RelaySettings, settingsOf } from './settings.ts';

/** Resolves with the exit code. @throws what keeps the relay from starting. */
export async function runRelay(context: CommandContext): Promise<number> {
  const { options } = context;
  const settings = await settingsOf(options, context.io.env);
  const logger = serviceLogger(context);
  const tokens = await tokensOf(settings, logger);
  let relay: Relay | undefined;
  const metricsRequests = new WeakSet<IncomingMessage>();
  const answer: RequestListener = (request, response) => {
    if (relay?.respond(request, response) === true) return;
    response.writeHead(404, { 'content-type': 'text/plain; charset=utf-8' });
    response.end('This is a frond relay. Connect to it with a WebSocket.\n');
  };
  const server = await createHttpServer(settings.tls, answer);
  const places = limitConnections(server, connectionLimits(settings), sparing(logger));
  relay = await createRelayOn(
    loadWs,
    {
      ...relayOptions(settings, tokens),
      server,
      metrics: (request) => metricsRequests.has(request),
      logger,
      loggingLevel: options.flag('verbose') ? 'info' : 'warning',
    },
    // From here on it counts for the address of its client, of which the relay takes care.
    places.leave,
  );
  const reload = new Reload({ options, env: context.io.env, initial: settings, relay, server, logger });
  const stopHangups = context.io.onHangup?.(() => void reload.again());
  const metricsServer = createServer(SERVER_OPTIONS, (request, response) => {
    metricsRequests.add(request);
    answer(request, response);
  });
  limitConnections(metricsServer, { most: OTHER_CONNECTIONS, mostEach: OTHER_CONNECTIONS }, sparing(logger));
  let drain = 0;
  try {
    const { place, path, tls } = settings;
    const port = await listen(server, place);
    if (isPublic(place) && tls === undefined && tokens === undefined) {
      logger.warning('anybody who can reach this machine may connect, and connections are not encrypted', {
        listen: options.text('listen') ?? `${place.host ?? '*'}:${port}`,
      });
    }
    const url = urlOf(tls === undefined ? 'ws' : 'wss', place, port, path);
    const metricsUrl =
      settings.metrics &&
      urlOf('http', settings.metrics, await listen(metricsServer, settings.metrics), '/metrics');
    warnOfUnknownServers(settings, tokens, logger);
    await printStarted(context, settings, tokens, url, metricsUrl);
    await untilToldToEnd(context, {
      status: () => `relaying · ${grouped(relay.connections)} connected`,
      remains: () => leaving(relay.connections),
    });
    drain = options.number('drain') ?? DRAIN;
  } finally {
    stopHangups?.();
    reload.stop();
    await relay.close({ timeout: drain });
    for (const one of [server, metricsServer]) {
      one.close();
      one.closeAllConnections();
    }
  }
  return 0;
}

function connectionLimits({ servers, limits, trustProxy, peers }: RelaySettings): ConnectionLimits {
  const { maxConnections, maxConnectionsPerAddress } = resolveLimits(limits);
  const most = Math.min(
    maxConnections + OTHER_CONNECTIONS,
    // A session that is passed on takes another one, to its owner.
    Math.floor(affordableConnections(Object.keys(servers).length) / (peers === undefined ? 1 : 2)),
  );
  // A single address never gets all of them.
  const mostEach = Math.min(maxConnectionsPerAddress + OTHER_CONNECTIONS, Math.ceil(most / 2));
  const proxies = new Proxies(trustProxy);
  return { most, mostEach, isProxy: (address) => proxies.has(address) };
}

async function tokensOf({ tokens }: RelaySettings, logger: Logger): Promise<Tokens | undefined> {
  if (tokens === undefined) return undefined;
  return openTokenFile(tokens, { logger }).catch((error) => {
    throw inputError(error);
  });
}

/** Only warns: several relays may share a token file, so it may name servers that this relay does not have. */
function warnOfUnknownServers({ servers }: RelaySettings, tokens: Tokens | undefined, logger: Logger): void {
  for (const identity of tokens?.identities ?? []) {
    const server = strangerIn(identity.servers, Object.keys(servers));
    if (server === undefined) continue;
    logger.warning('a token names a server that this relay does not have', {
      identity: identity.name,
      server,
    });
  }
}

function relayOptions(settings: RelaySettings, tokens: Tokens | undefined): RelayOptions {
  const { transport, servers, path, http, checkInput, origins, anonymous, limits, trustProxy, peers } =
    settings;
  return {
    transport,
    servers,
    path,
    http,
    checkInput,
    limits,
    trustProxy,
    peers,
    ...(origins !== undefined && { origins }),
    ...(anonymous !== undefined && { anonymous }),
    ...(tokens !== undefined && { authenticate: tokens.authenticate }),
  };
}

/** Undefined when no client is connected. */
function leaving(connections: number): string | undefined {
  if (connections === 0) return undefined;
  return `closing ${connections === 1 ? '1 connection' : `${grouped(connections)} connections`}`;
}

// What `frond relay` prints when it has started.

/** @param url - for clients on the same machine, as is `metrics`, which is undefined without --metrics. */
export async function printStarted(
  { io, options, output }: CommandContext,
  settings: RelaySettings,
  tokens: Tokens | undefined,
  url: string,
  metrics: string | undefined,
): Promise<void> {
  if (options.flag('json'))
    return output.json({ ...description(settings, tokens, url), ...(metrics && { metrics }) });
  const { accent, strong } = styleFor(io.stdout, io.env);
  const [command, ...code] = exampleLines(settings, url, io.invocation);
  const lines = [
    strong('relay'),
    ...factLines([
      ...factsOf(settings, tokens, url),
      ...(metrics === undefined ? [] : [['metrics', metrics] as const]),
    ]),
    '\nIt is running. Ctrl-C ends it. Try it in another terminal:\n',
    `  ${accent(command)}`,
    '\nIn a page or a script:\n',
    ...code.map((line) => `  ${accent(line)}`),
  ];
  await output.line(lines.join('\n'));
}

function description(settings: RelaySettings, tokens: Tokens | undefined, url: string): object {
  const { servers, origins = null, anonymous = null } = settings;
  const names = tokens === undefined ? null : namesOf(tokens);
  return {
    url,
    servers: Object.fromEntries(Object.entries(servers).map(([name, target]) => [name, addressOf(target)])),
    origins,
    anonymous,
    identities: names,
  };
}

function factsOf(settings: RelaySettings, tokens: Tokens | undefined, url: string): readonly Fact[] {
  const { servers, origins, anonymous, place, peers } = settings;
  const everywhere = place.host === undefined || place.host === '0.0.0.0' || place.host === '::';
  const facts: Fact[] = [['url', everywhere ? `${url}, and at every other address of this machine` : url]];
  for (const [name, target] of Object.entries(servers))
    facts.push(['server', `${name} at ${addressOf(target)}`]);
  if (peers !== undefined) {
    facts.push(['id', peers.id]);
    for (const [id, at] of Object.entries(peers.urls)) facts.push(['peer', `${id} at ${at}`]);
  }
  facts.push(['pages of', origins?.join(', ') ?? "the relay's own host"]);
  if (tokens !== undefined) {
    const names = namesOf(tokens).join(', ');
    facts.push(['tokens', `${names === '' ? 'nobody' : names} (${settings.tokens})`]);
  }
  facts.push(['anybody', anonymous === undefined ? 'may not connect' : describeGrants(anonymous)]);
  return facts;
}

const CACHE_RIGHTS: Readonly<Record<CacheScope, string>> = {
  none: '',
  read: 'read every key',
  session: 'use keys under anonymous/',
  all: 'use every key',
};

/** What these grants allow: `may call demo.*; read every key (demo)`. */
function describeGrants({ servers, functions = [], cache = 'none', work = false }: Grants): string {
  const rights = [
    ...(functions.length === 0 ? [] : [`call ${functions.join(', ')}`]),
    ...(cache === 'none' ? [] : [CACHE_RIGHTS[cache]]),
    ...(work ? ['work as a worker'] : []),
  ];
  return rights.length === 0 ? 'may do nothing' : `may ${rights.join('; ')} (${servers.join(', ')})`;
}

/** A line for the shell, and the lines of a program. Words in capitals are for the user to fill in. */
function exampleLines(
  settings: RelaySettings,
  url: string,
  invocation: string,
): readonly [string, ...string[]] {
  const { anonymous, servers } = settings;
  const [call, server] = callableFunction(anonymous, Object.keys(servers));
  const needsToken = anonymous === undefined;
  return [
    `${invocation} eval ${call} 'hello' --relay ${url}${needsToken ? ' --token TOKEN' : ''}`,
    `const transport = websocket('${url}'${needsToken ? ", { token: 'TOKEN' }" : ''});`,
    `const client = await Client.connect({ transport, serverName: '${server}' });`,
  ];
}

/** A function that may be called, and its server, for an example. */
function callableFunction(
  anonymous: Grants | undefined,
  names: readonly string[],
): readonly [string, string] {
  const [name = 'SERVER'] = names;
  for (const pattern of anonymous?.functions ?? []) {
    const [server = '', run = '*'] = pattern === '*' ? [name, '*'] : pattern.split('.');
    const known = names.includes(server) ? server : name;
    // Every server has the function echo.
    return [`${known}.${run.includes('*') ? 'echo' : run}`, known];
  }
  return [`${name}.${anonymous === undefined ? 'echo' : 'FUNCTION'}`, name];
}

function namesOf({ identities }: Tokens): readonly string[] {
  return [...new Set(identities.map(({ name }) => name))];
}

function addressOf({ dbAddress, pushAddress, subAddress }: UpstreamTarget): string {
  return dbAddress ?? pushAddress ?? subAddress ?? '';
}
