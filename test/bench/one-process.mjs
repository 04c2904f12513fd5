/**
 * A Server of the built package and its client in one process, over the memory transport: node one-process.mjs job|events COUNT
 * `job` is a job of COUNT calls. `events` is what one does without frond: a call and its answer are two events of an EventTarget.
 * Prints one line of JSON: seconds of wall clock and of CPU, the least of three runs after one that V8 compiles in.
 */
const [command, count] = process.argv.slice(2);
const dist = new URL('../../dist/node/', import.meta.url);
const payload = new Uint8Array(32).fill(0x78);
const RUNS = 3;

function* payloads() {
  for (let i = 0; i < count; i++) yield payload;
}

const commands = {
  async job() {
    const { Client } = await import(new URL('index.js', dist).href);
    const { Server } = await import(new URL('cluster.js', dist).href);
    const { memory } = await import(new URL('memory.js', dist).href);
    const transport = memory();
    const any = 'memory://*';
    const { dbAddress } = await Server.start({
      transport,
      name: 'server',
      dbAddress: any,
      pullAddress: any,
      pubAddress: any,
      loggingLevel: 'warning',
      functions: { same: (own) => own },
    });
    const client = await Client.connect({ transport, dbAddress });
    return async () => {
      for await (const _ of client.job('server.same', payloads(), { messages: Number(count) }));
    };
  },
  async events() {
    const target = new EventTarget();
    target.addEventListener('call', ({ detail }) => {
      target.dispatchEvent(new CustomEvent('answer', { detail: detail.slice() }));
    });
    target.addEventListener('answer', () => {});
    return async () => {
      for (const own of payloads()) target.dispatchEvent(new CustomEvent('call', { detail: own.slice() }));
    };
  },
};

const run = await commands[command]();
await run();
let [seconds, cpuSeconds] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
for (let i = 0; i < RUNS; i++) {
  const wall = performance.now();
  const cpu = process.cpuUsage();
  await run();
  const { user, system } = process.cpuUsage(cpu);
  seconds = Math.min(seconds, (performance.now() - wall) / 1e3);
  cpuSeconds = Math.min(cpuSeconds, (user + system) / 1e6);
}
console.log(JSON.stringify({ seconds, cpuSeconds }));
process.exit();
