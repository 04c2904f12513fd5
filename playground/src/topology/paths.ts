/** The paths of edges. They avoid servers and names where possible. */
import { HEIGHT } from './layout.ts';
import { CLIENT, keyOf, type Node, type Topology, WORKER_ROW } from './model.ts';

export interface Point {
  readonly x: number;
  readonly y: number;
}

/** A cubic Bézier curve: its ends, and between them the points that bend it. */
export type Curve = readonly [Point, Point, Point, Point];

export interface Box {
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
}

const HALF = HEIGHT / 2;
/** Pixels that a character of a worker's name takes at most, and where the name begins, right of the circle. */
export const CHARACTER = 5.6;
export const NAME_AT = 10;
/** Room between an edge and what it passes. */
const CLEARANCE = 3;
/** Points of a curve that are tested. */
const SAMPLES = 40;
/** Distance between two paths that are tried. */
const LANE = 12;

/** The curve of each edge, by its key. */
export function curvesOf({ nodes, edges, width }: Topology): Map<string, Curve> {
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const curves = new Map<string, Curve>();
  for (const edge of edges) {
    const from = byId.get(edge.from);
    const to = byId.get(edge.to);
    if (from === undefined || to === undefined) continue;
    const others = nodes.filter((node) => node !== from && node !== to).map(boxOf);
    curves.set(
      keyOf(edge),
      edge.kind === 'work' ? toWorker(from, to) : clearest(waysOf(from, to, width), others),
    );
  }
  return curves;
}

/** The room that a node takes, with its name. */
export function boxOf({ kind, label, health, x, y, width }: Node): Box {
  if (kind === 'worker' || kind === 'more') {
    const written = label.length + (health === 'up' ? 0 : health.length + 3);
    const right = x + NAME_AT + Math.min(written * CHARACTER, Math.max(width, 40));
    return { left: x - 6, right, top: y - WORKER_ROW / 2, bottom: y + WORKER_ROW / 2 };
  }
  return { left: x - width / 2, right: x + width / 2, top: y - HALF, bottom: y + HALF };
}

/** Down beside the workers, and in to this one. */
function toWorker(from: Node, to: Node): Curve {
  const x = from.x - from.width / 2 + 8;
  const end = { x: to.x - 6, y: to.y };
  return [{ x, y: from.y + HALF }, { x, y: to.y }, { x, y: to.y }, end];
}

/** Chooses the path with the fewest points on nodes, and of those the shortest. The plainest is taken when it is free. */
function clearest(ways: Iterable<Curve>, others: readonly Box[]): Curve {
  let best: Curve = NOWHERE;
  let least = Number.POSITIVE_INFINITY;
  let isPlainest = true;
  for (const way of ways) {
    const hits = hitsOf(way, others);
    if (isPlainest && hits === 0) return way;
    isPlainest = false;
    const cost = hits * HIT + lengthOf(way);
    if (cost >= least) continue;
    best = way;
    least = cost;
  }
  return best;
}

/** Pixels that a path may be longer to have one point less on a node. */
const HIT = 10_000;

function lengthOf(curve: Curve): number {
  let length = 0;
  let before = pointAt(curve, 0);
  for (let sample = 1; sample <= 10; sample++) {
    const point = pointAt(curve, sample / 10);
    length += Math.hypot(point.x - before.x, point.y - before.y);
    before = point;
  }
  return length;
}

const NOWHERE: Curve = [
  { x: -99, y: -99 },
  { x: -99, y: -99 },
  { x: -99, y: -99 },
  { x: -99, y: -99 },
];

/** Counts the points of the curve that lie on a box. */
export function hitsOf(curve: Curve, boxes: readonly Box[]): number {
  let hits = 0;
  for (let sample = 0; sample <= SAMPLES; sample++) {
    const { x, y } = pointAt(curve, sample / SAMPLES);
    for (const { left, right, top, bottom } of boxes) {
      const isOn =
        x > left - CLEARANCE && x < right + CLEARANCE && y > top - CLEARANCE && y < bottom + CLEARANCE;
      if (isOn) hits++;
    }
  }
  return hits;
}

/** The paths from one node to another, plainest first. */
function* waysOf(from: Node, to: Node, width: number): Generator<Curve> {
  if (to.id === CLIENT) {
    // Answers go along the side, apart from the calls.
    const near = from.x < width / 2 ? -1 : 1;
    for (const out of [near, -near]) yield bySide(from, to, out, width);
    for (const out of [near, -near]) {
      const start = { x: from.x + out * (from.width / 2 - 12), y: from.y - HALF };
      yield* between(start, { x: to.x + out * 36, y: to.y + HALF - 1 }, width);
    }
    return;
  }
  const end = { x: to.x, y: to.y - HALF };
  yield* between({ x: from.x, y: from.y + HALF }, end, width);
  for (const out of to.x < from.x ? [-1, 1] : [1, -1]) {
    const start = { x: from.x + (out * from.width) / 2, y: from.y };
    for (const far of [24, 36, 12])
      yield [start, { x: start.x + out * far, y: start.y + 30 }, { x: end.x, y: end.y - 60 }, end];
    for (const lane of lanes((start.x + end.x) / 2, width)) yield through(lane, start, end);
  }
}

/** Of a Bézier curve whose inner points are as far out as this, the middle stays just within the drawing. */
function bySide(from: Node, to: Node, out: number, width: number): Curve {
  const side = out < 0 ? -28 : width + 28;
  return [
    { x: from.x + (out * from.width) / 2, y: from.y },
    { x: side, y: from.y - 10 },
    { x: side, y: to.y + 24 },
    { x: to.x + out * 48, y: to.y },
  ];
}

function* between(start: Point, end: Point, width: number): Generator<Curve> {
  const middle = (start.y + end.y) / 2;
  yield [start, { x: start.x, y: middle }, { x: end.x, y: middle }, end];
  for (const lane of lanes((start.x + end.x) / 2, width)) yield through(lane, start, end);
}

/** Places between the edges of the drawing, the nearest first. */
function lanes(x: number, width: number): number[] {
  const all: number[] = [];
  for (let lane = LANE / 2; lane < width; lane += LANE) all.push(lane);
  return all.sort((a, b) => Math.abs(a - x) - Math.abs(b - x));
}

/** A curve whose middle is at `lane`. */
function through(lane: number, start: Point, end: Point): Curve {
  const x = (lane - (start.x + end.x) / 8) / 0.75;
  const bend = (end.y - start.y) * 0.3;
  return [start, { x, y: start.y + bend }, { x, y: end.y - bend }, end];
}

export function pathData([start, first, second, end]: Curve): string {
  return `M${start.x} ${start.y}C${first.x} ${first.y} ${second.x} ${second.y} ${end.x} ${end.y}`;
}

/** The point of a curve at `t` from 0 to 1. */
export function pointAt([a, b, c, d]: Curve, t: number): Point {
  const u = 1 - t;
  const of = (key: 'x' | 'y') =>
    u * u * u * a[key] + 3 * u * u * t * b[key] + 3 * u * t * t * c[key] + t * t * t * d[key];
  return { x: of('x'), y: of('y') };
}
