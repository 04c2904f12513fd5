/** A Server in a process of its own: server-process.ts URL. Says when it is up, and what it works on. */
import { Server } from '../../src/cluster/index.ts';
import { nats } from '../../transports/nats/index.ts';
import { textOf } from '../support/bytes.ts';

const [servers = ''] = process.argv.slice(2);
const server = await Server.start({
  transport: nats({ servers, heartbeat: 200 }),
  name: 'server',
  dbAddress: 'nats:server',
  loggingLevel: 'silent',
  functions: {
    hang: () => {
      console.log('hangs');
      return new Promise(() => {});
    },
    pid: () => new TextEncoder().encode(String(process.pid)),
    upper: (payload) => new TextEncoder().encode(textOf(payload).toUpperCase()),
  },
});
console.log('serving');
process.stdin.resume().once('end', () => server.close());
