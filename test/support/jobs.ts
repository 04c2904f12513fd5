/** Jobs whose results are numbered, so that none can be lost or come twice unseen. */
import { fileURLToPath } from 'node:url';
import type { Client } from '../../src/index.ts';
import { type ScriptProcess, startScript } from './processes.ts';
import { within } from './wait.ts';

export function* numbered(count: number): Generator<Uint8Array> {
  for (let i = 0; i < count; i++) yield numberOf(i);
}

export function numberOf(i: number): Uint8Array<ArrayBuffer> {
  const payload = new Uint8Array(4);
  new DataView(payload.buffer).setUint32(0, i);
  return payload;
}

export function readNumber(payload: Uint8Array): number {
  return new DataView(payload.buffer, payload.byteOffset).getUint32(0);
}

/** How often each number came, as texts that say what is wrong: none when each came once. */
export function notOnce(times: Uint8Array): string[] {
  return [...times].flatMap((count, i) => (count === 1 ? [] : [`${i}: ${count} times`]));
}

/** Runs a job to its end. `at` says what happens when so many results are there. Gives how often each came. */
export async function runJob(
  client: Client,
  path: string,
  count: number,
  at: Readonly<Record<number, () => unknown>> = {},
): Promise<Uint8Array> {
  const times = new Uint8Array(count);
  let seen = 0;
  const happening: unknown[] = [];
  const run = async () => {
    for await (const result of client.job(path, numbered(count), { messages: count, idleTimeout: 15_000 })) {
      const number = readNumber(result);
      times[number] = (times[number] ?? 0) + 1;
      const happens = at[++seen];
      if (happens !== undefined) happening.push(happens());
    }
  };
  await within(60_000, run(), `a job of ${count}`);
  await within(10_000, Promise.all(happening), 'what was to happen meanwhile');
  return times;
}

const SCRIPT = fileURLToPath(new URL('role-process.ts', import.meta.url));

/** A Master or a worker in a process of its own. */
export function startProcess(...args: string[]): Promise<ScriptProcess> {
  return startScript(SCRIPT, args);
}
