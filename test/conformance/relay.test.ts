import { memory } from '../../transports/memory/index.ts';
import { zeromq } from '../../transports/zeromq/index.ts';
import { zmtp } from '../../transports/zmtp/index.ts';
import { throughRelay } from '../support/through-relay/through.ts';
import { testTransport } from './suite.ts';

/** Neither names behind a relay, nor addresses of any transport; and a name that no target has. */
const noNames = ['a.b', 'a b', 'a/b', '/results', 'http://a:1', 'nobody', ''];

testTransport('websocket, through a relay to memory', () => ({
  ...throughRelay(memory(), { wrap: true }),
  pullsForAll: true,
  isIdentified: true,
  anyAddress: 'memory://*',
  unreadable: [...noNames, 'tcp://127.0.0.1:1', 'memory://'],
}));

testTransport('websocket, through a relay to zeromq', () => ({
  ...throughRelay(zeromq(), { wrap: true }),
  pullsForAll: true,
  isIdentified: true,
  anyAddress: 'tcp://127.0.0.1:*',
  losesSilently: true,
  unreadable: [...noNames, 'memory://x', 'tcp://127.0.0.1', 'tcp://127.0.0.1:99999'],
}));

testTransport('websocket, through a relay to zmtp', () => ({
  ...throughRelay(zmtp(), { wrap: true }),
  pullsForAll: true,
  isIdentified: true,
  anyAddress: 'tcp://127.0.0.1:*',
  unreadable: [...noNames, 'memory://x', 'tcp://127.0.0.1', 'tcp://127.0.0.1:99999'],
}));
