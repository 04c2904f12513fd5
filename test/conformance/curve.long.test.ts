/** What clients and clusters do where everything is encrypted, and only listed keys come in. */
import { zeromq } from '../../transports/zeromq/index.ts';
import { zmtp } from '../../transports/zmtp/index.ts';
import { curveOptions } from '../support/curve.ts';
import { testClients, testClusters } from './index.ts';

const transports = {
  'zmtp with CURVE': () => zmtp(curveOptions()),
  'zeromq with CURVE': () => zeromq(curveOptions()),
};

for (const [name, make] of Object.entries(transports)) {
  testClients(name, () => ({ transport: make(), anyAddress: 'tcp://127.0.0.1:*' }));
  testClusters(name, () => ({ transport: make(), anyAddress: 'tcp://127.0.0.1:*' }));
}
