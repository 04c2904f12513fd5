import { memory } from '../../transports/memory/index.ts';
import { bridge } from '../../transports/shared/index.ts';
import { zmtp } from '../../transports/zmtp/index.ts';
import { testTransport } from './suite.ts';

testTransport('a bridge of memory and zmtp', () => ({
  transport: bridge(memory(), zmtp()),
  anyAddress: 'tcp://127.0.0.1:*',
  unreadable: ['nats:a', 'memory://', 'tcp://127.0.0.1', 'nonsense', ''],
}));
