/** What the topology is drawn from: what servers say of themselves, and the calls that were seen. */
import type { ServerInfo } from '../state/discovery.ts';

export interface Node {
  readonly id: string;
  readonly kind: 'client' | 'server' | 'worker';
  readonly label: string;
  /** What it is, under its name. */
  readonly role: string;
  readonly x: number;
  readonly y: number;
  readonly isDown: boolean;
}

export interface Edge {
  readonly from: string;
  readonly to: string;
  /** `call`: from the client. `flow`: between servers. `work`: to a worker. `answer`: back to the client. */
  readonly kind: 'call' | 'flow' | 'work' | 'answer';
  /** Whether it leaves by the side. */
  readonly isBeside?: boolean;
}

export interface Topology {
  readonly nodes: readonly Node[];
  readonly edges: readonly Edge[];
  readonly width: number;
  readonly height: number;
}

export const CLIENT = '(client)';

const ROW = 84;
const TOP = 24;
const WIDTH = 384;
/** Room beside the servers for answers to pass. */
const MARGIN = 28;

/** @param paths - paths of calls that were seen. */
export function topologyOf(servers: readonly ServerInfo[], paths: readonly string[]): Topology {
  const routes = paths.map((path) => path.split(' ').map((stage) => stage.split('.')[0] ?? ''));
  const flows = unique([...flowsByAddress(servers), ...routes.flatMap(pairs)]);
  const known = new Set(servers.map(({ name }) => name));
  const names = [...known, ...routes.flat().filter((name) => !known.has(name))].filter(
    (name, index, all) => all.indexOf(name) === index,
  );
  const ranks = ranksOf(names, flows);
  const byName = new Map(servers.map((server) => [server.name, server]));
  const deepest = Math.max(0, ...ranks.values());
  const rows = Array.from({ length: deepest + 1 }, (_, rank) =>
    names.filter((name) => ranks.get(name) === rank),
  );
  const nodes: Node[] = [
    { id: CLIENT, kind: 'client', label: 'this page', role: 'client', x: WIDTH / 2, y: TOP, isDown: false },
  ];
  const edges: Edge[] = [];
  for (const [rank, row] of rows.entries()) {
    for (const [place, name] of row.entries()) {
      const server = byName.get(name);
      const x = placeOf(
        name,
        MARGIN + ((WIDTH - 2 * MARGIN) * (place + 0.5)) / row.length,
        row.length,
        flows,
        nodes,
      );
      const y = TOP + (rank + 1) * ROW;
      const isDown = server?.trouble !== undefined;
      nodes.push({
        id: name,
        kind: 'server',
        label: name,
        role: server?.status?.role ?? 'server',
        x,
        y,
        isDown,
      });
      const workers = server?.status?.workers ?? [];
      for (const [index, worker] of workers.entries()) {
        const id = `${name}/${worker.name}`;
        const at = x + (index - (workers.length - 1) / 2) * 56;
        nodes.push({
          id,
          kind: 'worker',
          label: worker.name,
          role: 'worker',
          x: at,
          y: y + 46,
          isDown: false,
        });
        edges.push({ from: name, to: id, kind: 'work' });
      }
    }
  }
  const hasWorkers = new Set(edges.map(({ from }) => from));
  for (const [from, to] of flows) edges.push({ from, to, kind: 'flow', isBeside: hasWorkers.has(from) });
  for (const server of servers) {
    if (server.status?.addresses['pull_address'] !== undefined)
      edges.push({ from: CLIENT, to: server.name, kind: 'call' });
  }
  for (const route of routes) {
    const [first = ''] = route;
    if (!edges.some(({ from, to }) => from === CLIENT && to === first))
      edges.push({ from: CLIENT, to: first, kind: 'call' });
    edges.push({ from: route.at(-1) ?? first, to: CLIENT, kind: 'answer' });
  }
  const height = Math.max(...nodes.map(({ y }) => y)) + 30;
  return { nodes, edges: uniqueEdges(edges), width: WIDTH, height };
}

/** Who publishes where another subscribes. Behind a relay addresses are hidden, and nothing is found here. */
function flowsByAddress(servers: readonly ServerInfo[]): [string, string][] {
  return servers.flatMap(({ name, status }) =>
    Object.entries(status?.addresses ?? {})
      .filter(([key]) => /^sub_address(_\d+)?$/.test(key))
      .flatMap(([, address]) => servers.filter((other) => other.status?.addresses['pub_address'] === address))
      .filter((other) => other.name !== name)
      .map((other): [string, string] => [other.name, name]),
  );
}

function pairs(route: readonly string[]): [string, string][] {
  return route.slice(1).map((name, index) => [route[index] ?? '', name]);
}

function unique(flows: readonly [string, string][]): [string, string][] {
  return [...new Map(flows.map((flow) => [flow.join(' '), flow])).values()];
}

function uniqueEdges(edges: readonly Edge[]): Edge[] {
  return [...new Map(edges.map((edge) => [`${edge.kind} ${edge.from} ${edge.to}`, edge])).values()];
}

/** How far from the client each server is. Circles are cut: no server is further than there are servers. */
function ranksOf(names: readonly string[], flows: readonly [string, string][]): Map<string, number> {
  const ranks = new Map(names.map((name) => [name, 0]));
  for (let round = 0; round < names.length; round++) {
    for (const [from, to] of flows) {
      const next = Math.min((ranks.get(from) ?? 0) + 1, names.length - 1);
      if ((ranks.get(to) ?? 0) < next) ranks.set(to, next);
    }
  }
  return ranks;
}

/** Below what it takes from, when it is alone in its row: a way that skips a row then has room beside it. */
function placeOf(
  name: string,
  even: number,
  inRow: number,
  flows: readonly [string, string][],
  nodes: readonly Node[],
): number {
  const sources = flows.filter(([, to]) => to === name).map(([from]) => from);
  const above = nodes.filter(({ id }) => sources.includes(id));
  if (inRow > 1 || above.length === 0) return even;
  return above.reduce((sum, { x }) => sum + x, 0) / above.length;
}
