import { memory } from '../../transports/memory/index.ts';
import { zmtp } from '../../transports/zmtp/index.ts';
import { throughRelay } from '../support/through-relay/through.ts';
import { testMaps } from './map-suite.ts';

testMaps('memory', () => ({ transport: memory(), anyAddress: 'memory://*' }));
testMaps('zmtp', () => ({ transport: zmtp(), anyAddress: 'tcp://127.0.0.1:*' }));
testMaps('a relay to memory', () => ({
  ...throughRelay(memory(), { wrap: false }),
  anyAddress: 'memory://*',
}));
