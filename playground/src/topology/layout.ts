/** Where servers stand: in rows, the further from the client the lower. */

/** From one server to another. */
export type Flow = readonly [from: string, to: string];

export interface Place {
  readonly x: number;
  readonly y: number;
  readonly width: number;
}

export const WIDTH = 384;
export const TOP = 24;

const ROW = 84;
/** Room beside the servers for answers to pass. */
const MARGIN = 28;
const MOST_IN_ROW = 4;
const WIDEST = 92;

/** @param least - ranks that servers have at least. */
export function layOut(
  names: readonly string[],
  flows: readonly Flow[],
  least: ReadonlyMap<string, number>,
): Map<string, Place> {
  const ranks = ranksOf(names, flows, least);
  const places = new Map<string, Place>();
  let y = TOP;
  for (const rank of [...new Set(ranks.values())].sort((a, b) => a - b)) {
    const all = names.filter((name) => ranks.get(name) === rank);
    for (let at = 0; at < all.length; at += MOST_IN_ROW) {
      const row = all.slice(at, at + MOST_IN_ROW);
      y += ROW;
      for (const [index, name] of row.entries()) {
        const slot = (WIDTH - 2 * MARGIN) / row.length;
        const even = MARGIN + slot * (index + 0.5);
        const x = row.length === 1 ? (below(name, flows, places) ?? even) : even;
        places.set(name, { x, y, width: Math.min(WIDEST, slot - 8) });
      }
    }
  }
  return places;
}

/** Below what it takes from: a way that skips a row then has room beside it. */
function below(name: string, flows: readonly Flow[], places: ReadonlyMap<string, Place>): number | undefined {
  const above = flows.flatMap(([from, to]) => (to === name ? (places.get(from) ?? []) : []));
  if (above.length === 0) return undefined;
  return above.reduce((sum, { x }) => sum + x, 0) / above.length;
}

/** How far from the client each server is. Circles are cut: no server is further than there are servers. */
function ranksOf(
  names: readonly string[],
  flows: readonly Flow[],
  least: ReadonlyMap<string, number>,
): Map<string, number> {
  const ranks = new Map(names.map((name) => [name, least.get(name) ?? 0]));
  for (let round = 0; round < names.length; round++) {
    for (const [from, to] of flows) {
      const next = Math.min((ranks.get(from) ?? 0) + 1, names.length);
      if ((ranks.get(to) ?? 0) < next) ranks.set(to, next);
    }
  }
  return ranks;
}
