import { zeromq } from '../../transports/zeromq/index.ts';
import { zmtp } from '../../transports/zmtp/index.ts';
import { testTransport } from './suite.ts';
import { NO_ZMTP } from './unreadable.ts';

testTransport('zmtp over TCP', () => ({
  transport: zmtp(),
  anyAddress: 'tcp://127.0.0.1:*',
  unreadable: NO_ZMTP,
}));

testTransport('zmtp to zeromq', () => ({
  transport: zmtp(),
  binder: zeromq(),
  anyAddress: 'tcp://127.0.0.1:*',
  losesSilently: true,
  unreadable: NO_ZMTP,
}));
