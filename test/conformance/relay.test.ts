import { memory } from '../../transports/memory/index.ts';
import { throughRelay } from '../support/through-relay/through.ts';
import { testTransport } from './suite.ts';
import { NO_NAMES } from './unreadable.ts';

testTransport('websocket, through a relay to memory', () => ({
  ...throughRelay(memory(), { wrap: true }),
  pullsForAll: true,
  isIdentified: true,
  anyAddress: 'memory://*',
  unreadable: [...NO_NAMES, 'tcp://127.0.0.1:1', 'memory://'],
}));
