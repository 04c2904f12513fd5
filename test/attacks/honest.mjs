/**
 * Clients that do nothing but call, and tell how that goes: node honest.mjs WAYS, where WAYS is a JSON list of
 * { url, token, db, server, path, count, pace }: so many clients, through the relay at `url` if there is one, each of which
 * calls again `pace` milliseconds after an answer. Says 'ready'. For each line of stdin it tells in one line of JSON what came of
 * the calls since the last; the line 'finish' has it call no more, and wait for what is under way.
 */
import { createInterface } from 'node:readline';

/** Milliseconds that a call may take. */
const TIMEOUT = 10_000;

const dist = new URL('../../dist/node/', import.meta.url);
const load = (name) => import(new URL(name, dist).href);
const { Client, text } = await load('index.js');

let times = [];
let lost = [];
let isOver = false;

async function transportOf({ url, token }) {
  const isNative = process.env.FROND_NATIVE === '1';
  if (url === undefined && isNative) return (await load('zeromq.js')).zeromq();
  if (url === undefined) return (await load('zmtp.js')).zmtp();
  return (await load('websocket.js')).websocket(url, { token, maxDelay: 50 });
}

async function open(way) {
  const transport = await transportOf(way);
  const { server, db = server, count } = way;
  const all = Array.from({ length: count }, () =>
    Client.connect({
      transport,
      dbAddress: db,
      serverName: server,
      loggingLevel: 'silent',
      timeout: TIMEOUT,
    }),
  );
  return (await Promise.all(all)).map((client) => ({ client, way }));
}

async function callOn({ client, way: { path, pace } }, number) {
  const words = client.with(text());
  for (let i = 0; !isOver; i++) {
    const word = `call ${number}.${i}`;
    const began = performance.now();
    try {
      const answer = await words.eval(path, word);
      if (answer !== word.toUpperCase()) throw new Error(`${word} was answered with ${answer.slice(0, 50)}`);
      times.push(performance.now() - began);
    } catch (error) {
      lost.push(String(error.code ?? error.message));
      // One that fails at once shall not fail a thousand times a second.
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
    await new Promise((resolve) => setTimeout(resolve, pace));
  }
}

function tell() {
  const sorted = times.sort((a, b) => a - b);
  const at = (share) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? null;
  const reasons = [...new Set(lost)].slice(0, 5);
  console.log(
    JSON.stringify({
      calls: times.length + lost.length,
      lost: lost.length,
      p50: at(0.5),
      p99: at(0.99),
      reasons,
    }),
  );
  times = [];
  lost = [];
}

const clients = (await Promise.all(JSON.parse(process.argv[2]).map(open))).flat();
const calling = Promise.all(clients.map(callOn));
console.log('ready');
for await (const line of createInterface({ input: process.stdin })) {
  if (line === 'finish') {
    isOver = true;
    await calling;
  }
  tell();
}
process.exit();
