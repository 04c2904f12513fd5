// Makes the Python environment of the interop tests: test/interop/.venv with pylm and its dependencies, as pinned in
// requirements.txt, and protobuf's C implementation in .venv/upb. `node venv.mjs` ensures it and says nothing when
// there is nothing to do. PYTHON names another interpreter than python3.

import { realpathSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ensureVenv as ensure, programOf } from '../support/venv.mjs';

const here = fileURLToPath(new URL('.', import.meta.url));

/** The directory of the virtual environment. */
export const venvPath = join(here, '.venv');
/** The interpreter in it. It exists once `ensureVenv` has resolved. */
export const pythonPath = programOf(venvPath, 'python');

const upbPath = join(venvPath, 'upb');
const requirements = join(here, 'requirements.txt');
const upbRequirements = join(here, 'requirements-upb.txt');

/** Makes the environment unless it is there already, and resolves with the path of its interpreter. */
export function ensureVenv({ log } = {}) {
  return ensure({
    folder: venvPath,
    requirements: [requirements, upbRequirements],
    why: 'The interop tests run the real pylm and',
    log,
    install: async ({ pip, run }) => {
      await pip('Installing pylm', ['-r', requirements]);
      await mkdir(upbPath);
      await pip('Installing the second protobuf', ['--no-deps', '--target', upbPath, '-r', upbRequirements]);
      await run('Importing pylm', ['-c', 'import pylm.clients, pylm.servers']);
    },
  });
}

if (process.argv[1] && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  try {
    await ensureVenv({ log: (text) => console.error(text) });
  } catch (error) {
    console.error(error.message);
    process.exitCode = 1;
  }
}
