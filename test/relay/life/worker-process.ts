/** A worker that never finishes, in a process of its own: worker-process.ts URL. Says when it has five messages. */
import { Worker } from '../../../src/cluster/index.ts';
import { websocket } from '../../../transports/websocket/node.ts';

const worker = await Worker.start({
  transport: websocket(process.argv[2] ?? '', { token: 'open sesame' }),
  dbAddress: 'master',
  loggingLevel: 'silent',
  functions: { slowly: () => new Promise<Uint8Array>(() => {}) },
  concurrency: 5,
});
console.log(JSON.stringify('there'));
while (worker.counters.inFlight < 5) await new Promise(setImmediate);
console.log(JSON.stringify('full'));
