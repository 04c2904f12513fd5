import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const here = (name: string) => fileURLToPath(new URL(name, import.meta.url));

const LONGEST_RUN = 180_000;

export interface Measured {
  readonly seconds: number;
  readonly cpuSeconds: number;
  readonly samples?: readonly number[];
}

/** One measurement of the built client, in a process of its own. */
export function runFrond(
  command: string,
  db: string,
  server: string,
  count = 0,
  flags: string[] = [],
): Promise<Measured> {
  const child = spawn(process.execPath, [...flags, here('client.mjs'), command, db, server, String(count)], {
    stdio: ['ignore', 'pipe', 'inherit'],
    timeout: LONGEST_RUN,
  });
  let output = '';
  child.stdout.on('data', (chunk) => {
    output += chunk;
  });
  return new Promise((resolve, reject) => {
    child.on('close', (code) => {
      if (code === 0) resolve(JSON.parse(output) as Measured);
      else reject(new Error(`client.mjs ${command} ended with ${code ?? 'a signal'}`));
    });
  });
}

export interface FrondServer extends AsyncDisposable {
  readonly db: string;
}

/** A frond Server in a process of its own. */
export async function startFrondServer(): Promise<FrondServer> {
  const child = spawn(process.execPath, [here('server.mjs')], { stdio: ['pipe', 'pipe', 'inherit'] });
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  const db = await new Promise<string>((resolve, reject) => {
    createInterface({ input: child.stdout }).once('line', resolve);
    ended.then(() => reject(new Error('the frond server ended before it was up')));
  });
  return {
    db,
    async [Symbol.asyncDispose]() {
      child.stdin.end();
      await ended;
    },
  };
}
