/**
 * A server in a process of its own, until stdin ends: attacked-process.ts server | master | pipeline PUB. Its functions do
 * not end. Says its addresses as JSON.
 */
import { Master, Pipeline, Server } from '../../src/cluster/index.ts';
import { zeromq } from '../../transports/zeromq/index.ts';

const [role = '', subAddress = ''] = process.argv.slice(2);
const any = 'tcp://127.0.0.1:*';
const hang = () => new Promise<Uint8Array>(() => {});
const common = { transport: zeromq(), loggingLevel: 'silent', dbAddress: any, pubAddress: any } as const;
const functions = { hang };

const start = () => {
  if (role === 'server') return Server.start({ ...common, name: 'attacked', pullAddress: any, functions });
  if (role === 'pipeline')
    return Pipeline.start({ ...common, name: 'attacked', subAddress, previous: 'first', functions });
  return Master.start({
    ...common,
    name: 'attacked',
    pullAddress: any,
    workerPullAddress: any,
    workerPushAddress: any,
  });
};

const running = await start();
const { dbAddress, pubAddress } = running;
const pullAddress = running instanceof Pipeline ? '' : running.pullAddress;
console.log(JSON.stringify({ pid: process.pid, dbAddress, pubAddress, pullAddress }));
process.stdin.resume().once('end', () => process.exit());
