/**
 * Many clients of one relay in one process.
 *
 *   node crowd.mjs job URL SERVER CLIENTS MESSAGES   a job of each at the same time; prints one line of JSON
 *   node crowd.mjs idle URL SERVER CLIENTS           connected, until stdin ends; prints a line once all are
 *   node crowd.mjs bare URL CONNECTIONS              the same of bare WebSockets
 *   node crowd.mjs nats URL ADDRESS CLIENTS MESSAGES  a job of each client of a Master on NATS; prints a line with what their processes did meanwhile
 */
import { readdirSync, readFileSync } from 'node:fs';
import { cpus } from 'node:os';
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

/** Ticks of Linux in a second, in which /proc counts. */
const TICKS = 100;

/** Seconds that the processes of this measurement have worked, all of one parent; outside of Linux those of the whole machine. */
function worked() {
  if (process.platform !== 'linux')
    return (
      cpus().reduce((sum, { times: { user, nice, sys, irq } }) => sum + user + nice + sys + irq, 0) / 1e3
    );
  let ticks = 0;
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      if (Number(fields[1]) === process.ppid) ticks += Number(fields[11]) + Number(fields[12]);
    } catch {
      // It has ended.
    }
  }
  return ticks / TICKS;
}

/** Jobs of all clients together, one with `total` messages, of which each has a share. */
function jobs(crowd, server, total) {
  const payload = new Uint8Array(32).fill(0x78);
  const each = Math.ceil(total / crowd.length);
  function* payloads() {
    for (let i = 0; i < each; i++) yield payload;
  }
  const job = async (client) => {
    for await (const _ of client.job(`${server}.same`, payloads(), { messages: each }));
  };
  return Promise.all(crowd.map(job));
}

async function untilEnd() {
  console.log('connected');
  await new Promise((resolve) => process.stdin.resume().on('end', resolve));
}

const commands = {
  async job([serverName, count, messages]) {
    const crowd = await clients(serverName, Number(count));
    const run = (total) => jobs(crowd, serverName, total);
    await run(Math.min(messages, 20_000));
    const wall = performance.now();
    const cpu = process.cpuUsage();
    await run(messages);
    const { user, system } = process.cpuUsage(cpu);
    console.log(
      JSON.stringify({ seconds: (performance.now() - wall) / 1e3, cpuSeconds: (user + system) / 1e6 }),
    );
  },
  async nats([dbAddress, count, messages]) {
    const { Client } = await import(new URL('index.js', dist).href);
    const { nats } = await import(new URL('nats.js', dist).href);
    // A thousand idle clients look for their server so often that NATS is busy with it.
    const transport = nats({ servers: url, ...(count > 1_000 && { heartbeat: 30_000 }) });
    const crowd = await all(Number(count), () => Client.connect({ transport, dbAddress, timeout: 60_000 }));
    await jobs(crowd, 'master', Math.max(Number(count), 20_000));
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    let began = performance.now();
    let cpu = worked();
    await new Promise((resolve) => setTimeout(resolve, 5_000));
    const idle = (worked() - cpu) / ((performance.now() - began) / 1e3);
    const took = [];
    for (let i = 0; i < 500; i++) {
      began = performance.now();
      await crowd[i % crowd.length].eval('master.same', new Uint8Array(32));
      took.push(performance.now() - began);
    }
    began = performance.now();
    cpu = worked();
    await jobs(crowd, 'master', Number(messages));
    const seconds = (performance.now() - began) / 1e3;
    const rate = messages / seconds;
    const p50 = took.sort((a, b) => a - b)[took.length >> 1] / 1e3;
    console.log(JSON.stringify({ rate, cpu: (worked() - cpu) / messages, idle, p50 }));
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
