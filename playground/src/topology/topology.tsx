import { useSignal } from '@preact/signals';
import { useEffect, useMemo, useRef } from 'preact/hooks';
import type { PageCluster } from '../cluster/page-cluster.ts';
import { usePlayground } from '../context.ts';
import { Card } from '../parts/card.tsx';
import { useReducedMotion } from '../parts/hooks.ts';
import type { Phase } from '../state/connection.ts';
import { Dots } from './dots.ts';
import { CLIENT, type Edge, keyOf, type Node, type Topology, topologyOf } from './model.ts';
import { CHARACTER, type Curve, curvesOf, NAME_AT, pathData } from './paths.ts';
import { ServerFacts } from './server-facts.tsx';

/** Draws the cluster from the status of the servers and the messages that were seen. */
export function TopologyCard() {
  const { connection, traffic, cluster } = usePlayground();
  const servers = connection.discovery.servers.value;
  const paths = traffic.paths.value;
  const topology = useStable(topologyOf(servers, paths, deadIn(cluster.value)));
  const chosen = useSignal<string | undefined>(undefined);
  const info = servers.find(({ name }) => name === chosen.value);
  return (
    <Card title="Topology" note={noteOf(connection.phase.value.type, servers.length)}>
      <Drawing
        isOld={connection.phase.value.type !== 'connected'}
        topology={topology}
        chosen={chosen.value}
        onChoose={(id) => {
          chosen.value = chosen.value === id ? undefined : id;
        }}
      />
      {info === undefined ? (
        <p class="hint">Dots are messages on their way. Choose a server to see its status.</p>
      ) : (
        <ServerFacts server={info} />
      )}
    </Card>
  );
}

function noteOf(phase: Phase['type'], count: number): string {
  if (phase === 'failed') return 'not connected';
  const servers = count === 1 ? '1 server' : `${count} servers`;
  return phase === 'away' ? `${servers}, as last seen` : servers;
}

/** Dead workers of the page's own cluster are known at once, before the master notices. */
function deadIn(cluster: PageCluster | undefined): ReadonlySet<string> {
  // Reading the signal draws the topology anew when the cluster changes.
  cluster?.changes.value;
  const dead = cluster?.workers.filter(({ running }) => running === undefined) ?? [];
  return new Set(dead.map(({ name }) => name));
}

interface DrawingProps {
  /** Whether the drawing shows the last known state, which may be out of date. */
  readonly isOld: boolean;
  readonly topology: Topology;
  readonly chosen: string | undefined;
  readonly onChoose: (id: string) => void;
}

function Drawing({ isOld, topology, chosen, onChoose }: DrawingProps) {
  const { nodes, edges, width, height } = topology;
  const byId = useMemo(() => new Map(nodes.map((node) => [node.id, node])), [nodes]);
  const curves = useMemo(() => curvesOf(topology), [topology]);
  const layer = useDots(topology, byId, curves);
  const description = edges
    .filter(({ kind }) => kind !== 'answer')
    .map(({ from, to }) => `${nameOf(byId.get(from))} to ${nameOf(byId.get(to))}`);
  return (
    // biome-ignore lint/a11y/useSemanticElements: SVG has no fieldset.
    <svg
      class={`topology ${isOld ? 'is-old' : ''}`}
      viewBox={`0 0 ${width} ${height}`}
      role="group"
      aria-label="The cluster"
    >
      <desc>{`Messages go from ${description.join(', from ')}.`}</desc>
      <g>
        {edges.map((edge) => {
          const curve = curves.get(keyOf(edge));
          if (curve === undefined) return null;
          const isDead = byId.get(edge.to)?.health !== 'up';
          return (
            <path
              key={keyOf(edge)}
              class={`edge edge-${edge.kind} ${isDead ? 'is-dead' : ''}`}
              data-edge={keyOf(edge)}
              d={pathData(curve)}
            />
          );
        })}
      </g>
      <g ref={layer} />
      {nodes.map((node) => (
        <NodeShape key={node.id} node={node} isChosen={chosen === node.id} onChoose={onChoose} />
      ))}
    </svg>
  );
}

interface NodeProps {
  readonly node: Node;
  readonly isChosen: boolean;
  readonly onChoose: (id: string) => void;
}

function NodeShape({ node, isChosen, onChoose }: NodeProps) {
  const { id, kind, label, role, x, y, width, isDown } = node;
  if (kind === 'worker' || kind === 'more') return <WorkerShape node={node} />;
  if (kind === 'client') {
    return (
      <g class="node node-client" transform={`translate(${x} ${y})`}>
        <rect x="-48" y="-17" width="96" height="34" rx="17" />
        <text y="4" class="node-name">
          {label}
        </text>
      </g>
    );
  }
  const choose = () => onChoose(id);
  return (
    // biome-ignore lint/a11y/useSemanticElements: SVG has no button.
    <g
      class={`node node-server ${isDown ? 'is-down' : ''} ${isChosen ? 'is-chosen' : ''}`}
      transform={`translate(${x} ${y})`}
      role="button"
      tabindex={0}
      aria-pressed={isChosen}
      onClick={choose}
      onKeyDown={(event) => {
        if (event.key !== 'Enter' && event.key !== ' ') return;
        event.preventDefault();
        choose();
      }}
    >
      <rect x={-width / 2} y="-18" width={width} height="36" rx="7" />
      <text y="-2" class="node-name">
        {short(label, width)}
      </text>
      <text y="11" class="node-role">
        {isDown ? 'not reached' : role.toLowerCase()}
      </text>
    </g>
  );
}

/** A worker with its name beside it; one that is gone says so. */
function WorkerShape({ node }: { readonly node: Node }) {
  const { kind, label, health, x, y, width } = node;
  const note = health === 'up' ? '' : ` · ${health}`;
  return (
    <g class={`node node-${kind} is-${health}`} transform={`translate(${x} ${y})`}>
      {kind === 'worker' && <title>{nameOf(node)}</title>}
      {kind === 'worker' && <circle r="5" />}
      {health !== 'up' && <path class="cross" d="M-2.500-2.500l5 5m0-5l-5 5" />}
      <text x={kind === 'worker' ? NAME_AT : 0} y="3.500" class="node-role">
        {short(label, width, CHARACTER)}
        {note}
      </text>
    </g>
  );
}

function nameOf(node: Node | undefined): string {
  if (node === undefined) return '';
  const { kind, label, health } = node;
  return kind === 'worker' && health !== 'up' ? `${label}, which ${HEALTH[health]}` : label;
}

const HEALTH = { dead: 'is dead', left: 'has left' } as const;

/** Clips a name to the room that it has. */
function short(text: string, width: number, character = 7.5): string {
  const most = Math.max(3, Math.floor(width / character));
  return text.length > most ? `${text.slice(0, most - 1)}…` : text;
}

/** Messages that move, unless movement is not wanted. */
function useDots(topology: Topology, nodes: ReadonlyMap<string, Node>, curves: ReadonlyMap<string, Curve>) {
  const playground = usePlayground();
  const layer = useRef<SVGGElement>(null);
  const isStill = useReducedMotion();
  useEffect(() => {
    if (layer.current === null || isStill) return;
    const dots = new Dots(layer.current, playground.frames);
    const send = (key: string, kind: string, edges: readonly Edge[]) => {
      const route = edges.map((edge) => curves.get(keyOf(edge)));
      // An edge that is not drawn yet is drawn when the next message passes.
      if (route.every((curve) => curve !== undefined)) dots.send(key, kind, route);
    };
    const stop = playground.traffic.each((passed) => {
      for (const { path, direction } of passed) {
        const stages = path.split(' ').map((stage) => stage.split('.')[0] ?? '');
        const [first = ''] = stages;
        const last = stages.at(-1) ?? first;
        if (direction === 'in') {
          send(`in ${path}`, 'in', [{ from: last, to: CLIENT, kind: 'answer' }]);
          continue;
        }
        const hops = stages.slice(1).map((to, i): Edge => ({ from: stages[i] ?? '', to, kind: 'flow' }));
        send(`out ${path}`, 'out', [{ from: CLIENT, to: first, kind: 'call' }, ...hops]);
      }
    });
    const stopWorkers = followWorkers(playground, (name) => {
      for (const edge of topology.edges)
        if (edge.kind === 'work' && nodes.get(edge.to)?.label === name) send(`work ${name}`, 'out', [edge]);
    });
    return () => {
      stop();
      stopWorkers();
      dots.close();
    };
  }, [topology, nodes, curves, isStill]);
  return layer;
}

/** Calls `onWork` in each frame for each worker of the page's own cluster that has taken work since the last. */
function followWorkers(playground: ReturnType<typeof usePlayground>, onWork: (name: string) => void) {
  const seen = new Map<string, number>();
  return playground.frames.each(() => {
    for (const { name, running } of playground.cluster.value?.workers ?? []) {
      const received = running?.counters.received ?? 0;
      if (received > (seen.get(name) ?? 0)) onWork(name);
      seen.set(name, received);
    }
  });
}

/** Keeps the object as long as its content is the same. */
function useStable<T>(value: T): T {
  const kept = useRef({ value, text: JSON.stringify(value) });
  const text = JSON.stringify(value);
  if (text !== kept.current.text) kept.current = { value, text };
  return kept.current.value;
}
