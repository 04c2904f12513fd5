/** Functions that the tests of threads run there. */
import { isMainThread, threadId } from 'node:worker_threads';

const text = (payload) => new TextDecoder().decode(payload);
const bytes = (value) => new TextEncoder().encode(String(value));
const pause = (time) => new Promise((resolve) => setTimeout(resolve, time));

/** Larger than what is copied out of a thread. */
const kept = new Uint8Array(100_000).fill(7);

/** Computes without a pause. */
function compute(time) {
  const end = performance.now() + time;
  let turns = 0;
  while (performance.now() < end) turns++;
  return turns;
}

/** Whether this run is the first of a call, which has the key in its payload. */
async function isFirst(payload, { cache }) {
  const key = text(payload);
  if ((await cache.get(key)) !== undefined) return false;
  await cache.set(bytes('seen'), key);
  return true;
}

export default {
  upper: (payload) => bytes(text(payload).toUpperCase()),
  same: (payload) => payload,
  where: () => bytes(isMainThread ? 'main' : `thread ${threadId}`),
  compute: (payload) => {
    compute(Number(text(payload)));
    return payload;
  },
  tells: (payload, { progress }) => {
    for (let i = 0; i <= 100; i++) progress(i, 100, text(payload));
    return payload;
  },
  tellsAndWaits: (_payload, { progress, signal }) => {
    progress(1);
    progress(2);
    return new Promise((_resolve, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason));
    });
  },
  forever: () => {
    for (;;);
  },
  listens: (_payload, { signal }) =>
    new Promise((_resolve, reject) => {
      signal.addEventListener('abort', () => reject(new RangeError(`told: ${signal.reason.code}`)));
    }),
  deaf: () => new Promise(() => {}),
  context: (_payload, { message, name }) => bytes([name, message.function, message.cache].join(' ')),
  *count(payload) {
    for (let i = 0; i < Number(text(payload)); i++) yield bytes(i);
  },
  async *slowly(payload) {
    for (let i = 0; i < Number(text(payload)); i++) {
      await pause(1);
      yield bytes(i);
    }
  },
  async *endless() {
    for (let i = 0; ; i++) yield bytes(i);
  },
  *stuck() {
    yield bytes('one');
    for (;;);
  },
  list: () => [bytes('a'), bytes('b')],
  throws: () => {
    throw Object.assign(new RangeError('too far'), { code: 'FAR' });
  },
  throwsOdd: () => {
    throw { toString: 5 };
  },
  nothing: () => undefined,
  wrong: () => 'a string',
  uncloneable: () => () => {},
  kept: () => kept,
  part: (payload) => payload.subarray(1),
  wasm: () => new Uint8Array(new WebAssembly.Memory({ initial: 1 }).buffer),
  shared: () => new Uint8Array(new SharedArrayBuffer(8)).fill(9),
  exits: () => process.exit(3),
  fails: async () => {
    setTimeout(() => {
      throw new Error('nobody catches this');
    });
    await pause(60_000);
  },
  greedy: () => {
    const all = [];
    for (;;) all.push(new Array(100_000).fill(all.length));
  },
  exitsOnce: async (payload, context) => {
    if (await isFirst(payload, context)) process.exit(1);
    return bytes('second');
  },
  async *exitsAmid(payload, context) {
    const first = await isFirst(payload, context);
    for (let i = 0; i < 6; i++) {
      if (first && i === 3) {
        // Those before are to leave.
        await pause(50);
        process.exit(1);
      }
      yield bytes(i);
    }
  },
  keeps: async (payload, { cache }) => {
    const key = await cache.set(new Uint8Array([1, 2, 3]).subarray(1), text(payload));
    const value = await cache.get(text(payload));
    const existed = await cache.delete(text(payload));
    return bytes(`${key} ${value} ${existed} ${await cache.get(text(payload))}`);
  },
  reserved: async (_payload, { cache }) => bytes(await cache.set(bytes('x'), 'name')),
  says: (payload, { logger }) => {
    logger.warning('from a thread', { said: text(payload) });
    logger.info('odd', { said: () => {} });
    return payload;
  },
};
