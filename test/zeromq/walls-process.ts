/**
 * A Server and a Master in a process of their own, whose memory and descriptors are theirs alone: walls-process.ts [OPTIONS OF zeromq()].
 * Sends their addresses to its parent, and answers when it is asked.
 */
import { Master, Server } from '../../src/cluster/index.ts';
import { zeromq } from '../../transports/zeromq/index.ts';
import type { Addresses } from './walls-child.ts';

const any = 'tcp://127.0.0.1:*';
const common = {
  transport: zeromq(JSON.parse(process.argv[2] ?? '{}')),
  dbAddress: any,
  pullAddress: any,
  pubAddress: any,
  loggingLevel: 'silent',
} as const;

const server = await Server.start({ ...common, name: 'server' });
const master = await Master.start({
  ...common,
  name: 'master',
  workerPullAddress: any,
  workerPushAddress: any,
});

const { workerPushAddress, workerPullAddress } = master;
const addresses: Addresses = {
  db: server.dbAddress,
  pull: server.pullAddress,
  pub: server.pubAddress,
  masterDb: master.dbAddress,
  workerPush: workerPushAddress,
  workerPull: workerPullAddress,
};
process.send?.(addresses);
process.on('message', () => {
  process.send?.('here');
});
process.on('disconnect', () => process.exit());
