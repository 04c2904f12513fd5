import { memory } from '../../transports/memory/index.ts';
import { zeromq } from '../../transports/zeromq/index.ts';
import { testMoves } from './moves-suite.ts';

testMoves('memory', () => ({ transport: memory(), any: 'memory://*' }));
testMoves('zeromq', () => ({ transport: zeromq(), any: 'tcp://127.0.0.1:*' }));
