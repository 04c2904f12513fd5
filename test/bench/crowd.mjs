/**
 * Many clients of one relay in one process.
 *
 *   node crowd.mjs job URL SERVER CLIENTS MESSAGES   a job of each at the same time; prints one line of JSON
 *   node crowd.mjs idle URL SERVER CLIENTS           connected, until stdin ends; prints a line once all are
 *   node crowd.mjs bare URL CONNECTIONS              the same of bare WebSockets
 */
import { WebSocket } from 'ws';

/** Connections that are made at the same time. */
const AT_ONCE = 64;

const [command, url, ...args] = process.argv.slice(2);
const dist = new URL('../../dist/node/', import.meta.url);

/** What `make` gives, `count` times. */
async function all(count, make) {
  const made = [];
  let begun = 0;
  const lane = async () => {
    while (begun++ < count) made.push(await make());
  };
  await Promise.all(Array.from({ length: AT_ONCE }, lane));
  return made;
}

async function clients(serverName, count) {
  const { Client } = await import(new URL('index.js', dist).href);
  const { websocket } = await import(new URL('websocket.js', dist).href);
  const transport = websocket(url);
  return all(count, () => Client.connect({ transport, dbAddress: serverName, serverName }));
}

async function untilEnd() {
  console.log('connected');
  await new Promise((resolve) => process.stdin.resume().on('end', resolve));
}

const commands = {
  async job([serverName, count, messages]) {
    const crowd = await clients(serverName, Number(count));
    const payload = new Uint8Array(32).fill(0x78);
    const run = (total) => {
      const each = Math.ceil(total / crowd.length);
      function* payloads() {
        for (let i = 0; i < each; i++) yield payload;
      }
      const job = async (client) => {
        for await (const _ of client.job(`${serverName}.same`, payloads(), { messages: each }));
      };
      return Promise.all(crowd.map(job));
    };
    await run(Math.min(messages, 20_000));
    const wall = performance.now();
    const cpu = process.cpuUsage();
    await run(messages);
    const { user, system } = process.cpuUsage(cpu);
    console.log(
      JSON.stringify({ seconds: (performance.now() - wall) / 1e3, cpuSeconds: (user + system) / 1e6 }),
    );
  },
  async idle([serverName, count]) {
    await clients(serverName, Number(count));
    await untilEnd();
  },
  async bare([count]) {
    const open = () =>
      new Promise((resolve, reject) => {
        const socket = new WebSocket(url, { perMessageDeflate: false });
        socket.once('open', () => socket.send('hello'));
        socket.once('message', () => resolve(socket));
        socket.once('error', reject);
      });
    await all(Number(count), open);
    await untilEnd();
  },
};

await commands[command](args);
process.exit();
