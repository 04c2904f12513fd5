/** Packs frond once, and has npm install it as users do, into two empty projects that all tests share. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { run } from './run.ts';

declare module 'vitest' {
  interface ProvidedContext {
    readonly tarball: string;
    /** Has frond and nothing else. */
    readonly bare: Installed;
    /** Has what frond can use, too: zeromq, ws, and the types of Node. */
    readonly full: Installed;
  }
}

/** A project, and what npm printed when it installed into it. */
export interface Installed {
  readonly folder: string;
  readonly printed: string;
}

const root = join(import.meta.dirname, '../..');

export default async function setup({ provide }: TestProject): Promise<() => void> {
  const folder = mkdtempSync(join(tmpdir(), 'frond-install-'));
  const packed = await run('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', folder], {
    cwd: root,
    timeout: 60_000,
  });
  const [, name = ''] = /"filename": "([^"]+)"/.exec(packed.stdout) ?? [];
  const tarball = join(folder, name);
  provide('tarball', tarball);
  provide('bare', await install(join(folder, 'bare'), [tarball]));
  const others = ['zeromq@6.8.0', 'ws@8.23.0', '@types/node@20'];
  provide('full', await install(join(folder, 'full'), [tarball, ...others]));
  return () => rmSync(folder, { recursive: true, force: true });
}

async function install(folder: string, packages: readonly string[]): Promise<Installed> {
  mkdirSync(folder);
  writeFileSync(join(folder, 'package.json'), '{ "type": "module", "private": true }\n');
  const { code, stdout, stderr } = await run('npm', ['install', '--prefer-offline', ...packages], {
    cwd: folder,
    timeout: 120_000,
  });
  const printed = `${stdout}\n${stderr}`;
  if (code !== 0) throw new Error(`npm install ${packages.join(' ')}: ${printed}`);
  return { folder, printed };
}
