/** What the tests of vanished hosts do on one of them: host-process.ts ROLE ADDRESS OPTIONS-of-zmtp()-as-JSON. Says its address when it is up. */
import { createInterface } from 'node:readline';
import { Client } from '../../src/client/client.ts';
import { Master, Worker } from '../../src/cluster/index.ts';
import { zmtp } from '../../transports/zmtp/index.ts';
import { bytes, textOf } from '../support/bytes.ts';

const [role = '', address = '', options = '{}'] = process.argv.slice(2);
const transport = zmtp(JSON.parse(options));
const say = (what: string) => process.stdout.write(`${what}\n`);

switch (role) {
  // Answers nothing that it gets.
  case 'silent': {
    const connection = await transport.open();
    const reply = await connection.bindReply(address, () => {
      say('asked');
      return new Promise(() => {});
    });
    const pull = await connection.bindPull(address);
    say(`${reply.address} ${pull.address}`);
    process.stdin.resume();
    break;
  }
  // Sends a request and pushes, and says why each link broke.
  case 'dialler': {
    const connection = await transport.open();
    const [replyAddress = '', pullAddress = ''] = address.split(' ');
    const pusher = connection.push(pullAddress);
    await pusher.ready();
    pusher.onBreak((error) => say(`push ${error.code} ${error.message}`));
    const { reply } = connection.request(replyAddress, bytes('x'));
    reply.catch((error) => say(`request ${error.code} ${error.message}`));
    await pusher.send([bytes('x')]);
    say('sent');
    process.stdin.resume();
    break;
  }
  // A Master that gets one call when it is told to, and a worker of its own when it is told so.
  case 'master': {
    const master = await Master.start({
      transport,
      name: 'master',
      dbAddress: address,
      pullAddress: address,
      pubAddress: address,
      workerPullAddress: address,
      workerPushAddress: address,
      heartbeat: 1_000,
      loggingLevel: 'silent',
    });
    const { dbAddress } = master;
    const client = await Client.connect({ transport, dbAddress, loggingLevel: 'silent', timeout: 120_000 });
    say(dbAddress);
    createInterface({ input: process.stdin }).on('line', async (line) => {
      if (line === 'call') {
        say('calling');
        say(`answered ${textOf(await client.eval('master.hold', bytes('x')))}`);
      } else {
        await Worker.start({
          transport,
          dbAddress,
          loggingLevel: 'silent',
          functions: { hold: (payload) => payload },
        });
        say('helped');
      }
    });
  }
}
