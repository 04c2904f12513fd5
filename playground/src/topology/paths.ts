import type { Edge, Node } from './model.ts';

export interface Point {
  readonly x: number;
  readonly y: number;
}

const HALF = 17;

/** The two ends of an edge and the points that bend it. Answers go by the side, so as not to lie on the calls. */
export function curveOf(edge: Edge, nodes: ReadonlyMap<string, Node>, width: number): readonly Point[] {
  const from = nodes.get(edge.from);
  const to = nodes.get(edge.to);
  if (from === undefined || to === undefined) return [];
  if (edge.kind === 'answer') {
    const isLeft = from.x < width / 2;
    // Of a Bézier curve whose inner points are as far out as this, the middle stays just within the drawing.
    const side = isLeft ? -28 : width + 28;
    const out = isLeft ? -1 : 1;
    return [
      { x: from.x + (out * from.width) / 2, y: from.y },
      { x: side, y: from.y - 10 },
      { x: side, y: to.y + 24 },
      { x: to.x + out * 48, y: to.y },
    ];
  }
  if (edge.kind === 'flow' && edge.isBeside) {
    // Its workers are below it.
    const way = to.x < from.x ? -1 : 1;
    const start = { x: from.x + (way * from.width) / 2, y: from.y };
    const end = { x: to.x, y: to.y - HALF };
    return [start, { x: start.x + way * 24, y: start.y + 30 }, { x: end.x, y: end.y - 60 }, end];
  }
  const start = { x: from.x, y: from.y + HALF };
  const end = { x: to.x, y: to.y - (to.kind === 'worker' ? 9 : HALF) };
  const middle = (start.y + end.y) / 2;
  return [start, { x: start.x, y: middle }, { x: end.x, y: middle }, end];
}

export function pathData(curve: readonly Point[]): string {
  const [start, first, second, end] = curve;
  if (start === undefined || first === undefined || second === undefined || end === undefined) return '';
  return `M${start.x} ${start.y}C${first.x} ${first.y} ${second.x} ${second.y} ${end.x} ${end.y}`;
}

/** The point of a cubic Bézier curve at `t` from 0 to 1. */
export function pointAt(curve: readonly Point[], t: number): Point {
  const [a, b, c, d] = curve;
  if (a === undefined || b === undefined || c === undefined || d === undefined) return { x: -99, y: -99 };
  const u = 1 - t;
  const of = (key: 'x' | 'y') =>
    u * u * u * a[key] + 3 * u * u * t * b[key] + 3 * u * t * t * c[key] + t * t * t * d[key];
  return { x: of('x'), y: of('y') };
}
