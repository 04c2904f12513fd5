/** Clusters of native ZeroMQ in Node and `zmtp()` in Bun and Deno: each binds, and each dials. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { Master, Worker } from '../../src/cluster/index.ts';
import { Client, text } from '../../src/index.ts';
import type { BindingTransport } from '../../src/transport.ts';
import { zeromq } from '../../transports/zeromq/index.ts';
import { zmtp } from '../../transports/zmtp/index.ts';
import { bytes, textOf } from '../support/bytes.ts';
import { until } from '../support/command.ts';
import { bun, deno, type Runtime } from '../support/installed.ts';
import { type PackedProject, packProject } from '../support/packed.ts';
import { within } from '../support/wait.ts';

const any = 'tcp://127.0.0.1:*';
const silent = { loggingLevel: 'silent' } as const;
const inDeno: Runtime = { ...deno, flags: [...deno.flags, '--allow-net=127.0.0.1'] };

let project: PackedProject;
let script = '';
let opened: { close(): Promise<unknown> }[] = [];

beforeAll(async () => {
  project = await packProject();
  script = join(project.folder, 'mixed.mjs');
  copyFileSync(join(import.meta.dirname, 'mixed.mjs'), script);
});
afterAll(() => project?.remove());
afterEach(async () => {
  for (const closable of opened.reverse()) await within(10_000, closable.close(), 'closing');
  opened = [];
});

function own<T extends { close(): Promise<unknown> }>(closable: T): T {
  opened.push(closable);
  return closable;
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, 'exit');
  child.stdin?.end();
  await exit;
}

/** Starts a Master or a worker in a runtime. Gives the first line that it prints. */
async function startIn({ command, flags }: Runtime, ...args: string[]): Promise<string> {
  const child = spawn(command, [...flags, script, ...args], {
    cwd: project.folder,
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  own({ close: () => ended(child) });
  return (await within(20_000, until(child.stdout, /\n/), 'the first line')).trim();
}

async function nativeMaster(): Promise<string> {
  const bound = { dbAddress: any, pullAddress: any, pubAddress: any };
  const forWorkers = { workerPullAddress: any, workerPushAddress: any };
  const transport = zeromq();
  const master = await Master.start({ transport, name: 'master', ...bound, ...forWorkers, ...silent });
  return own(master).dbAddress;
}

async function nativeWorker(dbAddress: string, name: string): Promise<void> {
  const who = (payload: Uint8Array) => bytes(`${textOf(payload)} ${name}`);
  own(await Worker.start({ transport: zeromq(), dbAddress, name, functions: { who }, ...silent }));
}

/** Calls the workers until each of them has answered. Every input has one answer. */
async function callAll(transport: BindingTransport, dbAddress: string, workers: readonly string[]) {
  const client = own(await Client.connect({ transport, dbAddress, timeout: 10_000, ...silent }));
  const seen = new Set<string>();
  const calling = async () => {
    while (seen.size < workers.length) {
      const inputs = Array.from({ length: 2_000 }, (_, i) => String(i));
      const answered: string[] = [];
      for await (const result of client.with(text()).map('master.who', inputs)) {
        const [input = '', name = ''] = result.split(' ');
        answered.push(input);
        seen.add(name);
      }
      expect(answered).toEqual(inputs);
    }
  };
  await within(30_000, calling(), () => `answers of ${workers.join(', ')}; there were some of ${[...seen]}`);
  expect([...seen].sort()).toEqual([...workers].sort());
}

describe('a native Master', () => {
  it('has workers in Bun, in Deno, and native ones at once', async () => {
    const dbAddress = await nativeMaster();
    await startIn(bun, 'worker', dbAddress, 'bun');
    await startIn(inDeno, 'worker', dbAddress, 'deno');
    await nativeWorker(dbAddress, 'native');
    await callAll(zeromq(), dbAddress, ['bun', 'deno', 'native']);
  });
});

describe.each([
  ['Bun', bun, inDeno],
  ['Deno', inDeno, bun],
] as const)('a Master in %s', (_, runtime, other) => {
  it.each([
    ['native', zeromq],
    ['zmtp', zmtp],
  ] as const)('has native workers and those of the other runtime, for a client on %s', async (__, make) => {
    const dbAddress = await startIn(runtime, 'master');
    await nativeWorker(dbAddress, 'native');
    await startIn(other, 'worker', dbAddress, 'other');
    await callAll(make(), dbAddress, ['native', 'other']);
  });
});
