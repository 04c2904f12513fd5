/**
 * What CURVE can change for clients and clusters: each channel between them gets its keys, and stands again after a break. Jobs and maps send on
 * the same channels, whose frames the suite of the contract sends with CURVE, too.
 */
import { zeromq } from '../../transports/zeromq/index.ts';
import { zmtp } from '../../transports/zmtp/index.ts';
import { testClient } from '../client/suite.ts';
import { curveOptions } from '../support/curve.ts';
import { testClusters } from './index.ts';

const transports = {
  'zmtp with CURVE': () => zmtp(curveOptions()),
  'zeromq with CURVE': () => zeromq(curveOptions()),
};

for (const [name, make] of Object.entries(transports)) {
  const ground = () => ({ transport: make(), anyAddress: 'tcp://127.0.0.1:*' });
  if (name.startsWith('zmtp')) testClient(name, ground);
  testClusters(name, ground);
}
