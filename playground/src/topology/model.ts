/** What the topology is drawn from: what servers say of themselves, and the calls that were seen. */
import { type ServerInfo, takesCalls } from '../state/discovery.ts';
import { type Flow, layOut, TOP, WIDTH } from './layout.ts';

export interface Node {
  readonly id: string;
  readonly kind: 'client' | 'server' | 'worker';
  readonly label: string;
  /** What it is, under its name. */
  readonly role: string;
  readonly width: number;
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

/** Workers that are drawn of a master. */
const MOST_WORKERS = 6;

/** @param paths - paths of calls that were seen. */
export function topologyOf(servers: readonly ServerInfo[], paths: readonly string[]): Topology {
  const routes = paths.map((path) => path.split(' ').map((stage) => stage.split('.')[0] ?? ''));
  const flows = unique([...flowsByAddress(servers), ...routes.flatMap(pairs)]);
  const names = [...new Set([...servers.map(({ name }) => name), ...routes.flat()])];
  const places = layOut(names, flows, new Map(servers.map((server) => [server.name, leastRank(server)])));
  const byName = new Map(servers.map((server) => [server.name, server]));
  const client = { id: CLIENT, kind: 'client', label: 'this page', role: 'client' } as const;
  const nodes: Node[] = [{ ...client, x: WIDTH / 2, y: TOP, width: 96, isDown: false }];
  const edges: Edge[] = [];
  for (const name of names) {
    const server = byName.get(name);
    const place = places.get(name) ?? { x: 0, y: 0, width: 0 };
    const role = server?.status?.role ?? 'server';
    const isDown = server?.trouble !== undefined;
    nodes.push({ id: name, kind: 'server', label: name, role, ...place, isDown });
    const workers = (server?.status?.workers ?? []).slice(0, MOST_WORKERS);
    const gap = Math.min(56, (place.width * 1.3) / Math.max(1, workers.length));
    for (const [index, { name: label }] of workers.entries()) {
      const id = `${name}/${label}`;
      const x = place.x + (index - (workers.length - 1) / 2) * gap;
      const y = place.y + 46;
      nodes.push({ id, kind: 'worker', label, role: 'worker', x, y, width: gap, isDown: false });
      edges.push({ from: name, to: id, kind: 'work' });
    }
  }
  const hasWorkers = new Set(edges.map(({ from }) => from));
  for (const [from, to] of flows) edges.push({ from, to, kind: 'flow', isBeside: hasWorkers.has(from) });
  for (const server of servers) {
    if (server.status !== undefined && takesCalls(server))
      edges.push({ from: CLIENT, to: server.name, kind: 'call' });
  }
  for (const route of routes) {
    const [first = ''] = route;
    edges.push({ from: CLIENT, to: first, kind: 'call' });
    edges.push({ from: route.at(-1) ?? first, to: CLIENT, kind: 'answer' });
  }
  const height = Math.max(...nodes.map(({ y }) => y)) + 30;
  return { nodes, edges: uniqueEdges(edges), width: WIDTH, height };
}

/** Behind a relay it is not told who takes from whom, but who takes from others. */
function leastRank(server: ServerInfo): number {
  if (takesCalls(server)) return 0;
  return server.status?.role === 'Sink' ? 2 : 1;
}

/** Who publishes where another subscribes. Behind a relay addresses are hidden, and nothing is found here. */
function flowsByAddress(servers: readonly ServerInfo[]): Flow[] {
  return servers.flatMap(({ name, status }) =>
    Object.entries(status?.addresses ?? {})
      .filter(([key]) => /^sub_address(_\d+)?$/.test(key))
      .flatMap(([, address]) => servers.filter((other) => other.status?.addresses['pub_address'] === address))
      .filter((other) => other.name !== name)
      .map((other): Flow => [other.name, name]),
  );
}

function pairs(route: readonly string[]): Flow[] {
  return route.slice(1).map((name, index) => [route[index] ?? '', name]);
}

function unique(flows: readonly Flow[]): Flow[] {
  return [...new Map(flows.map((flow) => [flow.join(' '), flow])).values()];
}

function uniqueEdges(edges: readonly Edge[]): Edge[] {
  return [...new Map(edges.map((edge) => [`${edge.kind} ${edge.from} ${edge.to}`, edge])).values()];
}
