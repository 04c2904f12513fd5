/** The table of the bench. Its rows are printed one by one, so the widths of its columns are fixed. */
import { type Row, shown } from './figures.ts';

const COLUMNS = [
  ['what', 66],
  ['against', 30],
  ['ratio', 13],
  ['goal', 9],
  ['reached', 7],
  ['figures', 0],
] as const;
const COMPARED = [...COLUMNS.slice(0, -1), ['before', 13], ['before / now', 12], ['figures', 0]] as const;

/** How a row compares to the one that was measured before. */
export interface Comparison {
  readonly before: Row;
  /** Before divided by now: of the value, and of each of the figures behind it. */
  readonly value: number;
  readonly figures: readonly number[];
}

/** Rows that were measured before, each of which is compared once: some have the same words, and come in the same order. */
export class Before {
  readonly #left: Row[];

  constructor(rows: readonly Row[]) {
    this.#left = [...rows];
  }

  /** Undefined when the row was not measured before. */
  compare(row: Row): Comparison | undefined {
    const index = this.#left.findIndex(({ what, against }) => what === row.what && against === row.against);
    const before = this.#left[index];
    if (before === undefined) return undefined;
    this.#left.splice(index, 1);
    const now = numbersOf(row.detail);
    const figures = numbersOf(before.detail).map((figure, at) => figure / (now[at] ?? Number.NaN));
    return { before, value: before.value / row.value, figures };
  }
}

/** The figures of a detail that stand on both sides of its stroke. */
function numbersOf(detail: string): number[] {
  return detail.split(' / ').map((text) => Number.parseFloat(text));
}

export function headLine(isCompared: boolean): string {
  const columns = isCompared ? COMPARED : COLUMNS;
  return line(
    columns.map(([name]) => name),
    columns,
  );
}

/** @param old - the rows measured before; undefined when nothing is compared. */
export function rowLine(row: Row, old?: Before): string {
  const cells = [row.what, row.against, shown(row), row.goal, row.reached ? 'yes' : 'NO'];
  if (old === undefined) return line([...cells, row.detail], COLUMNS);
  const compared = old.compare(row);
  if (compared === undefined) return line([...cells, '—', '—', row.detail], COMPARED);
  const { before, value, figures } = compared;
  const ratios = figures.map((own) => own.toFixed(2)).join(' / ');
  return line(
    [...cells, shown(before), value.toFixed(2), `${row.detail} (before / now: ${ratios})`],
    COMPARED,
  );
}

function line(cells: readonly string[], columns: readonly (readonly [string, number])[]): string {
  return cells
    .map((cell, index) => cell.padEnd(columns[index]?.[1] ?? 0))
    .join('  ')
    .trimEnd();
}
