import { zeromq } from '../../transports/zeromq/index.ts';
import { zmtp } from '../../transports/zmtp/index.ts';
import { throughRelay } from '../support/through-relay/through.ts';
import { testTransport } from './suite.ts';
import { NO_NAMES } from './unreadable.ts';

testTransport('websocket, through a relay to zeromq', () => ({
  ...throughRelay(zeromq(), { wrap: true }),
  pullsForAll: true,
  isIdentified: true,
  anyAddress: 'tcp://127.0.0.1:*',
  losesSilently: true,
  unreadable: [...NO_NAMES, 'memory://x', 'tcp://127.0.0.1', 'tcp://127.0.0.1:99999'],
}));

testTransport('websocket, through a relay to zmtp', () => ({
  ...throughRelay(zmtp(), { wrap: true }),
  pullsForAll: true,
  isIdentified: true,
  anyAddress: 'tcp://127.0.0.1:*',
  unreadable: [...NO_NAMES, 'memory://x', 'tcp://127.0.0.1', 'tcp://127.0.0.1:99999'],
}));
