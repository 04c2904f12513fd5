/** One of several Masters under one address, in a process of its own: master-process.ts URL. */
import { Master } from '../../src/cluster/index.ts';
import { nats } from '../../transports/nats/index.ts';

const [servers = ''] = process.argv.slice(2);
const master = await Master.start({
  transport: nats({ servers, heartbeat: 200 }),
  name: 'crew',
  dbAddress: 'nats:crew',
  loggingLevel: 'silent',
});
console.log('serving');
process.stdin.on('data', () => console.log(master.counters.answered));
process.stdin.once('end', () => master.close());
