/** Clients and Servers on `zmtp()` in two runtimes, each way round, without and with CURVE. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { curveKeyPair } from '../../transports/zmtp/index.ts';
import { until } from '../support/command.ts';
import { bun, deno, node20, type Runtime } from '../support/installed.ts';
import { type PackedProject, packProject } from '../support/packed.ts';
import { within } from '../support/wait.ts';

const inDeno: Runtime = { ...deno, flags: [...deno.flags, '--allow-net=127.0.0.1'] };

/** What pairs.mjs prints, whatever the runtimes are. */
const OUTCOME = {
  eval: 'ü',
  empty: 0,
  'several answers': 'abc',
  'large payload': true,
  'a hundred at once': true,
  job: 4_999,
  'job that is left': 'left',
  map: 5_000,
  'function that throws': 'REMOTE RangeError',
  'no such function': 'REMOTE',
  'another server': 'INVALID_CALL',
  'time-out': 'TIMEOUT',
  // The call whose time was up, and the one that was aborted.
  cancel: 'TIMEOUT,CANCELLED',
  cache: 'value,true,true',
  metadata: '{"trace":"7"}',
  progress: 3,
  'the server dies': 'DISCONNECTED',
};

let project: PackedProject;
let script = '';

beforeAll(async () => {
  project = await packProject();
  script = join(project.folder, 'pairs.mjs');
  copyFileSync(join(import.meta.dirname, 'pairs.mjs'), script);
});
afterAll(() => project?.remove());

function startIn({ command, flags }: Runtime, ...args: string[]) {
  return spawn(command, [...flags, script, ...args], {
    cwd: project.folder,
    stdio: ['pipe', 'pipe', 'inherit'],
  });
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, 'exit');
  child.kill('SIGKILL');
  await exit;
}

/** What a client in one runtime gets of a Server in another. */
async function outcomeOf(binder: Runtime, dialler: Runtime, keys: unknown): Promise<unknown> {
  const server = startIn(binder, 'serve', JSON.stringify(keys));
  let client: ChildProcess | undefined;
  try {
    const address = await within(20_000, until(server.stdout, /\n/), 'the address');
    const calling = startIn(dialler, 'call', JSON.stringify(keys), address.trim());
    client = calling;
    return JSON.parse(await within(40_000, until(calling.stdout, /\n/), 'the outcome'));
  } finally {
    if (client !== undefined) await ended(client);
    await ended(server);
  }
}

/** Each runtime binds for, and dials, each other one. */
const PAIRS = [
  [node20, bun],
  [bun, inDeno],
  [inDeno, node20],
  [bun, node20],
  [inDeno, bun],
  [node20, inDeno],
] as const;
const named = PAIRS.map(([binder, dialler]) => [binder.name, dialler.name, binder, dialler] as const);

describe('a Server in', () => {
  it.each(named)('%s serves a client in %s', async (_, __, binder, dialler) => {
    expect(await outcomeOf(binder, dialler, null)).toEqual(OUTCOME);
  });

  // Each runtime binds once, and dials once.
  it.each(named.slice(0, 3))('%s serves a client in %s with CURVE', async (_, __, binder, dialler) => {
    const keys = { server: curveKeyPair(), client: curveKeyPair() };
    expect(await outcomeOf(binder, dialler, keys)).toEqual(OUTCOME);
  });
});
