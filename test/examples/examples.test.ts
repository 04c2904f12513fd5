/** Each example of the playground, run as its reader runs it, on both transports. */
import { spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { contentOf, exitOf } from '../support/command.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const folder = 'playground/examples';

interface Promised {
  /** What the client prints, line by line. */
  readonly prints: readonly (string | RegExp)[];
  /** What the servers log, line by line. */
  readonly logs?: readonly string[];
  /** What a server logs that may be closed before it gets to it. */
  readonly mayLog?: string;
}

const times = <T>(count: number, line: T): T[] => Array<T>(count).fill(line);
const pipelined = 'Client got: and I pipelined you sent me a message';
const echo = 'frond pipeline my_pipeline Echo: you sent me a message';

const promised: Readonly<Record<string, Promised>> = {
  single: { prints: ['Client got: you sent me a message'] },
  parallel: { prints: times(10, /^worker[12] processed a message$/) },
  cache: { prints: [' cached data ', ...times(10, 'worker1 cached data a message')] },
  scatter: { prints: [' cached data ', ...times(30, /^worker[12] cached data a message$/)] },
  gather: {
    prints: [' cached data ', ...times(29, /^worker[12] cached data a message$/), 'final message'],
  },
  pipeline: { prints: [pipelined] },
  'master-pipeline': { prints: times(10, 'and I pipelined worker1 processed a message') },
  tee: { prints: [pipelined], mayLog: echo },
  stream: { prints: times(5, pipelined), mayLog: echo },
  sink: { prints: [pipelined] },
  'stream-sink': { prints: times(10, 'Client got: and gathered and I pipelined you sent me a message') },
  hub: { prints: ['Client got: worker1 processed you sent me a message'] },
  mux: {
    prints: times(10, ['worker1 processed a message 1', 'worker1 processed a message 2']).flat(),
  },
  error: {
    prints: ['Client got: REMOTE RangeError', 'my_server.foo failed: RangeError: that is too much'],
    logs: ['frond server my_server call failed function="my_server.foo" stage=0 reason="that is too much"'],
  },
  logging: {
    prints: [' cached data ', ...times(29, 'worker1 cached data a message'), 'final message'],
    logs: [
      'worker1 INFO working',
      'worker1 INFO Processed 10 messages',
      'worker1 INFO Processed 20 messages',
      'worker1 INFO Processed 30 messages',
      'server WARNING Changing the payload of a message',
    ],
  },
};

async function run(...args: readonly string[]) {
  // Node warns of FORCE_COLOR, which the test runner may set, beside NO_COLOR.
  const { FORCE_COLOR: _, ...env } = process.env;
  const child = spawn(process.execPath, [`${folder}/run.mjs`, ...args], {
    cwd: root,
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const [code, stdout, stderr] = await Promise.all([
    exitOf(child),
    contentOf(child.stdout),
    contentOf(child.stderr),
  ]);
  return { code, prints: linesOf(stdout), logs: linesOf(stderr) };
}

function linesOf(output: Buffer): string[] {
  return output
    .toString()
    .split('\n')
    .filter((line) => line !== '');
}

const names = Object.keys(promised);

describe.concurrent.each([
  ['zmtp', []],
  ['zeromq', ['zeromq']],
  ['memory', ['memory']],
])('on %s', (_, transport) => {
  it.each(names)('%s prints what it promises', async (name) => {
    const { prints, logs = [], mayLog } = promised[name] as Promised;
    const ran = await run(name, ...transport);
    const unexpected = ran.logs.filter((line) => line !== mayLog);
    expect(unexpected).toEqual(logs);
    expect(ran.prints).toEqual(
      prints.map((line) => (typeof line === 'string' ? line : expect.stringMatching(line))),
    );
    expect(ran.code).toBe(0);
  });
});

describe('the list', () => {
  it('names every example, on its own and in the README', async () => {
    const folders = readdirSync(join(root, folder), { withFileTypes: true })
      .filter((entry) => existsSync(join(root, folder, entry.name, 'cluster.mjs')))
      .map((entry) => entry.name);
    expect(folders.sort()).toEqual([...names].sort());

    const { code, prints } = await run();
    expect(code).toBe(0);
    const readme = readFileSync(join(root, folder, 'README.md'), 'utf8');
    for (const name of names) {
      const line = prints.find((printed) => printed.trim().startsWith(`${name} `)) ?? '';
      const shows = line.trim().slice(name.length).trim();
      expect(shows).not.toBe('');
      expect(readme).toContain(`| ${shows} | \`node ${folder}/run.mjs ${name}\` |`);
    }
  });

  it.each([['nothing'], ['single', 'pigeons'], ['single', 'memory', 'more'], ['toString']])(
    'is shown instead of running %s %s %s',
    async (...args) => {
      const { code, prints, logs } = await run(...args);
      expect(code).toBe(2);
      expect(prints).toEqual([]);
      expect(logs.join('\n')).toContain('run.mjs NAME');
    },
  );
});
