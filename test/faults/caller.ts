import { Client, PalmError } from '../../src/index.ts';
import type { Transport } from '../../src/transport.ts';
import { Checker } from './checker.ts';
import { memoryNow } from './memory.ts';
import type { Config, MapOrder, MapReport } from './parts.ts';

/** Milliseconds between two samples of memory at least. */
const SAMPLE = 500;

/** A client that maps as it is told, and reports what came of it. */
export async function startCaller(transport: Transport, config: Config['caller']) {
  const { url: _, ...addresses } = config;
  const client = await Client.connect({ transport, loggingLevel: 'silent', timeout: 60_000, ...addresses });
  const told = (_command: string, order: unknown) => map(client, order as MapOrder);
  return { said: client.serverName, told, close: () => client.close({ timeout: 0 }) };
}

async function map(client: Client, order: MapOrder): Promise<MapReport> {
  const { path, count, ordered = true, takes, slow, ...options } = order;
  const checker = new Checker(count);
  const memory: number[] = [];
  const first: number[] = [];
  const begin = performance.now();
  let [sampled, last, longestGap] = [begin, begin, 0];
  const results = client.mapSettled(path, inputs(order), { ordered, ...options });
  for await (const outcome of results) {
    const now = performance.now();
    longestGap = Math.max(longestGap, now - last);
    last = now;
    if (outcome.status === 'fulfilled') {
      const { buffer, byteOffset } = outcome.value;
      const number = new DataView(buffer, byteOffset).getUint32(0);
      if (first.length < 100) first.push(number);
      checker.took(number, outcome.index, ordered);
    } else checker.failed(outcome.index, nameOf(outcome.reason));
    if (now - sampled < SAMPLE) continue;
    sampled = now;
    memory.push(memoryNow());
  }
  const { retried = 0, duplicates = 0 } = results.progress ?? {};
  return {
    ...checker.verdict,
    seconds: (performance.now() - begin) / 1_000,
    retried,
    dropped: duplicates + client.unclaimed,
    memory,
    longestGap,
    first,
  };
}

function* inputs({ count, takes = 0, slow = {} }: MapOrder): Generator<Uint8Array> {
  for (let i = 0; i < count; i++) {
    const payload = new Uint8Array(8);
    const view = new DataView(payload.buffer);
    view.setUint32(0, i);
    view.setUint32(4, slow[i] ?? takes);
    yield payload;
  }
}

function nameOf(reason: unknown): string {
  if (!(reason instanceof PalmError)) return String(reason);
  return reason.remoteName === undefined ? `${reason.code}: ${reason.message}` : reason.remoteName;
}
