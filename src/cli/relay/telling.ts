/** What `frond relay` says of itself when it is up. */
import type { CacheScope, Grants, Target } from '../../../transports/relay/options.ts';
import type { Tokens } from '../../../transports/relay/auth/tokens.ts';
import type { CommandContext } from '../../../cli/command.ts';
import { type Fact, factLines } from '../facts.ts';
import { styleFor } from '../style.ts';
import type { RelaySettings } from '../../../cli/relay/settings.ts';

/** @param url - for who is on the same machine, as `metrics` is, where there are figures. */
export async function tellRelay(
  { io, options, output }: CommandContext,
  settings: RelaySettings,
  tokens: Tokens | undefined,
  url: string,
  metrics: string | undefined,
): Promise<void> {
  if (options.flag('json'))
    return output.json({ ...description(settings, tokens, url), ...(metrics && { metrics }) });
  const { accent, strong } = styleFor(io.stdout, io.env);
  const [command, ...code] = waysIn(settings, url, io.invocation);
  const lines = [
    strong('relay'),
    ...factLines([
      ...factsOf(settings, tokens, url),
      ...(metrics === undefined ? [] : [['metrics', metrics] as const]),
    ]),
    '\nIt is up, until Ctrl-C. In another terminal:\n',
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
  const { servers, origins, anonymous, place } = settings;
  const everywhere = place.host === undefined || place.host === '0.0.0.0' || place.host === '::';
  const facts: Fact[] = [['url', everywhere ? `${url}, and every other address of this machine` : url]];
  for (const [name, target] of Object.entries(servers))
    facts.push(['server', `${name} at ${addressOf(target)}`]);
  facts.push(['pages of', origins?.join(', ') ?? 'the host that it is reached at']);
  if (tokens !== undefined) {
    const names = namesOf(tokens).join(', ');
    facts.push(['tokens', `${names === '' ? 'nobody' : names}, by ${settings.tokens}`]);
  }
  facts.push(['anybody', anonymous === undefined ? 'may not come in' : deedsOf(anonymous)]);
  return facts;
}

const CACHE_DEEDS: Readonly<Record<CacheScope, string>> = {
  none: '',
  read: 'read every key',
  session: 'use keys under anonymous/',
  all: 'use every key',
};

/** What those with these grants may do: `may call demo.*, and read every key, of demo`. */
function deedsOf({ servers, functions = [], cache = 'none', work = false }: Grants): string {
  const deeds = [
    ...(functions.length === 0 ? [] : [`call ${functions.join(', ')}`]),
    ...(cache === 'none' ? [] : [CACHE_DEEDS[cache]]),
    ...(work ? ['work'] : []),
  ];
  return deeds.length === 0 ? 'may do nothing' : `may ${deeds.join('; ')} (${servers.join(', ')})`;
}

/** A line for the shell, and the lines of a program; in capitals what is not known here. */
function waysIn(settings: RelaySettings, url: string, invocation: string): readonly [string, ...string[]] {
  const { anonymous, servers } = settings;
  const [call, server] = callOf(anonymous, Object.keys(servers));
  const needsToken = anonymous === undefined;
  return [
    `${invocation} eval ${call} 'hello' --relay ${url}${needsToken ? ' --token TOKEN' : ''}`,
    `const transport = websocket('${url}'${needsToken ? ", { token: 'TOKEN' }" : ''});`,
    `const client = await Client.connect({ transport, serverName: '${server}' });`,
  ];
}

/** A function that may be called, and its server. */
function callOf(anonymous: Grants | undefined, names: readonly string[]): readonly [string, string] {
  const [name = 'SERVER'] = names;
  for (const pattern of anonymous?.functions ?? []) {
    const [server = '', run = '*'] = pattern === '*' ? [name, '*'] : pattern.split('.');
    const known = names.includes(server) ? server : name;
    // Every server has echo.
    return [`${known}.${run.includes('*') ? 'echo' : run}`, known];
  }
  return [`${name}.${anonymous === undefined ? 'echo' : 'FUNCTION'}`, name];
}

function namesOf({ identities }: Tokens): readonly string[] {
  return [...new Set(identities.map(({ name }) => name))];
}

function addressOf({ dbAddress, pushAddress, subAddress }: Target): string {
  return dbAddress ?? pushAddress ?? subAddress ?? '';
}
