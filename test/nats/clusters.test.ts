import { testClusters } from '../conformance/index.ts';
import { natsGround } from './grounds.ts';

testClusters('nats', natsGround());
