import { zeromq } from '../../transports/zeromq/index.ts';
import { zmtp } from '../../transports/zmtp/index.ts';
import { curveOptions } from '../support/curve.ts';
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

testTransport('zmtp with CURVE', () => ({
  transport: zmtp(curveOptions()),
  anyAddress: 'tcp://127.0.0.1:*',
  unreadable: NO_ZMTP,
}));

testTransport('zmtp with CURVE over Unix sockets', () => ({
  transport: zmtp(curveOptions()),
  anyAddress: 'ipc://*',
  unreadable: NO_ZMTP,
}));

testTransport('zmtp to zeromq with CURVE', () => {
  const options = curveOptions();
  return {
    transport: zmtp(options),
    binder: zeromq(options),
    anyAddress: 'tcp://127.0.0.1:*',
    losesSilently: true,
    unreadable: NO_ZMTP,
  };
});

testTransport('zeromq to zmtp with CURVE', () => {
  const options = curveOptions();
  return {
    transport: zeromq(options),
    binder: zmtp(options),
    anyAddress: 'tcp://127.0.0.1:*',
    losesSilently: true,
    unreadable: NO_ZEROMQ,
  };
});
