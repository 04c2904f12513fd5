/** Functions in threads: several against one, and large payloads to a thread against the loop of the role. */
import { Server } from '../../src/cluster/index.ts';
import { Client } from '../../src/index.ts';
import { zmtp } from '../../transports/zmtp/index.ts';
import type { Bench } from './bench.ts';
import { atLeast } from './figures.ts';

/** Milliseconds that a call computes. */
const COMPUTES = '5';
const LARGE = 1_048_576;

export async function measureThreads(bench: Bench): Promise<void> {
  const calls = Math.round(600 * bench.scale);
  const computing = (threads: number) => () =>
    rateOf({ threads }, 'threads.compute', new TextEncoder().encode(COMPUTES), calls);
  const rates = await bench.inTurn('a function that computes', Math.max, {
    four: computing(4),
    one: computing(1),
  });
  bench.row(
    `a function that computes for ${COMPUTES} ms, in 4 threads: rate`,
    'the same in 1',
    rates.four / rates.one,
    atLeast(1.8),
    `${rates.four.toFixed(0)}/s / ${rates.one.toFixed(0)}/s`,
  );

  const large = Math.round(500 * bench.scale);
  const payload = new Uint8Array(LARGE);
  const passing = (options: object) => () => rateOf(options, 'threads.same', payload, large);
  const passes = await bench.inTurn('large payloads', Math.max, {
    thread: passing({ threads: 1 }),
    loop: passing({ module: undefined, functions: { same: (own: Uint8Array) => own } }),
  });
  bench.row(
    'payloads of 1 MiB to a function in a thread and back: rate',
    'the same where the role runs',
    passes.thread / passes.loop,
    atLeast(0.8),
    `${passes.thread.toFixed(0)}/s / ${passes.loop.toFixed(0)}/s`,
  );
}

/** Calls a second, of a server and client over ZeroMQ in this process. */
async function rateOf(options: object, path: string, payload: Uint8Array, calls: number): Promise<number> {
  const transport = zmtp();
  const any = 'tcp://127.0.0.1:*';
  const addresses = { dbAddress: any, pullAddress: any, pubAddress: any };
  const module = new URL('./threads.mjs', import.meta.url);
  const quiet = { transport, loggingLevel: 'silent' } as const;
  await using server = await Server.start({ ...quiet, name: 'threads', ...addresses, module, ...options });
  await using client = await Client.connect({ ...quiet, dbAddress: server.dbAddress });
  const inputs = (count: number) => Array<Uint8Array>(count).fill(payload);
  for await (const _ of client.map(path, inputs(Math.ceil(calls / 10)), { window: 16 }));
  const begun = performance.now();
  for await (const _ of client.map(path, inputs(calls), { window: 16 }));
  return calls / ((performance.now() - begun) / 1_000);
}
