import { memory } from '../../transports/memory/index.ts';
import { testTransport } from './suite.ts';

testTransport('memory', () => ({
  transport: memory(),
  anyAddress: 'memory://*',
  unreadable: ['tcp://127.0.0.1:1', 'memory://', 'nonsense', ''],
}));
