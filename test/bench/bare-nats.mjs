/**
 * What frond does on NATS with nats.js alone, and nobody looks into a frame: inputs wait in a work queue on disk, workers pull them, publish
 * each result into a stream in memory and acknowledge the input once that is stored, and the client reads the results in order.
 *
 *   node bare-nats.mjs worker URL
 *   node bare-nats.mjs job URL COUNT    prints one line of JSON
 */
import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';

/** Bytes of a frame: an envelope with a payload of 32. */
const FRAME = new Uint8Array(130).fill(0x78);
/** Inputs that have no result yet, as many as frond has of them. */
const OUT = 8_192;
const WARM_UP = 20_000;
const GIB = 1_073_741_824;
const STREAMS = [
  {
    name: 'BARE_IN',
    subjects: ['bare.in'],
    retention: 'workqueue',
    storage: 'file',
    discard: 'new',
    max_bytes: GIB,
  },
  { name: 'BARE_OUT', subjects: ['bare.out'], storage: 'memory', discard: 'old', max_bytes: GIB / 4 },
];

const [command, servers, count = '0'] = process.argv.slice(2);
const connection = await connect({ servers });
const manager = await jetstreamManager(connection);
const streams = jetstream(connection);
for (const stream of STREAMS) await manager.streams.add(stream);
await manager.consumers.add('BARE_IN', {
  durable_name: 'readers',
  ack_policy: 'explicit',
  ack_wait: 30_000_000_000,
  max_ack_pending: OUT,
});

const commands = {
  async worker() {
    const consumer = await streams.consumers.get('BARE_IN', 'readers');
    const messages = await consumer.consume({ max_messages: 1_000 });
    console.log('working');
    void (async () => {
      for await (const message of messages) {
        streams.publish('bare.out', message.data, { msgID: `out.${message.seq}` }).then(() => message.ack());
      }
    })();
    await new Promise((resolve) => process.stdin.resume().on('end', resolve));
    process.exit();
  },
  async job() {
    const consumer = await streams.consumers.get('BARE_OUT', { deliver_policy: 'new' });
    const messages = await consumer.consume({ max_messages: 1_000 });
    let received = 0;
    let awaited = 0;
    let wake = () => {};
    void (async () => {
      for await (const _ of messages) {
        received++;
        if (received % 64 === 0 || received === awaited) wake();
      }
    })();
    let next = 0;
    const run = async (total) => {
      const from = received;
      awaited = from + total;
      for (let sent = 0; sent < total; sent++) {
        while (sent - (received - from) > OUT - 64) await new Promise((resolve) => (wake = resolve));
        void streams.publish('bare.in', FRAME, { msgID: `${process.pid}.${next++}` });
        if (sent % 64 === 0) await new Promise((resolve) => setImmediate(resolve));
      }
      while (received < awaited) await new Promise((resolve) => (wake = resolve));
    };
    await run(WARM_UP);
    const wall = performance.now();
    const cpu = process.cpuUsage();
    await run(Number(count));
    const { user, system } = process.cpuUsage(cpu);
    return { seconds: (performance.now() - wall) / 1e3, cpuSeconds: (user + system) / 1e6 };
  },
};

console.log(JSON.stringify(await commands[command]()));
process.exit();
