/** A Master or worker in a process of its own, until stdin ends: role-process.ts master | worker DB. Says when it is up. */
import { Master, Worker } from '../../src/cluster/index.ts';
import { zeromq } from '../../transports/zeromq/index.ts';

const [role = '', dbAddress = ''] = process.argv.slice(2);
const any = 'tcp://127.0.0.1:*';
const common = { transport: zeromq(), loggingLevel: 'silent' } as const;

const start = () =>
  role === 'master'
    ? Master.start({
        ...common,
        name: 'master',
        dbAddress: any,
        pullAddress: any,
        pubAddress: any,
        workerPullAddress: any,
        workerPushAddress: any,
      })
    : Worker.start({ ...common, dbAddress });

const running = await start();
console.log(running instanceof Master ? running.dbAddress : 'working');
process.stdin.resume().once('end', () => running.close());
