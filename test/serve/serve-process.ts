/** Serves a server until it is told to end. `slow` waits for as long as its payload says. Prints its address, and `done` at the end. */
import { serve } from '../../serve/index.ts';
import { Server } from '../../src/cluster/index.ts';
import { zmtp } from '../../transports/zmtp/index.ts';

const server = await Server.start({
  transport: zmtp(),
  name: 'server',
  loggingLevel: 'silent',
  functions: {
    slow: async (payload) => {
      console.log('began');
      await new Promise((resolve) => setTimeout(resolve, Number(new TextDecoder().decode(payload))));
      return payload;
    },
  },
});
console.log(server.dbAddress);
await serve(server, { timeout: Number(process.argv[2] ?? 5_000) });
console.log('done');
