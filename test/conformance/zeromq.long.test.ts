import { curveKeyPair } from 'zeromq';
import { zeromq } from '../../transports/zeromq/index.ts';
import { testTransport } from './suite.ts';
import { NO_ZEROMQ } from './unreadable.ts';

testTransport('zeromq over IPv6', () => ({
  transport: zeromq(),
  anyAddress: 'tcp://[::1]:*',
  losesSilently: true,
  unreadable: NO_ZEROMQ,
}));

testTransport('zeromq with CURVE', () => {
  const server = curveKeyPair();
  const transport = zeromq({
    curve: { serverKey: server.publicKey },
    curveServer: { secretKey: server.secretKey },
  });
  return { transport, anyAddress: 'tcp://127.0.0.1:*', losesSilently: true, unreadable: NO_ZEROMQ };
});
