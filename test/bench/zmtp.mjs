/**
 * The two ends of a link, in zeromq.js or in frond's TypeScript, each in a process of its own:
 *
 *   node zmtp.mjs pull KIND COUNT                 prints its address, then one line of JSON when so many frames came
 *   node zmtp.mjs push KIND ADDRESS COUNT BATCH   sends so many frames of 100 bytes, so many in one send
 *   node zmtp.mjs reply KIND                      prints its address, and answers until stdin ends
 *   node zmtp.mjs ask KIND ADDRESS COUNT          prints one line of JSON: round trips, one at a time
 *
 * KIND is zeromq or zmtp.
 */
import { Dealer, Pull, Push, Router } from 'zeromq';

const [command, kind, ...args] = process.argv.slice(2);
const any = 'tcp://127.0.0.1:*';
const { zmtp } = await import(new URL('../../dist/node/zmtp.js', import.meta.url).href);
const frame = new Uint8Array(100).fill(0x78);
/** Round trips before those that are measured, so that V8 has compiled both ends. */
const WARM_UP = 5_000;
const say = (value) => console.log(typeof value === 'string' ? value : JSON.stringify(value));
const isFrond = kind === 'zmtp';
const untilEnd = () => new Promise((resolve) => process.stdin.resume().on('end', resolve));

/** Counts frames. The clock runs from the tenth part on, when both ends are warm. */
function meter(total) {
  let seen = 0;
  let started;
  let cpu;
  return (count) => {
    seen += count;
    if (started === undefined && seen >= total / 10) {
      started = { at: performance.now(), seen };
      cpu = process.cpuUsage();
    }
    if (seen < total) return false;
    const { user, system } = process.cpuUsage(cpu);
    const frames = seen - started.seen;
    say({
      perSecond: (frames / (performance.now() - started.at)) * 1e3,
      cpuMicroseconds: (user + system) / frames,
    });
    return true;
  };
}

async function trips(count, ask) {
  for (let i = 0; i < Math.max(count / 4, WARM_UP); i++) await ask();
  const took = [];
  for (let i = 0; i < count; i++) {
    const start = performance.now();
    await ask();
    took.push((performance.now() - start) / 1e3);
  }
  took.sort((a, b) => a - b);
  say({ p50: took[took.length >> 1], p99: took[Math.floor(took.length * 0.99)] });
}

const commands = {
  async pull([count]) {
    const seen = meter(Number(count));
    if (isFrond) {
      const connection = await zmtp().open();
      const pull = await connection.bindPull(any);
      say(pull.address);
      for await (const frames of pull) if (seen(frames.length)) break;
    } else {
      const pull = new Pull();
      await pull.bind(any);
      say(pull.lastEndpoint);
      for await (const frames of pull) if (seen(frames.length)) break;
    }
    process.exit();
  },
  async push([address, count, batch]) {
    const frames = new Array(Number(batch)).fill(frame);
    let send;
    if (isFrond) {
      const pusher = (await zmtp().open()).push(address);
      await pusher.ready();
      send = () => pusher.send(frames);
    } else {
      const push = new Push();
      push.connect(address);
      send = () => push.send(frames);
    }
    for (let sent = 0; sent < Number(count); sent += frames.length) await send();
    say({});
    await untilEnd();
    process.exit();
  },
  async reply() {
    if (isFrond) {
      const connection = await zmtp().open();
      say((await connection.bindReply(any, (request) => request)).address);
    } else {
      const router = new Router();
      await router.bind(any);
      say(router.lastEndpoint);
      (async () => {
        for await (const parts of router) await router.send(parts);
      })();
    }
    await untilEnd();
    process.exit();
  },
  async ask([address, count]) {
    if (isFrond) {
      const connection = await zmtp().open();
      await trips(Number(count), () => connection.request(address, frame).reply);
    } else {
      const dealer = new Dealer();
      dealer.connect(address);
      await trips(Number(count), async () => {
        await dealer.send(['id', '', frame]);
        await dealer.receive();
      });
    }
    process.exit();
  },
};

await commands[command](args);
