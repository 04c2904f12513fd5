import { memory } from '../../transports/memory/index.ts';
import { zeromq } from '../../transports/zeromq/index.ts';
import { cuttingDial } from '../support/through-relay/cutting.ts';
import { throughRelay } from '../support/through-relay/through.ts';
import { testMaps } from './map-suite.ts';

testMaps('zeromq', () => ({ transport: zeromq(), anyAddress: 'tcp://127.0.0.1:*' }));
testMaps('a relay to zeromq', () => ({
  ...throughRelay(zeromq(), { wrap: false }),
  anyAddress: 'tcp://127.0.0.1:*',
}));
testMaps('a relay to memory, over a link that is cut again and again', () => ({
  ...throughRelay(memory(), { wrap: false, dial: cuttingDial }),
  anyAddress: 'memory://*',
}));
testMaps('a relay to memory', () => ({
  ...throughRelay(memory(), { wrap: false }),
  anyAddress: 'memory://*',
}));
