/** What users write for NATS, in Node, Deno and Bun, on a real nats-server. */
import { execFile } from 'node:child_process';
import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { bun, deno, node20, node24, type Runtime } from '../support/installed.ts';
import { NatsServer } from '../support/nats-server.ts';
import { type PackedProject, packProject } from '../support/packed.ts';

const run = promisify(execFile);

let server: NatsServer;
let project: PackedProject;
beforeAll(async () => {
  server = await NatsServer.start();
  project = await packProject();
  project.link('@nats-io');
  cpSync(join(import.meta.dirname, 'nats.mjs'), join(project.folder, 'nats.mjs'));
});
afterAll(async () => {
  project?.remove();
  await server?.[Symbol.asyncDispose]();
});

const denoNats: Runtime = {
  ...deno,
  flags: [...deno.flags, '--allow-net=127.0.0.1'],
};

it.each([node20, node24, denoNats, bun].map((runtime) => [runtime.name, runtime] as const))(
  '%s: a Server, a Master with a Worker, and a client on NATS, which end by themselves',
  async (name, { command, flags }) => {
    const own = name.replace(/\W/g, '');
    const { stdout } = await run(command, [...flags, 'nats.mjs', server.url, own], {
      cwd: project.folder,
      timeout: 50_000,
    });
    const used = ['HELLO 1000 true 3000000 7', 'festina lente true undefined'];
    expect(stdout.trim().split('\n')).toEqual([...used, ...used, 'closed']);
  },
);
