import { zmtp } from '../../transports/zmtp/index.ts';
import { testMoves } from './moves-suite.ts';

testMoves('zmtp', () => ({ transport: zmtp(), any: 'tcp://127.0.0.1:*' }));
