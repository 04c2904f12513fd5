import { zeromq } from '../../transports/zeromq/index.ts';
import { zmtp } from '../../transports/zmtp/index.ts';
import { testTransport } from './suite.ts';
import { NO_ZEROMQ, NO_ZMTP } from './unreadable.ts';

testTransport('zmtp over IPv6', () => ({
  transport: zmtp(),
  anyAddress: 'tcp://[::1]:*',
  unreadable: NO_ZMTP,
}));

testTransport('zmtp over Unix sockets', () => ({
  transport: zmtp(),
  anyAddress: 'ipc://*',
  unreadable: NO_ZMTP,
}));

testTransport('zeromq to zmtp', () => ({
  transport: zeromq(),
  binder: zmtp(),
  anyAddress: 'tcp://127.0.0.1:*',
  losesSilently: true,
  unreadable: NO_ZEROMQ,
}));
