import { useSignal } from '@preact/signals';
import { useEffect, useMemo, useRef } from 'preact/hooks';
import { usePlayground } from '../app/context.ts';
import { Card } from '../parts/card.tsx';
import { useReducedMotion } from '../parts/hooks.ts';
import { Dots } from './dots.ts';
import { CLIENT, type Edge, type Node, type Topology, topologyOf } from './model.ts';
import { curveOf, pathData } from './paths.ts';
import { ServerFacts } from './server-facts.tsx';

/** The cluster as a drawing: from what servers say of themselves, and what was seen to pass. */
export function TopologyCard() {
  const { connection, traffic } = usePlayground();
  const servers = connection.discovery.servers.value;
  const paths = traffic.paths.value;
  const topology = useStable(topologyOf(servers, paths));
  const chosen = useSignal<string | undefined>(undefined);
  const info = servers.find(({ name }) => name === chosen.value);
  return (
    <Card title="Topology" note={`${servers.length} ${servers.length === 1 ? 'server' : 'servers'}`}>
      <Drawing
        topology={topology}
        chosen={chosen.value}
        onChoose={(id) => {
          chosen.value = chosen.value === id ? undefined : id;
        }}
      />
      {info === undefined ? (
        <p class="hint">Messages move as they pass. Choose a server to see what it says of itself.</p>
      ) : (
        <ServerFacts server={info} />
      )}
    </Card>
  );
}

interface DrawingProps {
  readonly topology: Topology;
  readonly chosen: string | undefined;
  readonly onChoose: (id: string) => void;
}

function Drawing({ topology, chosen, onChoose }: DrawingProps) {
  const { nodes, edges, width, height } = topology;
  const byId = useMemo(() => new Map(nodes.map((node) => [node.id, node])), [nodes]);
  const layer = useDots(topology, byId);
  const description = edges
    .filter(({ kind }) => kind !== 'answer')
    .map(({ from, to }) => `${byId.get(from)?.label} to ${byId.get(to)?.label}`);
  return (
    // biome-ignore lint/a11y/useSemanticElements: SVG has no fieldset.
    <svg class="topology" viewBox={`0 0 ${width} ${height}`} role="group" aria-label="The cluster">
      <desc>{`Messages go from ${description.join(', from ')}.`}</desc>
      <g>
        {edges.map((edge) => (
          <path
            key={`${edge.kind} ${edge.from} ${edge.to}`}
            class={`edge edge-${edge.kind}`}
            d={pathData(curveOf(edge, byId, width))}
          />
        ))}
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
  if (kind === 'worker') {
    return (
      <g class="node node-worker" transform={`translate(${x} ${y})`}>
        <title>{`worker ${label}`}</title>
        <circle r="7" />
        <text y="21" class="node-role">
          {short(label, width)}
        </text>
      </g>
    );
  }
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

/** As much of it as there is room for. */
function short(text: string, width: number): string {
  const most = Math.max(3, Math.floor(width / 7.5));
  return text.length > most ? `${text.slice(0, most - 1)}…` : text;
}

/** Messages that move, unless movement is not wanted. */
function useDots(topology: Topology, nodes: ReadonlyMap<string, Node>) {
  const playground = usePlayground();
  const layer = useRef<SVGGElement>(null);
  const isStill = useReducedMotion();
  useEffect(() => {
    if (layer.current === null || isStill) return;
    const dots = new Dots(layer.current, playground.frames);
    const curve = (edge: Edge) => curveOf(edge, nodes, topology.width);
    const stop = playground.traffic.each((passed) => {
      for (const { path, direction } of passed) {
        const stages = path.split(' ').map((stage) => stage.split('.')[0] ?? '');
        const [first = ''] = stages;
        const last = stages.at(-1) ?? first;
        if (direction === 'in') {
          dots.send(`in ${path}`, 'in', [curve({ from: last, to: CLIENT, kind: 'answer' })]);
          continue;
        }
        const hops = stages.slice(1).map((to, i): Edge => {
          const from = stages[i] ?? '';
          const drawn = topology.edges.find(
            (edge) => edge.kind === 'flow' && edge.from === from && edge.to === to,
          );
          return drawn ?? { from, to, kind: 'flow' };
        });
        const all: readonly Edge[] = [{ from: CLIENT, to: first, kind: 'call' }, ...hops];
        dots.send(`out ${path}`, 'out', all.map(curve));
      }
    });
    const stopWorkers = followWorkers(playground, (name) => {
      for (const edge of topology.edges)
        if (edge.kind === 'work' && edge.to.endsWith(`/${name}`))
          dots.send(`work ${name}`, 'out', [curve(edge)]);
    });
    return () => {
      stop();
      stopWorkers();
      dots.close();
    };
  }, [topology, nodes, isStill]);
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

/** The same object as long as it says the same. */
function useStable<T>(value: T): T {
  const kept = useRef({ value, text: JSON.stringify(value) });
  const text = JSON.stringify(value);
  if (text !== kept.current.text) kept.current = { value, text };
  return kept.current.value;
}
