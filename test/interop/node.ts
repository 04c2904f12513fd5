/** One process of pylm's by itself (servers/node.py), for clusters in which frond plays the other parts. */
import { createServer } from 'node:net';
import { within } from '../support/wait.ts';
import { ended, spawnPython, Tail } from './python.ts';

export type PylmKind = 'Server' | 'Pipeline' | 'Sink' | 'Master' | 'Hub' | 'Worker' | 'MuxWorker';

export interface Addresses {
  readonly db: string;
  readonly pub?: string;
  readonly pull?: string;
  readonly worker_push?: string;
  readonly worker_pull?: string;
}

export interface NodeSpec {
  readonly kind: PylmKind;
  readonly label: string;
  readonly name: string;
  readonly pipelined?: boolean;
  /** Of a worker: its Master's or Hub's. */
  readonly db?: string;
  /** Where previous servers publish, and under which topics. */
  readonly sub?: readonly string[];
  readonly previous?: readonly string[];
}

export interface PylmNode {
  readonly addresses: Addresses;
  /** Ends the process as if it had died. */
  stop(): Promise<void>;
}

const bound: Readonly<Record<PylmKind, readonly (keyof Addresses)[]>> = {
  Server: ['db', 'pub', 'pull'],
  Pipeline: ['db', 'pub'],
  Sink: ['db', 'pub'],
  Master: ['db', 'pub', 'pull', 'worker_push', 'worker_pull'],
  Hub: ['db', 'pub', 'worker_push', 'worker_pull'],
  Worker: [],
  MuxWorker: [],
};

const IN_USE = 98;
const LIMIT = 15_000;

/** Starts it and resolves once it has bound its addresses; its threads may still be about to connect. */
export async function startNode(spec: NodeSpec): Promise<PylmNode> {
  for (let attempt = 1; ; attempt++) {
    const addresses = await chooseAddresses(spec);
    const whole = { protobuf: 'shipped', log: 'ERROR', ...spec, ...addresses };
    const child = await spawnPython('node.py', [JSON.stringify(whole)]);
    const stderr = new Tail(child.stderr);
    const end = ended(child);
    const stop = async () => {
      child.kill('SIGKILL');
      await end;
    };
    const made = new Promise<true>((resolve) => child.stdout.once('data', () => resolve(true)));
    try {
      const outcome = await within(
        LIMIT,
        Promise.race([made, end]),
        () => `making pylm ${spec.label} (${stderr})`,
      );
      if (outcome === true) return { addresses, stop };
      // Somebody took a port between choosing and binding.
      if (child.exitCode === IN_USE && attempt < 3) continue;
      throw new Error(`pylm ${spec.label}: ended with ${outcome}; ${stderr}`);
    } catch (error) {
      await stop();
      throw error;
    }
  }
}

async function chooseAddresses({ kind, db = '' }: NodeSpec): Promise<Addresses> {
  const addresses: Record<string, string> = { db };
  const taken = await Promise.all(bound[kind].map(async (key) => [key, await takePort()] as const));
  for (const [key, { port, release }] of taken) {
    addresses[key] = `tcp://127.0.0.1:${port}`;
    await release();
  }
  return { db, ...addresses };
}

/**
 * A port below the range from which the system takes those of outgoing connections, so that none of them takes it
 * between now and the server's bind.
 */
async function takePort(): Promise<{ port: number; release: () => Promise<void> }> {
  for (;;) {
    const port = 20_000 + Math.floor(Math.random() * 12_000);
    const server = createServer();
    const isFree = await new Promise<boolean>((resolve) => {
      server.once('error', () => resolve(false));
      server.listen(port, '127.0.0.1', () => resolve(true));
    });
    if (!isFree) continue;
    return { port, release: () => new Promise((resolve) => server.close(() => resolve())) };
  }
}
