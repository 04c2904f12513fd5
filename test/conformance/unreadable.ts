/** Addresses that transports must refuse. */

/** Neither names behind a relay, nor addresses of any transport; and a name that no target has. */
export const NO_NAMES = ['a.b', 'a b', 'a/b', '/results', 'http://a:1', 'nobody', ''];

/** What `zeromq()` cannot read. */
export const NO_ZEROMQ = [
  'memory://x',
  'tcp://127.0.0.1',
  'tcp://127.0.0.1:99999',
  'tcp://::1:5555',
  'http://a:1',
  '',
];

/** What `zmtp()` cannot read: it has no addresses within a process. */
export const NO_ZMTP = [...NO_ZEROMQ, 'inproc://x'];
