/** The model of the topology: made from the status of the servers and the calls that were seen. */
import { type ServerInfo, takesCalls } from '../state/discovery.ts';
import { type Flow, HEIGHT, layOut, type Place, TOP, WIDTH } from './layout.ts';

/** The state of a worker: at work, dead, or gone after a good-bye. */
export type WorkerHealth = 'up' | 'dead' | 'left';

export interface Node {
  readonly id: string;
  /** `more`: a line that says how many workers are not drawn. */
  readonly kind: 'client' | 'server' | 'worker' | 'more';
  readonly label: string;
  /** What it is, under its name. */
  readonly role: string;
  readonly width: number;
  /** The middle of the node. For a worker it is the middle of its circle. */
  readonly x: number;
  readonly y: number;
  readonly isDown: boolean;
  readonly health: WorkerHealth;
}

export interface Edge {
  readonly from: string;
  readonly to: string;
  /** `call`: from the client. `flow`: between servers. `work`: to a worker. `answer`: back to the client. */
  readonly kind: 'call' | 'flow' | 'work' | 'answer';
}

export interface Topology {
  readonly nodes: readonly Node[];
  readonly edges: readonly Edge[];
  readonly width: number;
  readonly height: number;
}

export const CLIENT = '(client)';

/** Most workers that are drawn for a master, including dead ones. */
const MOST_WORKERS = 6;

/** Between a server and its first worker, and between two workers. */
const FIRST_WORKER = 34;
export const WORKER_ROW = 17;

/** @param paths - paths of calls that were seen. @param dead - workers that are known to be dead already. */
export function topologyOf(
  servers: readonly ServerInfo[],
  paths: readonly string[],
  dead: ReadonlySet<string> = new Set(),
): Topology {
  const routes = paths.map((path) => path.split(' ').map((stage) => stage.split('.')[0] ?? ''));
  const flows = unique([...flowsByAddress(servers), ...flowsByName(servers), ...routes.flatMap(pairs)]);
  const names = [...new Set([...servers.map(({ name }) => name), ...routes.flat()])];
  const crews = new Map(servers.map((server) => [server.name, crewOf(server, dead)]));
  const places = layOut(names, flows, {
    least: new Map(servers.map((server) => [server.name, leastRank(server)])),
    below: new Map([...crews].map(([name, { length }]) => [name, length === 0 ? 0 : length * WORKER_ROW])),
  });
  const byName = new Map(servers.map((server) => [server.name, server]));
  const common = { role: 'client', isDown: false, health: 'up' } as const;
  const nodes: Node[] = [
    { ...common, id: CLIENT, kind: 'client', label: 'this page', x: WIDTH / 2, y: TOP, width: 96 },
  ];
  const edges: Edge[] = [];
  for (const name of names) {
    const server = byName.get(name);
    const place = places.get(name) ?? { x: 0, y: 0, width: 0 };
    const isDown = server?.trouble !== undefined;
    const role = server?.status?.role ?? 'server';
    nodes.push({ ...common, id: name, kind: 'server', label: name, role, ...place, isDown });
    for (const [index, worker] of (crews.get(name) ?? []).entries()) {
      const id = `${name}/${index}`;
      nodes.push({ ...common, ...worker, id, ...placeOfWorker(place, index) });
      if (worker.kind === 'worker') edges.push({ from: name, to: id, kind: 'work' });
    }
  }
  for (const [from, to] of flows) edges.push({ from, to, kind: 'flow' });
  for (const server of servers) {
    if (takesCalls(server)) edges.push({ from: CLIENT, to: server.name, kind: 'call' });
  }
  for (const route of routes) {
    const [first = ''] = route;
    edges.push({ from: CLIENT, to: first, kind: 'call' });
    edges.push({ from: route.at(-1) ?? first, to: CLIENT, kind: 'answer' });
  }
  const height = Math.max(...nodes.map(({ y }) => y)) + HEIGHT / 2 + 8;
  return { nodes, edges: uniqueEdges(edges), width: WIDTH, height };
}

type Member = Pick<Node, 'kind' | 'label' | 'role' | 'health'>;

/** The workers that are drawn of a server, one below another. */
function crewOf({ status, gone }: ServerInfo, dead: ReadonlySet<string>): readonly Member[] {
  const member = (label: string, health: WorkerHealth): Member => ({
    kind: 'worker',
    label,
    role: 'worker',
    health: dead.has(label) ? 'dead' : health,
  });
  const all = [
    ...(status?.workers ?? []).map(({ name }) => member(name, 'up')),
    ...gone.map(({ name, isDead }) => member(name, isDead ? 'dead' : 'left')),
  ];
  // By name, so that a worker that dies keeps its place.
  all.sort((a, b) => (a.label < b.label ? -1 : 1));
  const pushed = status?.pushedWorkers ?? 0;
  const isTooMany = all.length > MOST_WORKERS;
  const shown = isTooMany ? all.slice(0, MOST_WORKERS - 1) : all;
  const rest = [
    ...(isTooMany ? [`and ${all.length - shown.length} more`] : []),
    ...(pushed > 0 ? [`${pushed} pushed ${pushed === 1 ? 'worker' : 'workers'}`] : []),
  ];
  return [...shown, ...rest.map((label): Member => ({ kind: 'more', label, role: '', health: 'up' }))];
}

function placeOfWorker({ x, y, width }: Place, index: number): Place {
  return { x: x - width / 2 + 22, y: y + FIRST_WORKER + index * WORKER_ROW, width: width - 6 };
}

/** Behind a relay a server says that it takes messages from others, but not from whom. */
function leastRank(server: ServerInfo): number {
  if (takesCalls(server)) return 0;
  return server.status?.role === 'Sink' ? 2 : 1;
}

/** Finds which server publishes at an address that another subscribes to. A relay hides addresses, so this finds nothing there. */
function flowsByAddress(servers: readonly ServerInfo[]): Flow[] {
  return servers.flatMap(({ name, status }) =>
    Object.entries(status?.addresses ?? {})
      .filter(([key]) => /^sub_address(_\d+)?$/.test(key))
      .flatMap(([, address]) => servers.filter((other) => other.status?.addresses['pub_address'] === address))
      .filter((other) => other.name !== name)
      .map((other): Flow => [other.name, name]),
  );
}

/** Finds which servers take from a server by its name, which a relay also shows. */
function flowsByName(servers: readonly ServerInfo[]): Flow[] {
  return servers.flatMap(({ name, status }) =>
    (status?.previous ?? []).flatMap((previous) =>
      servers
        .filter((other) => (other.status?.name ?? other.name) === previous && other.name !== name)
        .map((other): Flow => [other.name, name]),
    ),
  );
}

function pairs(route: readonly string[]): Flow[] {
  return route.slice(1).map((name, index) => [route[index] ?? '', name]);
}

function unique(flows: readonly Flow[]): Flow[] {
  return [...new Map(flows.map((flow) => [flow.join(' '), flow])).values()];
}

function uniqueEdges(edges: readonly Edge[]): Edge[] {
  return [...new Map(edges.map((edge) => [keyOf(edge), edge])).values()];
}

/** The key of an edge. */
export function keyOf({ kind, from, to }: Edge): string {
  return `${kind} ${from} ${to}`;
}
