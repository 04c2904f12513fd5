import { basename, isAbsolute, relative } from 'node:path';
import type { Environment } from '../../cli/io.ts';

/**
 * How the command is called from the shell it runs in, for lines to paste.
 * @param script - path of the script that Node runs.
 */
export function invocationOf(script: string, directory: string, env: Environment): string {
  if (basename(script) === 'frond') return env.npm_command === 'exec' ? 'npx frond' : 'frond';
  const near = relative(directory, script);
  const path = near.startsWith('..') || isAbsolute(near) ? script : near;
  return `node ${/^[\w./@-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`}`;
}
