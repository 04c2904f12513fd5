import { constants, PerformanceObserver } from 'node:perf_hooks';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { GarbageCollection } from '../../../../../transports/relay/upstream/garbage-collection.ts';

const MiB = 1_048_576;

describe('Collector', () => {
  it('collects once for each MiB that came, in whatever pieces', () => {
    let collections = 0;
    const collector = new GarbageCollection(() => collections++);
    for (let i = 0; i < 4; i++) collector.took(MiB / 4 - 1);
    expect(collections).toBe(0);
    collector.took(4);
    expect(collections).toBe(1);
    collector.took(MiB - 1);
    expect(collections).toBe(1);
    collector.took(10 * MiB);
    expect(collections).toBe(2);
  });

  it('has V8 collect the young, and exposes nothing to others', async () => {
    const { NODE_PERFORMANCE_GC_MINOR: kind, NODE_PERFORMANCE_GC_FLAGS_FORCED: flags } = constants;
    const seen: unknown[] = [];
    const observer = new PerformanceObserver((list) => {
      seen.push(...list.getEntries().map((entry) => Reflect.get(entry, 'detail')));
    });
    observer.observe({ entryTypes: ['gc'] });
    new GarbageCollection().took(MiB);
    // V8 may collect of itself meanwhile.
    await expect.poll(() => seen, { timeout: 4_000 }).toContainEqual({ kind, flags });
    observer.disconnect();
    expect(runInNewContext('typeof gc')).toBe('undefined');
  });
});
