/** Metrics as data, and as the text that Prometheus reads. */

/** The distribution of what was observed, such as times. */
export interface Distribution {
  /** Upper bounds of the buckets, ascending. What is above the last one counts in {@link count} alone. */
  readonly bounds: readonly number[];
  /** For each bound, how many of the observations are at most as large. */
  readonly counts: readonly number[];
  /** Sum of all observations. */
  readonly sum: number;
  /** Number of all observations. */
  readonly count: number;
}

/** One value of a metric, under labels that tell it from the others. */
export interface Sample<V> {
  /** What the value is of, such as `{ function: 'upper' }`. */
  readonly labels: Readonly<Record<string, string>>;
  /** The value: a number, or a distribution. */
  readonly value: V;
}

/** A metric with all its values. Counters only grow, and begin at 0 with each process: rates come from two readings. */
export type Metric = {
  /** Its name, as Prometheus has it: `frond_messages_received_total`. */
  readonly name: string;
  /** What it counts, and in which unit, in a few words. */
  readonly help: string;
} & (
  | { readonly type: 'counter' | 'gauge'; readonly samples: readonly Sample<number>[] }
  | { readonly type: 'histogram'; readonly samples: readonly Sample<Distribution>[] }
);

/** The `content-type` of {@link metricsText}. */
export const METRICS_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

/**
 * The metrics in the text format of Prometheus. Those of several sources may be given together: samples of one name are written
 * under one heading, that of the first.
 * @example
 * const text = metricsText([...server.metrics(), ...worker.metrics()]);
 */
export function metricsText(metrics: Iterable<Metric>): string {
  const families = new Map<string, string[]>();
  for (const metric of metrics) {
    const { name, help, type } = metric;
    let lines = families.get(name);
    if (lines === undefined) {
      lines = [`# HELP ${name} ${escaped(help)}`, `# TYPE ${name} ${type}`];
      families.set(name, lines);
    }
    if (metric.type !== 'histogram')
      for (const { labels, value } of metric.samples) lines.push(line(name, labels, value));
    else
      for (const { labels, value } of metric.samples) lines.push(...distributionLines(name, labels, value));
  }
  return [...families.values()].map((lines) => `${lines.join('\n')}\n`).join('');
}

function distributionLines(
  name: string,
  labels: Sample<unknown>['labels'],
  { bounds, counts, sum, count }: Distribution,
): string[] {
  const bucket = (le: string, value: number) => line(`${name}_bucket`, { ...labels, le }, value);
  return [
    ...bounds.map((bound, i) => bucket(String(bound), counts[i] ?? 0)),
    bucket('+Inf', count),
    line(`${name}_sum`, labels, sum),
    line(`${name}_count`, labels, count),
  ];
}

function line(name: string, labels: Sample<unknown>['labels'], value: number): string {
  const pairs = Object.entries(labels).map(([label, text]) => `${label}="${escaped(text, true)}"`);
  return `${name}${pairs.length === 0 ? '' : `{${pairs.join(',')}}`} ${written(value)}`;
}

function written(value: number): string {
  return Number.isFinite(value) ? String(value) : value > 0 ? '+Inf' : value < 0 ? '-Inf' : 'NaN';
}

/** As the format asks: a stranger's name in a label must not begin another line. */
function escaped(text: string, isQuoted = false): string {
  const plain = text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');
  return isQuoted ? plain.replaceAll('"', '\\"') : plain;
}

/** Counts observations in buckets. An observation makes no object, and costs a comparison for each bound below it. */
export class Histogram {
  readonly #bounds: readonly number[];
  /** By bucket, not summed up, then what is above all bounds, then the sum of all: a field of its own would be an object at each change. */
  readonly #counts: Float64Array;

  /** @param bounds - upper bounds of the buckets, ascending. */
  constructor(bounds: readonly number[]) {
    this.#bounds = bounds;
    this.#counts = new Float64Array(bounds.length + 2);
  }

  observe(value: number): void {
    const bounds = this.#bounds;
    const counts = this.#counts;
    const last = bounds.length;
    let at = 0;
    while (at < last && value > (bounds[at] as number)) at++;
    counts[at] = (counts[at] as number) + 1;
    counts[last + 1] = (counts[last + 1] as number) + value;
  }

  /** What was observed so far. */
  get distribution(): Distribution {
    const bounds = this.#bounds;
    let count = 0;
    const counts = Array.from(this.#counts.subarray(0, bounds.length + 1), (own) => {
      count += own;
      return count;
    });
    return { bounds, counts: counts.slice(0, -1), sum: this.#counts[bounds.length + 1] ?? 0, count };
  }
}
