import { zeromq } from '../../transports/zeromq/index.ts';
import { zmtp } from '../../transports/zmtp/index.ts';
import { testTransport } from './suite.ts';

const unreadable = [
  'memory://x',
  'tcp://127.0.0.1',
  'tcp://127.0.0.1:99999',
  'tcp://::1:5555',
  'http://a:1',
  'inproc://x',
  '',
];

testTransport('zmtp over TCP', () => ({ transport: zmtp(), anyAddress: 'tcp://127.0.0.1:*', unreadable }));

testTransport('zmtp over IPv6', () => ({ transport: zmtp(), anyAddress: 'tcp://[::1]:*', unreadable }));

testTransport('zmtp over Unix sockets', () => ({ transport: zmtp(), anyAddress: 'ipc://*', unreadable }));

testTransport('zmtp to zeromq', () => ({
  transport: zmtp(),
  binder: zeromq(),
  anyAddress: 'tcp://127.0.0.1:*',
  losesSilently: true,
  unreadable,
}));

testTransport('zeromq to zmtp', () => ({
  transport: zeromq(),
  binder: zmtp(),
  anyAddress: 'tcp://127.0.0.1:*',
  losesSilently: true,
  // ZeroMQ knows addresses within a process, too.
  unreadable: unreadable.filter((address) => !address.startsWith('inproc:')),
}));
