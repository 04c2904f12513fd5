/** One of several stages under one address, in a process of its own: stage-process.ts URL pipeline | sink | hub. */
import { Hub, Pipeline, Sink, Worker } from '../../src/cluster/index.ts';
import { nats } from '../../transports/nats/index.ts';

const [servers = '', role = ''] = process.argv.slice(2);
const transport = nats({ servers, heartbeat: 200 });
const functions = {
  soon: async (payload: Uint8Array) => {
    await new Promise((resolve) => setTimeout(resolve, 1));
    return payload;
  },
  pid: () => new TextEncoder().encode(String(process.pid)),
  stuck: () => {
    console.log('begun');
    return new Promise<Uint8Array>(() => {});
  },
};
const common = { transport, name: 'last', dbAddress: 'nats:last', loggingLevel: 'silent' } as const;
const own = { ...common, functions, concurrency: 8 };

async function start(): Promise<Hub | Pipeline | Sink> {
  if (role === 'pipeline')
    return Pipeline.start({ ...own, previous: 'first', previousDbAddress: 'nats:first' });
  if (role === 'sink')
    return Sink.start({
      ...own,
      previous: ['first', 'other'],
      previousDbAddresses: ['nats:first', 'nats:other'],
    });
  const hub = await Hub.start({ ...common, previous: 'first', previousDbAddress: 'nats:first' });
  await Worker.start({ ...own, name: `worker${process.pid}` });
  return hub;
}

const stage = await start();
await stage.ready();
console.log('serving');
process.stdin.on('data', () => console.log(stage.counters.answered));
process.stdin.once('end', () => stage.close());
