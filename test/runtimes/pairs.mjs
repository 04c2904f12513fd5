/**
 * The two ends of a call in two runtimes, over ZeroMQ without native code. KEYS is JSON: the keys of CURVE, or `null`.
 *
 *   serve KEYS                a Server, until stdin ends. Prints its db_address.
 *   call KEYS DB_ADDRESS      a client that uses it in every way, and has it die at the end. Prints one line of JSON: what each way gave.
 */
import process from 'node:process';
import { Client, text } from 'frond';
import { Server } from 'frond/cluster';
import { zmtp } from 'frond/zmtp';

const [role, keysJson, dbAddress] = process.argv.slice(2);
const keys = JSON.parse(keysJson);
const bytes = (string) => new TextEncoder().encode(string);
const string = (own) => new TextDecoder().decode(own);

async function serve() {
  const curveServer = keys && { secretKey: keys.server.secretKey, allow: [keys.client.publicKey] };
  /** Why calls of `wait` were aborted. */
  const aborted = [];
  const functions = {
    same: (payload) => payload,
    *letters(payload) {
      for (const letter of payload) yield Uint8Array.of(letter);
    },
    fail: () => {
      throw new RangeError('too far');
    },
    wait: (payload, { signal }) =>
      new Promise((resolve) =>
        signal.addEventListener('abort', () => {
          aborted.push(signal.reason.code);
          resolve(payload);
        }),
      ),
    aborted: () => bytes(aborted.join()),
    metadata: (_, { metadata }) => bytes(JSON.stringify(metadata)),
    steps: async (payload, { progress }) => {
      for (let done = 1; done <= 3; done++) {
        progress(done, 3);
        await new Promise((resolve) => setTimeout(resolve, 60));
      }
      return payload;
    },
    die: () => process.exit(0),
  };
  const transport = zmtp(keys ? { curveServer } : {});
  // A call that waits must not hold up the next one.
  const server = await Server.start({
    transport,
    name: 'server',
    functions,
    concurrency: 64,
    loggingLevel: 'silent',
  });
  console.log(server.dbAddress);
  process.stdin.on('end', async () => {
    await server.close();
    process.exit();
  });
  process.stdin.resume();
}

const failureOf = (promise) =>
  promise.then(
    () => 'none',
    ({ code, remoteName = '' }) => `${code} ${remoteName}`.trim(),
  );

/** What a client does, in this order. Each gives a value that the test knows. */
const ways = {
  eval: async (client) => string(await client.eval('server.same', bytes('ü'))),
  empty: async (client) => (await client.eval('server.same', new Uint8Array(0))).length,
  'several answers': async (client) =>
    (await client.eval('server.letters', bytes('abc'), { messages: 3 })).map(string).join(''),
  'large payload': async (client) => {
    const large = new Uint8Array(1_000_000).map((_, i) => i);
    const answer = await client.eval('server.same', large);
    return answer.length === large.length && answer.every((byte, i) => byte === large[i]);
  },
  'a hundred at once': async (client) => {
    const calls = Array.from({ length: 100 }, (_, i) => client.with(text()).eval('server.same', `${i}`));
    return (await Promise.all(calls)).every((answer, i) => answer === `${i}`);
  },
  job: async (client) => {
    const inputs = Array.from({ length: 5_000 }, (_, i) => `${i}`);
    let last = -1;
    let inOrder = true;
    for await (const result of client.with(text()).job('server.same', inputs, { messages: inputs.length })) {
      inOrder &&= Number(result) === ++last;
      // A reader that is slow at times.
      if (last % 1_000 === 0) await new Promise((resolve) => setTimeout(resolve, 20));
    }
    return inOrder && last;
  },
  'job that is left': async (client) => {
    for await (const _ of client.job('server.same', endless())) break;
    return 'left';
  },
  map: async (client) => {
    const inputs = Array.from({ length: 5_000 }, (_, i) => `${i}`);
    let next = 0;
    for await (const result of client.with(text()).map('server.same', inputs))
      if (Number(result) === next) next++;
    return next;
  },
  'function that throws': (client) => failureOf(client.eval('server.fail', bytes('x'))),
  'no such function': (client) => failureOf(client.eval('server.nothing', bytes('x'))),
  'another server': (client) => failureOf(client.eval('other.same', bytes('x'))),
  'time-out': async (client) => failureOf(client.eval('server.wait', bytes('x'), { timeout: 300 })),
  cancel: async (client) => {
    const abort = new AbortController();
    const call = failureOf(client.eval('server.wait', bytes('x'), { signal: abort.signal }));
    await client.eval('server.same', bytes('behind it'));
    abort.abort();
    await call;
    const told = async () => string(await client.eval('server.aborted', new Uint8Array(0)));
    for (let tries = 0; tries < 100 && (await told()).split(',').length < 2; tries++)
      await new Promise((resolve) => setTimeout(resolve, 20));
    return told();
  },
  cache: async (client) => {
    await client.set(bytes('value'), 'key');
    const found = string(await client.get('key'));
    return [found, await client.delete('key'), (await client.get('key')) === undefined].join();
  },
  metadata: async (client) =>
    string(await client.eval('server.metadata', new Uint8Array(0), { metadata: { trace: '7' } })),
  progress: async (client) => {
    const seen = [];
    await client.eval('server.steps', bytes('x'), { onProgress: ({ done }) => seen.push(done) });
    return seen.at(-1);
  },
  'the server dies': async (client) => {
    const waiting = failureOf(client.eval('server.wait', bytes('x')));
    // It answers nothing either.
    await Promise.all([failureOf(client.eval('server.die', bytes('x'))), waiting]);
    return waiting;
  },
};

function* endless() {
  for (;;) yield Uint8Array.of(1);
}

async function call() {
  const curve = keys && { serverKey: keys.server.publicKey, ...keys.client };
  const transport = zmtp(keys ? { curve } : {});
  const client = await Client.connect({ transport, dbAddress, timeout: 20_000, loggingLevel: 'silent' });
  const outcome = {};
  for (const [name, way] of Object.entries(ways)) {
    try {
      outcome[name] = await way(client);
    } catch (error) {
      outcome[name] = `${error.name}: ${error.message}`;
    }
  }
  await client.close({ timeout: 0 });
  console.log(JSON.stringify(outcome));
}

await { serve, call }[role]();
