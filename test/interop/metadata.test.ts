/** Metadata through stock pylm servers, which keep fields that they do not know. */
import { describe, expect, it } from 'vitest';
import { type TapEvent, text } from '../../src/index.ts';
import { readMetadata } from '../../src/protocol/metadata.ts';
import { connectTo } from './connect.ts';
import { startCluster } from './pylm.ts';

const METADATA = {
  traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
  lang: 'grüezi 👋',
};

describe.each(['shipped', 'upb'] as const)('protobuf %s', (protobuf) => {
  it.each([
    ['pipeline', ['first.same', 'second.same']],
    ['master-pipeline', ['master.same', 'second.same']],
  ] as const)('comes back through all stages of a %s', async (topology, path) => {
    const cluster = await startCluster(topology, { protobuf });
    const seen: unknown[] = [];
    const tap = ({ channel, message }: TapEvent) => {
      if (channel === 'sub' && message !== undefined) seen.push({ ...readMetadata(message.unknown) });
    };
    const client = await connectTo(cluster, { tap });
    try {
      expect(await client.with(text()).eval(path, 'hi', { metadata: METADATA })).toBe('hi');
      expect(seen).toEqual([METADATA]);
    } finally {
      await client.close();
      await cluster.stop();
    }
  });
});
