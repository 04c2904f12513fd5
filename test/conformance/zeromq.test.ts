import { curveKeyPair } from 'zeromq';
import { zeromq } from '../../transports/zeromq/index.ts';
import { testTransport } from './suite.ts';

const unreadable = [
  'memory://x',
  'tcp://127.0.0.1',
  'tcp://127.0.0.1:99999',
  'tcp://::1:5555',
  'http://a:1',
  '',
];

testTransport('zeromq over TCP', () => ({
  transport: zeromq(),
  anyAddress: 'tcp://127.0.0.1:*',
  losesSilently: true,
  unreadable,
}));

testTransport('zeromq over IPv6', () => ({
  transport: zeromq(),
  anyAddress: 'tcp://[::1]:*',
  losesSilently: true,
  unreadable,
}));

testTransport('zeromq with CURVE', () => {
  const server = curveKeyPair();
  const transport = zeromq({
    curve: { serverKey: server.publicKey },
    curveServer: { secretKey: server.secretKey },
  });
  return { transport, anyAddress: 'tcp://127.0.0.1:*', losesSilently: true, unreadable };
});
