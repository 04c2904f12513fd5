import { zeromq } from '../../transports/zeromq/index.ts';
import { testTransport } from './suite.ts';
import { NO_ZEROMQ } from './unreadable.ts';

testTransport('zeromq over TCP', () => ({
  transport: zeromq(),
  anyAddress: 'tcp://127.0.0.1:*',
  losesSilently: true,
  unreadable: NO_ZEROMQ,
}));
