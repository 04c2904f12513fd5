/** A Master or a Worker of the siege, in a process of its own: siege-process.ts URLS master | worker. */
import { Master, Worker } from '../../src/cluster/index.ts';
import { nats } from '../../transports/nats/index.ts';

const [servers = '', role] = process.argv.slice(2);
const transport = nats({ servers: servers.split(','), replicas: 3, heartbeat: 500 });
const common = { transport, dbAddress: 'nats:crew', loggingLevel: 'silent' } as const;

if (role === 'master') await Master.start({ ...common, name: 'crew' });
else
  await Worker.start({
    ...common,
    name: `worker${process.pid}`,
    concurrency: 16,
    functions: {
      soon: async (payload) => {
        await new Promise((resolve) => setTimeout(resolve, 1));
        return payload;
      },
    },
  });
console.log('serving');
