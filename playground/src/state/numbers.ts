/** Formats figures for the page. */
const GROUPED = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });

/** 12,345 */
export function grouped(value: number): string {
  return GROUPED.format(value);
}

/** 0.42 ms, 4.2 ms, 420 ms, 4.2 s */
export function duration(milliseconds: number): string {
  if (milliseconds === 0) return '0 ms';
  if (milliseconds < 1) return `${milliseconds.toFixed(2)} ms`;
  if (milliseconds < 10) return `${milliseconds.toFixed(1)} ms`;
  if (milliseconds < 1_000) return `${Math.round(milliseconds)} ms`;
  return `${(milliseconds / 1_000).toFixed(1)} s`;
}

/** 12 B, 1.2 kB */
export function size(bytes: number): string {
  if (bytes < 1_000) return `${bytes} B`;
  if (bytes < 1_000_000) return `${(bytes / 1_000).toFixed(1)} kB`;
  return `${(bytes / 1_000_000).toFixed(1)} MB`;
}
