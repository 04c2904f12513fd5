/** A worker that answers nothing, in a process of its own: stuck-worker-process.ts URL DB. */
import { Worker } from '../../src/cluster/index.ts';
import { nats } from '../../transports/nats/index.ts';

const [servers = '', dbAddress = ''] = process.argv.slice(2);
await Worker.start({
  transport: nats({ servers, heartbeat: 30_000 }),
  dbAddress,
  loggingLevel: 'silent',
  functions: {
    stuck: () => {
      console.log('begun');
      return new Promise<Uint8Array>(() => {});
    },
  },
});
console.log('serving');
