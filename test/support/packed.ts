import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** The checkout. */
export const root = fileURLToPath(new URL('../../', import.meta.url));

/** An empty project with the package installed as `npm pack` makes it. */
export interface PackedProject {
  readonly folder: string;
  /** Puts a package of the checkout into the project, as it is. */
  link(name: string): void;
  unlink(name: string): void;
  /** Runs code as a file of the project, and gives what it prints. */
  node(file: string, code: string, flags?: readonly string[]): Promise<string>;
  remove(): void;
}

export async function packProject(): Promise<PackedProject> {
  const folder = mkdtempSync(join(tmpdir(), 'frond-package-'));
  const modules = join(folder, 'node_modules');
  const { stdout } = await run('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', folder], {
    cwd: root,
  });
  const [, filename = ''] = /"filename": "([^"]+)"/.exec(stdout) ?? [];
  mkdirSync(join(modules, 'frond'), { recursive: true });
  await run('tar', ['xzf', join(folder, filename), '-C', join(modules, 'frond'), '--strip-components=1']);
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
  const link = (name: string) => symlinkSync(join(root, 'node_modules', name), join(modules, name));
  for (const name of ['zeromq', 'ws', '@types', 'undici-types']) link(name);
  return {
    folder,
    link,
    unlink: (name) => rmSync(join(modules, name)),
    async node(file, code, flags = []) {
      writeFileSync(join(folder, file), code);
      const outcome = await run(process.execPath, [...flags, file], { cwd: folder, timeout: 50_000 });
      return outcome.stdout.trim();
    },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}
