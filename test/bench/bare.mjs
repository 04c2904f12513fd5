/**
 * The topology of a Master with workers in bare zeromq.js sockets: what was received as one message of several frames is
 * sent on as one, and nobody looks into a frame. For the ratio that envelope, client and cluster cost.
 *
 *   node bare.mjs master                     prints its four addresses
 *   node bare.mjs worker PUSH PULL
 *   node bare.mjs job|trips PULL PUB COUNT   prints one line of JSON
 */
import { Publisher, Pull, Push, Subscriber } from 'zeromq';

/** Frames of one message, as frond sends at most, and bytes of a frame: an envelope with a payload of 32. */
const BATCH = 128;
const FRAME = 130;
/** Messages on their way at once: PUB drops what is past its mark. */
const OUT = 8_192;
/** Round trips before those that are measured, as many as those of frond's that they are compared to. */
const WARM_UP = 5_000;

const [command, ...args] = process.argv.slice(2);
const any = 'tcp://127.0.0.1:*';
const untilEnd = new Promise((resolve) => process.stdin.resume().on('end', resolve));

const commands = {
  async master() {
    const [pull, pub, push, back] = [new Pull(), new Publisher(), new Push(), new Pull()];
    for (const socket of [pull, pub, push, back]) await socket.bind(any);
    console.log([pull, pub, push, back].map(({ lastEndpoint }) => lastEndpoint).join(' '));
    (async () => {
      for await (const frames of pull) await push.send(frames);
    })();
    (async () => {
      for await (const frames of back) await pub.send(['client/', ...frames]);
    })();
    await untilEnd;
    process.exit();
  },
  async worker([push, back]) {
    const [pull, out] = [new Pull(), new Push()];
    pull.connect(push);
    out.connect(back);
    console.log('working');
    (async () => {
      for await (const frames of pull) await out.send(frames);
    })();
    await untilEnd;
    process.exit();
  },
  async job([pull, pub, count]) {
    const { push, sub } = await dial(pull, pub);
    const run = async (total) => {
      let received = 0;
      let sent = 0;
      let wake = () => {};
      const frame = Buffer.alloc(FRAME, 'x');
      const sending = (async () => {
        while (sent < total) {
          while (sent - received > OUT - BATCH) await new Promise((resolve) => (wake = resolve));
          const frames = Array.from({ length: Math.min(BATCH, total - sent) }, () => frame);
          sent += frames.length;
          await push.send(frames);
        }
      })();
      while (received < total) {
        received += (await sub.receive()).length - 1;
        wake();
      }
      await sending;
    };
    await run(20_000);
    const wall = performance.now();
    const cpu = process.cpuUsage();
    await run(Number(count));
    const { user, system } = process.cpuUsage(cpu);
    return { seconds: (performance.now() - wall) / 1e3, cpuSeconds: (user + system) / 1e6 };
  },
  async trips([pull, pub, count]) {
    const { push, sub } = await dial(pull, pub);
    const frame = Buffer.alloc(FRAME, 'x');
    const trip = async () => {
      await push.send(frame);
      await sub.receive();
    };
    for (let i = 0; i < Math.max(count / 4, WARM_UP); i++) await trip();
    const took = [];
    const wall = performance.now();
    for (let i = 0; i < count; i++) {
      const start = performance.now();
      await trip();
      took.push(performance.now() - start);
    }
    const p50 = took.sort((a, b) => a - b)[count >> 1] / 1e3;
    return { seconds: (performance.now() - wall) / 1e3, cpuSeconds: 0, p50 };
  },
};

/** Both sockets, once an answer came through: bare PUB tells nobody when a subscription is there. */
async function dial(pull, pub) {
  const [push, sub] = [new Push(), new Subscriber({ receiveHighWaterMark: 100_000 })];
  sub.subscribe('client/');
  sub.connect(pub);
  push.connect(pull);
  sub.receiveTimeout = 50;
  for (;;) {
    await push.send('probe');
    try {
      await sub.receive();
      break;
    } catch {}
  }
  for (;;) {
    try {
      await sub.receive();
    } catch {
      break;
    }
  }
  sub.receiveTimeout = -1;
  return { push, sub };
}

const result = await commands[command](args);
if (result !== undefined) console.log(JSON.stringify(result));
process.exit();
