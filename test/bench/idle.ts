/** Connections that are there and do nothing: the relay's memory for each, against a bare WebSocket server's. */
import { execFileSync } from 'node:child_process';
import type { Bench } from './bench.ts';
import { atMost } from './figures.ts';
import { type BenchProcess, startProcess, startWith } from './processes.ts';

/** Processes that hold the other ends. */
const CROWDS = 2;
/** Clients that are connected, as far as the system lets a process open sockets. */
const WISHED = 10_000;
/** Files that a process has open beside its sockets. */
const OTHER_FILES = 200;

/** Milliseconds until what comes after connecting is over. */
const SETTLED = 1_000;

export async function measureIdle(bench: Bench): Promise<void> {
  const count = Math.min(WISHED * bench.scale, mostFiles() - OTHER_FILES);
  await using server = await startProcess('role.mjs', 'server');
  const held = await bench.inTurn('the memory of idle clients', Math.min, {
    relay: async () => {
      await using relay = await startWith(['--expose-gc'], 'relay.mjs', 'zeromq', `server=${server.said}`);
      return await bytesEach(relay, count, (own) => ['idle', relay.said, 'server', own]);
    },
    bare: async () => {
      await using bare = await startWith(['--expose-gc'], 'bare-ws.mjs');
      return await bytesEach(bare, count, (own) => ['bare', bare.said, own]);
    },
  });
  const kB = (value: number) => `${(value / 1e3).toFixed(1)} kB`;
  bench.row(
    `memory of a relay for each of ${count.toLocaleString('en')} idle clients`,
    'bare ws server, each socket',
    held.relay / held.bare,
    atMost(2),
    `${kB(held.relay)} / ${kB(held.bare)}`,
  );
}

/** @param argsFor - the crowd's, given how many of its own. */
async function bytesEach(
  holder: BenchProcess,
  count: number,
  argsFor: (own: string) => string[],
): Promise<number> {
  const before = Number(await holder.ask('memory'));
  const crowds: BenchProcess[] = [];
  try {
    for (let i = 0; i < CROWDS; i++) {
      crowds.push(await startProcess('crowd.mjs', ...argsFor(String(Math.round(count / CROWDS)))));
    }
    await new Promise((resolve) => setTimeout(resolve, SETTLED));
    return (Number(await holder.ask('memory')) - before) / count;
  } finally {
    for (const crowd of crowds) await crowd[Symbol.asyncDispose]();
  }
}

/** What the system lets a process open. Node takes as much as it may. */
function mostFiles(): number {
  const most = Number(execFileSync('sh', ['-c', 'ulimit -Hn'], { encoding: 'utf8', timeout: 5_000 }));
  return Number.isNaN(most) ? Number.POSITIVE_INFINITY : most;
}
