/**
 * One of several Servers under one address, in a process of its own: sharing-process.ts URL [dies | stuck | serves [REPLICAS]]. With `dies` it ends by SIGKILL when
 * it is to settle a call for the first time: the answer is stored then, and the call is not settled. With `stuck` it answers nothing.
 */
import { Server } from '../../src/cluster/index.ts';
import type { BindingTransport, Settler } from '../../src/transport.ts';
import { nats } from '../../transports/nats/index.ts';
import { textOf } from '../support/bytes.ts';

const [servers = '', how, replicas = '1'] = process.argv.slice(2);

/** Has a process die between the storing of an answer and the word that the call is done. */
function dyingWith(transport: BindingTransport): BindingTransport {
  return {
    ...transport,
    open: async () => {
      const connection = await transport.open();
      const bindPull = connection.bindPull.bind(connection);
      connection.bindPull = async (address, options) => {
        const pull = await bindPull(address, options);
        const settler = pull.settler as Settler;
        settler.settle = (frames) => {
          if (frames.length > 0) process.kill(process.pid, 'SIGKILL');
        };
        return pull;
      };
      return connection;
    },
  };
}

const transport = nats({ servers: servers.split(','), replicas: Number(replicas), heartbeat: 200 });
const server = await Server.start({
  transport: how === 'dies' ? dyingWith(transport) : transport,
  name: 'server',
  dbAddress: 'nats:server',
  loggingLevel: 'silent',
  concurrency: 8,
  functions: {
    pid: () => new TextEncoder().encode(String(process.pid)),
    echo: (payload) => payload,
    soon: async (payload) => {
      if (how === 'stuck') {
        console.log('begun');
        await new Promise(() => {});
      }
      await new Promise((resolve) => setTimeout(resolve, 1));
      return payload;
    },
    long: async (payload) => {
      console.log('begun');
      await new Promise((resolve) => setTimeout(resolve, Number(textOf(payload))));
      return payload;
    },
    deadly: () => {
      console.log('dying');
      process.kill(process.pid, 'SIGKILL');
      return new Promise(() => {});
    },
  },
});
console.log('serving');
process.stdin.resume().once('end', () => server.close());
