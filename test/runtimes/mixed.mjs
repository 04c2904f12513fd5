/**
 * A Master, or a worker of one, over ZeroMQ without native code, until stdin ends: `master`, or `worker DB_ADDRESS NAME`. Prints the Master's
 * db_address, or `working`.
 */
import process from 'node:process';
import { Master, Worker } from 'frond/cluster';
import { zmtp } from 'frond/zmtp';

const [role, dbAddress, name] = process.argv.slice(2);
const any = 'tcp://127.0.0.1:*';
const common = { transport: zmtp(), loggingLevel: 'silent' };

const running =
  role === 'master'
    ? await Master.start({
        ...common,
        name: 'master',
        dbAddress: any,
        pullAddress: any,
        pubAddress: any,
        workerPullAddress: any,
        workerPushAddress: any,
      })
    : await Worker.start({
        ...common,
        dbAddress,
        name,
        functions: {
          who: (payload) => new TextEncoder().encode(`${new TextDecoder().decode(payload)} ${name}`),
        },
      });
console.log(role === 'master' ? running.dbAddress : 'working');
process.stdin.on('end', async () => {
  await running.close();
  process.exit();
});
process.stdin.resume();
