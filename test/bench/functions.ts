/** Functions with types against the same with bytes, and what it takes to cancel a call through a relay. */
import { Server } from '../../src/cluster/index.ts';
import { fn, json, remote } from '../../src/functions/index.ts';
import { type Bytes, Client } from '../../src/index.ts';
import { websocket } from '../../transports/websocket/node.ts';
import { zmtp } from '../../transports/zmtp/index.ts';
import { EVERYTHING, startRelay, TOKEN } from '../support/relay.ts';
import type { Bench } from './bench.ts';
import { atLeast, atMost, k, median } from './figures.ts';

/** About 100 bytes as JSON. */
const VALUE = { url: 'https://pictures.example/cats/1.png', width: 640, height: 480, tags: ['cat', 'grey'] };

const codec = json<typeof VALUE>();
const contract = { typed: fn({ input: codec, output: codec }, (value) => value) };
const functions = {
  ...contract,
  // What a function of bytes does that takes and gives JSON.
  untyped: (payload: Bytes) => codec.encode(codec.decode(payload)),
};

const ANY = 'tcp://127.0.0.1:*';
const QUIET = { loggingLevel: 'silent' } as const;

export async function measureFunctions(bench: Bench): Promise<void> {
  await using server = await Server.start({
    ...QUIET,
    transport: zmtp(),
    name: 'typed',
    dbAddress: ANY,
    pullAddress: ANY,
    pubAddress: ANY,
    functions,
  });
  await measureEcho(bench, server.dbAddress);
  await measureCancel(bench);
}

async function measureEcho(bench: Bench, dbAddress: string): Promise<void> {
  const calls = Math.round(60_000 * bench.scale);
  const values = Array<typeof VALUE>(calls).fill(VALUE);
  await using client = await Client.connect({ ...QUIET, transport: zmtp(), dbAddress });
  const typed = remote<typeof contract>(client, 'typed', contract).typed;
  const untyped = client.with(codec);
  const rateOf = (run: () => AsyncIterable<unknown>) => async () => {
    const begun = performance.now();
    for await (const _ of run());
    return calls / ((performance.now() - begun) / 1_000);
  };
  const rates = await bench.inTurn('functions with types', Math.max, {
    typed: rateOf(() => typed.job(values, { messages: calls })),
    untyped: rateOf(() => untyped.job('typed.untyped', values, { messages: calls })),
  });
  bench.row(
    'a job of JSON on a function with types: rate',
    'a function of bytes that decodes and encodes the same',
    rates.typed / rates.untyped,
    atLeast(0.9),
    `${k(rates.typed)} / ${k(rates.untyped)}`,
  );
}

async function measureCancel(bench: Bench): Promise<void> {
  let freed = (_time: number) => {};
  let begun = () => {};
  const busy = (_payload: Bytes, context: { readonly signal: AbortSignal }) =>
    new Promise<Bytes>((resolve) => {
      context.signal.addEventListener('abort', () => {
        freed(performance.now());
        resolve(new Uint8Array());
      });
      begun();
    });
  await using server = await Server.start({
    ...QUIET,
    transport: zmtp(),
    name: 'busy',
    dbAddress: ANY,
    pullAddress: ANY,
    pubAddress: ANY,
    functions: { busy },
  });
  const relay = await startRelay({
    transport: zmtp(),
    servers: { busy: { dbAddress: server.dbAddress } },
    authenticate: (token) => (token === TOKEN ? EVERYTHING : undefined),
  });
  await using _end = { [Symbol.asyncDispose]: () => relay.close() };
  await using client = await Client.connect({
    ...QUIET,
    transport: websocket(relay.url, { token: TOKEN }),
    dbAddress: 'busy',
  });
  const times: number[] = [];
  bench.doing('cancelling through a relay');
  for (let call = 0; call < Math.max(10, 200 * bench.scale); call++) {
    const controller = new AbortController();
    const running = new Promise<void>((resolve) => {
      begun = resolve;
    });
    const isFree = new Promise<number>((resolve) => {
      freed = resolve;
    });
    const answer = client.eval('busy.busy', new Uint8Array(1), { signal: controller.signal }).catch(() => {});
    await running;
    const aborted = performance.now();
    controller.abort();
    times.push((await isFree) - aborted);
    await answer;
  }
  const p50 = median(times);
  bench.row(
    'from an abort to the end of the function, through a relay',
    '—',
    p50,
    atMost(20, 'ms'),
    `${times.length} calls`,
  );
}
