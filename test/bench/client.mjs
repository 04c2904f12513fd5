/**
 * One measurement of the built client, in a process of its own: node client.mjs COMMAND DB|URL SERVER [COUNT [zeromq | zmtp | nats URL]]
 * Through the relay where the URL of one stands in place of the server's address.
 * Prints one line of JSON: seconds of wall clock and of CPU, and what is asked for.
 */
const began = performance.now();
const [command, place, serverName, count = '0', kind = 'zeromq', servers] = process.argv.slice(2);
const messages = Number(count);
const dist = new URL('../../dist/node/', import.meta.url);

const { Client } = await import(new URL('index.js', dist).href);
const client = await Client.connect(await wayTo(place, serverName));
const payload = new Uint8Array(32).fill(0x78);
/** Messages of the job or map before the one that is measured: V8 goes on compiling for more than the first 100,000. */
const warmUp = Math.min(messages, Math.max(20_000, messages / 2));
/** Round trips before those that are measured, so that V8 has compiled both ends. */
const WARM_UP = 5_000;

async function wayTo(place, serverName) {
  if (place.startsWith('ws:')) {
    const { websocket } = await import(new URL('websocket.js', dist).href);
    return { transport: websocket(place), dbAddress: serverName, serverName };
  }
  const transport = (await import(new URL(`${kind}.js`, dist).href))[kind](servers && { servers });
  return { transport, dbAddress: place, serverName };
}

function* payloads(total) {
  for (let i = 0; i < total; i++) yield payload;
}

async function job(total, seen = () => {}, name = 'same') {
  let received = 0;
  for await (const _ of client.job(`${serverName}.${name}`, payloads(total), { messages: total }))
    seen(++received);
  return received;
}

/** @param {() => Promise<object | void>} run */
async function measured(run) {
  const wall = performance.now();
  const cpu = process.cpuUsage();
  const more = await run();
  const { user, system } = process.cpuUsage(cpu);
  return { seconds: (performance.now() - wall) / 1e3, cpuSeconds: (user + system) / 1e6, ...more };
}

/** Calls of a function, one after another, after some that are not measured. */
async function roundTrips(name, before) {
  const call = `${serverName}.${name}`;
  for (let i = 0; i < before; i++) await client.eval(call, payload);
  return measured(async () => {
    const took = [];
    for (let i = 0; i < messages; i++) {
      const start = performance.now();
      await client.eval(call, payload);
      took.push(performance.now() - start);
    }
    return { p50: took.sort((a, b) => a - b)[messages >> 1] / 1e3 };
  });
}

const commands = {
  async connect() {
    await client.eval(`${serverName}.same`, payload);
    return { seconds: (performance.now() - began) / 1e3 };
  },
  async job() {
    await job(warmUp);
    return measured(async () => void (await job(messages)));
  },
  /** A job of functions that take a millisecond each. */
  async naps() {
    await job(Math.min(messages, 500), undefined, 'nap');
    return measured(async () => void (await job(messages, undefined, 'nap')));
  },
  /** One result for each input, in order. */
  async map() {
    const map = async (total) => {
      for await (const _ of client.map(`${serverName}.same`, payloads(total)));
    };
    await map(warmUp);
    return measured(() => map(messages));
  },
  async set() {
    const set = (total) => {
      let next = 0;
      const lane = async () => {
        while (next < total) await client.set(payload, `bench-${next++ % 1000}`);
      };
      return Promise.all(Array.from({ length: 512 }, lane));
    };
    await set(Math.min(messages, 10_000));
    return measured(async () => void (await set(messages)));
  },
  /** Round trips, one at a time. */
  trips: () => roundTrips('same', Math.max(messages / 4, WARM_UP)),
  /** Calls of `nap`, one at a time. */
  evals: () => roundTrips('nap', 100),
  /** Sends inputs of `nap`, says when all have left, and waits for the answers until stdin ends. */
  async crowd() {
    const busy = client.job(`${serverName}.nap`, payloads(messages), { messages });
    const told = setInterval(() => {
      if (busy.progress.sent < messages) return;
      console.log('sent');
      clearInterval(told);
    }, 20);
    process.stdin.resume().on('end', () => process.exit());
    for await (const _ of busy);
  },
  /** From the abort of the call that keeps the only worker busy to the answer of the next call, which waited behind it. */
  async cancels() {
    return measured(async () => {
      const took = [];
      for (let i = 0; i < messages; i++) {
        const abort = new AbortController();
        const call = client.eval(`${serverName}.wait`, payload, { signal: abort.signal }).catch(() => {});
        await new Promise((resolve) => setTimeout(resolve, 10));
        const next = client.eval(`${serverName}.same`, payload);
        await new Promise((resolve) => setTimeout(resolve, 10));
        const start = performance.now();
        abort.abort();
        await next;
        took.push(performance.now() - start);
        await call;
      }
      return { p50: took.sort((a, b) => a - b)[messages >> 1] / 1e3 };
    });
  },
  /** Calls of `nap`, one every five milliseconds, whatever becomes of those before. */
  async paced() {
    await client.eval(`${serverName}.nap`, payload);
    return measured(async () => {
      const took = [];
      const call = async () => {
        const start = performance.now();
        await client.eval(`${serverName}.nap`, payload);
        took.push(performance.now() - start);
      };
      const calls = [];
      const begin = performance.now();
      while (calls.length < messages) {
        const due = Math.floor((performance.now() - begin) / 5) + 1;
        while (calls.length < Math.min(due, messages)) calls.push(call());
        await new Promise((resolve) => setTimeout(resolve, 1));
      }
      await Promise.all(calls);
      return { p99: took.sort((a, b) => a - b)[Math.floor(messages * 0.99)] / 1e3 };
    });
  },
  /** Resident memory after a tenth of a job, and at its end. */
  async memory() {
    const samples = [];
    const mark = Math.floor(messages / 10);
    const settle = () => {
      globalThis.gc?.();
      samples.push(process.memoryUsage().rss);
    };
    return measured(async () => {
      await job(messages, (received) => {
        if (received % mark === 0) settle();
      });
      return { samples };
    });
  },
};

console.log(JSON.stringify(await commands[command]()));
await client.close();
