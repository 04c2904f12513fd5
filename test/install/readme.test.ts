/** README's first call, pasted in order into an empty project, in each Node that is supported. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { beforeAll, describe, expect, inject, it } from 'vitest';
import { node20, node22, node24 } from '../support/installed.ts';
import { within } from '../support/wait.ts';
import { environment, run } from './run.ts';

const readme = readFileSync(join(import.meta.dirname, '../../README.md'), 'utf8');
const firstCall = readme.slice(
  readme.indexOf('## A first call'),
  readme.indexOf('\n## The same call from a page'),
);

/** What it says to put into files, what to type, and what is then printed. */
const files = [...firstCall.matchAll(/`(\w+\.mjs)`[^`]*(?:`[^`\n]+`[^`]*)?```mjs\n([\s\S]*?)```/g)].map(
  ([, name = '', code = '']) => ({ name, code }),
);
const commands = [...firstCall.matchAll(/```sh\n((?:node|npm) .*)\n```/g)].map(([, line = '']) => line);
const [, printed = ''] = /```text\n([\s\S]*?)```/.exec(firstCall) ?? [];

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as AddressInfo;
  probe.close();
  return port;
}

/** What a process prints until it prints `awaited`. */
async function untilPrinted(child: ChildProcess, awaited: string): Promise<string> {
  let output = '';
  for await (const chunk of child.stdout ?? []) {
    output += chunk;
    if (output.includes(awaited)) return output;
  }
  throw new Error(`it ended without ${awaited}: ${output}`);
}

describe('the first call', () => {
  let folder: string;

  beforeAll(async () => {
    folder = join(dirname(inject('bare').folder), 'first-call');
    mkdirSync(folder);
    const [install = ''] = commands;
    // As it stands, but for the package itself, which is the one packed here.
    const packages = install.split(' ').slice(2);
    const own = packages.map((name) => (name === 'frond' ? inject('tarball') : name));
    const { code, stderr } = await run('npm', ['install', '--prefer-offline', ...own], {
      cwd: folder,
      timeout: 120_000,
    });
    expect(code, stderr).toBe(0);
    const installed = readdirSync(join(folder, 'node_modules')).filter((name) => !name.startsWith('.'));
    expect(installed).toEqual(['frond']);
  });

  it('has a server, a client, commands for both, and what is printed', () => {
    expect(files.map(({ name }) => name)).toEqual(['server.mjs', 'client.mjs']);
    expect(commands).toEqual(['npm install frond', 'node server.mjs', 'node client.mjs']);
    expect(printed.split('\n')).toHaveLength(6);
  });

  it.each([node20, node22, node24])('gives its output in $name', async ({ command }) => {
    const port = String(await freePort());
    for (const { name, code } of files) writeFileSync(join(folder, name), code.replaceAll('5555', port));
    const [, serve = '', call = ''] = commands.map((line) => line.split(' ')[1]);
    const server = spawn(command, [serve], {
      cwd: folder,
      env: environment(),
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    try {
      await within(20_000, untilPrinted(server, 'serving at'), 'the server');
      const { code, stdout, stderr } = await run(command, [call], { cwd: folder, timeout: 20_000 });
      expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: printed, stderr: '' });
      // It goes on serving.
      expect((await run(command, [call], { cwd: folder, timeout: 20_000 })).stdout).toBe(printed);
      expect(server.exitCode).toBeNull();
    } finally {
      const ended = once(server, 'exit');
      server.kill('SIGINT');
      await within(5_000, ended, 'the end of the server');
    }
  });
});
