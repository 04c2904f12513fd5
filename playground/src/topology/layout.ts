/** Places servers in rows: the further from the client, the lower. */

/** From one server to another. */
export type Flow = readonly [from: string, to: string];

export interface Place {
  readonly x: number;
  readonly y: number;
  readonly width: number;
}

export const WIDTH = 384;
export const TOP = 24;
/** Of a server. */
export const HEIGHT = 36;

/** Room between two rows for edges to bend. */
const GAP = 48;
/** Room beside the servers for answers to pass. */
const MARGIN = 28;
const MOST_IN_ROW = 4;
const WIDEST = 92;
/** Room between two servers of a row. */
const BETWEEN = 12;

interface Wishes {
  /** Ranks that servers have at least. */
  readonly least: ReadonlyMap<string, number>;
  /** Heights of what hangs below servers. */
  readonly below: ReadonlyMap<string, number>;
}

export function layOut(
  names: readonly string[],
  flows: readonly Flow[],
  { least, below }: Wishes,
): Map<string, Place> {
  const ranks = ranksOf(names, flows, least);
  const places = new Map<string, Place>();
  let y = TOP + HEIGHT + GAP;
  for (const rank of [...new Set(ranks.values())].sort((a, b) => a - b)) {
    const all = names.filter((name) => ranks.get(name) === rank);
    for (let at = 0; at < all.length; at += MOST_IN_ROW) {
      const row = all.slice(at, at + MOST_IN_ROW);
      placeRow(row, y, flows, places);
      y += HEIGHT + GAP + Math.max(...row.map((name) => below.get(name) ?? 0));
    }
  }
  return places;
}

/** Places each server below those that it takes from, as far as there is room. */
function placeRow(
  row: readonly string[],
  y: number,
  flows: readonly Flow[],
  places: Map<string, Place>,
): void {
  const slot = (WIDTH - 2 * MARGIN) / row.length;
  const width = Math.min(WIDEST, slot - BETWEEN);
  const wished = row.map((name, index) => {
    const above = flows.flatMap(([from, to]) => (to === name ? (places.get(from) ?? []) : []));
    const mean = above.reduce((sum, { x }) => sum + x, 0) / above.length;
    return { name, x: above.length === 0 ? MARGIN + slot * (index + 0.5) : mean };
  });
  wished.sort((a, b) => a.x - b.x);
  const step = width + BETWEEN;
  const farthest = WIDTH - MARGIN - width / 2;
  let free = MARGIN + width / 2;
  for (const [index, { name, x: wish }] of wished.entries()) {
    const x = Math.min(Math.max(wish, free), farthest - (row.length - 1 - index) * step);
    places.set(name, { x, y, width });
    free = x + step;
  }
}

/** The distance of each server from the client. It is at most the number of servers, which cuts circles. */
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
