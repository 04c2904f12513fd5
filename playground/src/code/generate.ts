import { PAGE_SERVERS } from '../cluster/page-cluster.ts';
import { type Action, type Runtime, type Setting, serversOf } from './action.ts';
import { clusterSource } from './cluster-source.ts';
import { quoted } from './quoted.ts';
import { callOf } from './statements.ts';

/** A program in parts, which follow one another. */
export interface CodePart {
  readonly code: string;
  /** The title of a part that is folded, because it need not be read. */
  readonly aside?: string;
}

/** A complete program that does the action: a module of a page, or for Node or Deno. */
export function generate(action: Action, setting: Setting, runtime: Runtime): readonly CodePart[] {
  const { body, uses } = callOf(action);
  const place = setting.kind === 'page' ? here(action, uses) : behindRelay(setting, runtime, uses);
  const connect = [
    'const client = await Client.connect({',
    '  transport,',
    ...addresses(action, setting).map((line) => `  ${line},`),
    ...(setting.session === '' ? [] : [`  session: ${quoted(setting.session)},`]),
    '});',
  ];
  const head = [howToRun(setting, runtime), place.imports, ''].join('\n');
  const call = [...place.before, ...connect, '', body, '', 'await client.close();', ...place.after, ''].join(
    '\n',
  );
  return [
    { code: runtime === 'deno' ? head.replaceAll(/from 'frond(\/\w+)?'/g, "from 'npm:frond$1'") : head },
    ...(place.cluster === undefined ? [] : [place.cluster]),
    { code: call },
  ];
}

/** The program as it is run. */
export function programOf(parts: readonly CodePart[]): string {
  return parts.map(({ code }) => code).join('\n');
}

interface PlaceCode {
  readonly imports: string;
  readonly cluster?: CodePart;
  readonly before: readonly string[];
  readonly after: readonly string[];
}

/** The program with the cluster in it, as in the page. */
function here(action: Action, uses: ReadonlySet<string>): PlaceCode {
  const { source, roles, isTyped } = clusterSource(
    serversOf(action).all,
    'path' in action ? action.path : '',
  );
  const names = new Set(['Client', 'text', ...(isTyped ? ['json'] : []), ...uses]);
  return {
    imports: [
      `import { ${[...names].sort().join(', ')} } from 'frond';`,
      "import { startRole } from 'frond/cluster';",
      ...(isTyped ? ["import { fn } from 'frond/functions';"] : []),
      "import { memory } from 'frond/memory';",
    ].join('\n'),
    cluster: { code: [source, ...starting(roles)].join('\n'), aside: asideOf(roles) },
    before: [],
    after: ['for (const role of roles.reverse()) await role.close();'],
  };
}

function starting(roles: readonly string[]): string[] {
  return [
    'const transport = memory();',
    'const roles = [];',
    `for (const definition of [${roles.join(', ')}]) {`,
    "  roles.push(await startRole({ ...definition, loggingLevel: 'warning' }, transport));",
    '}',
    'for (const role of roles) await role.ready?.();',
    '',
  ];
}

function asideOf(roles: readonly string[]): string {
  const [first = '', ...others] = roles.filter((role) => !role.includes('('));
  const workers = roles.length - others.length - 1;
  const named = [first, ...others, ...(workers === 0 ? [] : [`${workers} workers`])].join(', ');
  return `The cluster of this page: ${named}`;
}

const TOKENS: Readonly<Record<Runtime, string>> = {
  browser: "() => new URLSearchParams(location.hash.slice(1)).get('token') ?? undefined",
  node: '() => process.env.FROND_TOKEN',
  deno: "() => Deno.env.get('FROND_TOKEN')",
};

function behindRelay(
  { url, hasToken }: Setting & { kind: 'relay' },
  runtime: Runtime,
  uses: ReadonlySet<string>,
): PlaceCode {
  const token = hasToken ? `, {\n  token: ${TOKENS[runtime]},\n}` : '';
  return {
    imports: [
      `import { ${[...new Set(['Client', ...uses])].sort().join(', ')} } from 'frond';`,
      "import { websocket } from 'frond/websocket';",
    ].join('\n'),
    before: [`const transport = websocket(${quoted(url)}${token});`, ''],
    after: [],
  };
}

function addresses(action: Action, setting: Setting): string[] {
  const { first, last } = serversOf(action);
  const lines = [`serverName: ${quoted(first)}`];
  if (setting.kind === 'relay') {
    if (last !== first) lines.push(`subAddress: ${quoted(last)}`);
    return lines;
  }
  const at = (name: string) => PAGE_SERVERS.find((server) => server.name === name);
  lines.push(`dbAddress: ${quoted(at(first)?.dbAddress ?? `memory://${first}`)}`);
  if (last !== first) lines.push(`subAddress: ${quoted(at(last)?.pubAddress ?? `memory://${last}/results`)}`);
  return lines;
}

function howToRun(setting: Setting, runtime: Runtime): string {
  if (runtime === 'browser')
    return '// A module of your page; with frond installed, any bundler takes it from here.';
  const token = setting.kind === 'relay' && setting.hasToken ? 'FROND_TOKEN=… ' : '';
  if (runtime === 'node') {
    const ws = setting.kind === 'relay' ? ' ws' : '';
    return `// npm install frond${ws} && ${token}node example.mjs`;
  }
  const net = setting.kind === 'relay' ? ' --allow-net --allow-env' : '';
  return `// ${token}deno run${net} example.js`;
}
