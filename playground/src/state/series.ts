/** What happened in one stretch of a job. */
interface Bucket {
  count: number;
  /** Milliseconds from input to result, of some of them. */
  samples: number[];
  p50: number | null;
  p95: number | null;
}

export interface SeriesData {
  /** Seconds since the job began, at the end of each stretch. */
  readonly times: readonly number[];
  /** Results a second. */
  readonly rates: readonly number[];
  /** Milliseconds; null where nothing came. */
  readonly p50: readonly (number | null)[];
  readonly p95: readonly (number | null)[];
}

const FIRST_WIDTH = 100;
const MOST_BUCKETS = 240;
const MOST_SAMPLES = 64;

/** Rate and latency over time, in as many points as a chart can show: when there are more, two become one. */
export class Series {
  #buckets: Bucket[] = [];
  #width = FIRST_WIDTH;

  /** @param at - milliseconds since the job began. */
  add(at: number, latency: number | undefined): void {
    const bucket = this.#bucketAt(at);
    bucket.count++;
    if (latency === undefined) return;
    // In a full bucket every 16th replaces another, so that later results count as well.
    if (bucket.samples.length < MOST_SAMPLES) bucket.samples.push(latency);
    else if (bucket.count % 16 === 0) bucket.samples[(bucket.count / 16) % MOST_SAMPLES] = latency;
  }

  /** Lets time pass in which nothing came. */
  advance(at: number): void {
    this.#bucketAt(at);
  }

  /** Leaves out the last stretch, which is not complete, unless the job is over. */
  data(isOver: boolean): SeriesData {
    const shown = isOver ? this.#buckets : this.#buckets.slice(0, -1);
    const told = shown.map((bucket) => settled(bucket));
    return {
      times: told.map((_, index) => ((index + 1) * this.#width) / 1_000),
      rates: told.map(({ count }) => (count * 1_000) / this.#width),
      p50: told.map(({ p50 }) => p50),
      p95: told.map(({ p95 }) => p95),
    };
  }

  #bucketAt(at: number): Bucket {
    let index = Math.max(0, Math.floor(at / this.#width));
    while (index >= MOST_BUCKETS) {
      this.#halve();
      index = Math.floor(at / this.#width);
    }
    while (this.#buckets.length <= index) {
      const last = this.#buckets.at(-1);
      if (last !== undefined) settled(last);
      this.#buckets.push({ count: 0, samples: [], p50: null, p95: null });
    }
    return this.#buckets[index] ?? { count: 0, samples: [], p50: null, p95: null };
  }

  #halve(): void {
    const before = this.#buckets.map(settled);
    this.#buckets = [];
    for (let i = 0; i < before.length; i += 2) {
      const pair = before.slice(i, i + 2);
      this.#buckets.push({
        count: pair.reduce((sum, { count }) => sum + count, 0),
        samples: [],
        p50: mean(pair.map(({ p50 }) => p50)),
        p95: highest(pair.map(({ p95 }) => p95)),
      });
    }
    this.#width *= 2;
  }
}

function settled(bucket: Bucket): Bucket {
  if (bucket.samples.length === 0) return bucket;
  const sorted = bucket.samples.toSorted((a, b) => a - b);
  bucket.p50 = sorted[Math.floor(sorted.length * 0.5)] ?? null;
  bucket.p95 = sorted[Math.floor(sorted.length * 0.95)] ?? null;
  return bucket;
}

function mean(values: readonly (number | null)[]): number | null {
  const known = values.filter((value) => value !== null);
  return known.length === 0 ? null : known.reduce((sum, value) => sum + value, 0) / known.length;
}

function highest(values: readonly (number | null)[]): number | null {
  const known = values.filter((value) => value !== null);
  return known.length === 0 ? null : Math.max(...known);
}
