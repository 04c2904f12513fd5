/** One of several relays over NATS: relay-process.ts URL ID PORT [OTHER=URL…]. Ends with its input. */

import { nats } from '../../transports/nats/index.ts';
import { EVERYTHING, startRelay, TOKEN } from '../support/relay.ts';

const [servers = '', id = '', port = '', ...others] = process.argv.slice(2);
const relay = await startRelay({
  transport: nats({ servers, heartbeat: 500 }),
  servers: { server: { dbAddress: 'nats:server' } },
  authenticate: (token) => (token === TOKEN ? EVERYTHING : undefined),
  peers: {
    id,
    key: 'a key that the relays share and nobody else',
    urls: Object.fromEntries(others.map((other) => other.split('=', 2))),
  },
  port: Number(port),
});
console.log('relaying');
process.stdin.resume().once('end', () => relay.close({ timeout: 5_000 }).then(() => process.exit()));
