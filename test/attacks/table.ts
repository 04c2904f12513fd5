/** What the attacks did to the attacked processes, for people. */
import { appendFileSync, readFileSync } from 'node:fs';

/** One attack on one process. Memory is MiB. */
export interface Row {
  readonly name: string;
  /** What the attackers sent. */
  readonly sent: string;
  readonly rss: { readonly before: number; readonly peak: number; readonly after: number };
  readonly descriptors: { readonly before: number; readonly peak: number };
  /** Seconds that the process computed. */
  readonly cpu: number;
  /** Bytes that the process wrote to stderr. */
  readonly log: number;
  /** Calls of the honest clients, and those of them that were not answered as they should be. */
  readonly calls: number;
  readonly lost: number;
  /** Times of honest calls during the attack, as multiples of those before it. */
  readonly p50: number;
  readonly p99: number;
  /** Milliseconds before it. */
  readonly p99Before: number;
  /** What went wrong; nothing when it held. */
  readonly faults: readonly string[];
}

/** Keeps a row for the table at the end of the run, where there is one. */
export function keepRow(row: Row): void {
  const file = process.env['ATTACKS_ROWS'];
  if (file === undefined) console.log(tableOf([row]));
  else appendFileSync(file, `${JSON.stringify(row)}\n`);
}

/** The rows of a run, in the order of their names' numbers. */
export function readRows(file: string): Row[] {
  const rows = readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Row);
  return rows.sort((a, b) => numberOf(a) - numberOf(b));
}

function numberOf({ name }: Row): number {
  return Number(/^\d+/.exec(name)?.[0] ?? Number.MAX_SAFE_INTEGER);
}

const HEAD = [
  'attack',
  'RSS before/peak/after',
  'fds before/peak',
  'CPU s',
  'log kB',
  'calls/lost',
  'p50×',
  'p99×',
  'verdict',
];

/** Each attack in one line, below it what was sent and what went wrong. */
export function tableOf(rows: readonly Row[]): string {
  const cells = rows.map((row) => [
    row.name,
    [row.rss.before, row.rss.peak, row.rss.after].map(Math.round).join('/'),
    `${row.descriptors.before}/${row.descriptors.peak}`,
    row.cpu.toFixed(1),
    String(Math.ceil(row.log / 1_000)),
    `${row.calls}/${row.lost}`,
    times(row.p50),
    times(row.p99),
    row.faults.length === 0 ? 'held' : 'FELL',
  ]);
  const widths = HEAD.map((title, column) =>
    Math.max(title.length, ...cells.map((line) => line[column]?.length ?? 0)),
  );
  const lineOf = (line: readonly string[]) =>
    line.map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0))).join('  ');
  const lines = [lineOf(HEAD)];
  for (const [index, row] of rows.entries()) {
    lines.push(lineOf(cells[index] ?? []), `    sent: ${row.sent}`);
    for (const fault of row.faults) lines.push(`    fell: ${fault}`);
  }
  const fallen = rows.filter(({ faults }) => faults.length > 0).length;
  if (rows.length === 0) lines.push('no attack ran');
  else lines.push(fallen === 0 ? `all ${rows.length} held` : `${fallen} of ${rows.length} fell`);
  return lines.join('\n');
}

function times(ratio: number): string {
  return Number.isFinite(ratio) ? ratio.toFixed(1) : '–';
}
