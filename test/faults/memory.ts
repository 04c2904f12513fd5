/** What a process holds, and whether that grows. */

/** Bytes in use once what is garbage is gone. Needs --expose-gc. */
export function memoryNow(): number {
  globalThis.gc?.();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

const SLACK = 16 * 1_048_576;

/** What is wrong with samples of memory: the last third is to be no more than the first, but for half as much and some slack. */
export function growth(samples: readonly number[]): string[] {
  const third = Math.floor(samples.length / 3);
  if (third === 0) return [];
  const [first, last] = [median(samples.slice(0, third)), median(samples.slice(-third))];
  if (last <= 1.5 * first + SLACK) return [];
  const mb = (bytes: number) => `${Math.round(bytes / 1_048_576)} MiB`;
  return [`memory grew from ${mb(first)} to ${mb(last)}`];
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
}
