/** The runtimes that test/tools.mjs has put here. */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

const modules = join(import.meta.dirname, '../runtimes/node_modules');

/** The one package of a scope that npm has installed for this machine. */
function binary(scope: string, file: string): string {
  const folder = join(modules, scope);
  const own = existsSync(folder)
    ? readdirSync(folder).find((name) => existsSync(join(folder, name, file)))
    : undefined;
  if (own === undefined) throw new Error(`${scope} is not installed: npm run test:runtimes does that`);
  return join(folder, own, file);
}

/** Node in the version whose packages begin so. */
function otherNode(prefix: string): string {
  return join(modules, readdirSync(modules).find((name) => name.startsWith(prefix)) ?? prefix, 'bin/node');
}

export interface Runtime {
  readonly name: string;
  readonly command: string;
  readonly flags: readonly string[];
}

export const node20: Runtime = {
  name: `Node ${process.versions.node}`,
  command: process.execPath,
  flags: [],
};
export const node22: Runtime = { name: 'Node 22', command: otherNode('node22-'), flags: [] };
export const node24: Runtime = { name: 'Node 24', command: otherNode('node-'), flags: [] };
export const deno: Runtime = {
  name: 'Deno',
  command: binary('@deno', 'deno'),
  flags: ['run', '--no-prompt', '--node-modules-dir=manual'],
};
export const bun: Runtime = { name: 'Bun', command: binary('@oven', 'bin/bun'), flags: ['run'] };
