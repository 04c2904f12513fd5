import { memory } from '../../transports/memory/index.ts';
import { zmtp } from '../../transports/zmtp/index.ts';
import { testMaps } from './map-suite.ts';

testMaps('memory', () => ({ transport: memory(), anyAddress: 'memory://*' }));
testMaps('zmtp', () => ({ transport: zmtp(), anyAddress: 'tcp://127.0.0.1:*' }));
