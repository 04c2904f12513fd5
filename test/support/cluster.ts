/** The transports that clusters are tested on. */
import { memory } from '../../transports/memory/index.ts';
import { zeromq } from '../../transports/zeromq/index.ts';
import { zmtp } from '../../transports/zmtp/index.ts';
import type { TestGround } from './test-cluster.ts';

export { type TestCluster, type TestGround, testCluster } from './test-cluster.ts';

export const grounds = [
  ['memory', (): TestGround => ({ transport: memory(), any: 'memory://*' })],
  ['zeromq', (): TestGround => ({ transport: zeromq(), any: 'tcp://127.0.0.1:*' })],
  ['zmtp', (): TestGround => ({ transport: zmtp(), any: 'tcp://127.0.0.1:*' })],
] as const;
