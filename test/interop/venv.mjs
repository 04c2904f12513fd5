// Makes the Python environment of the interop tests: test/interop/.venv with pylm and its dependencies, as pinned in
// requirements.txt, and protobuf's C implementation in .venv/upb. `node venv.mjs` ensures it and says nothing when
// there is nothing to do. PYTHON names another interpreter than python3.

import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, realpathSync } from 'node:fs';
import { mkdir, open, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = fileURLToPath(new URL('.', import.meta.url));
const windows = process.platform === 'win32';

/** The directory of the virtual environment. */
export const venvPath = join(here, '.venv');
/** The interpreter in it. It exists once `ensureVenv` has resolved. */
export const pythonPath = windows ? join(venvPath, 'Scripts', 'python.exe') : join(venvPath, 'bin', 'python');

const stampPath = join(venvPath, '.stamp');
const upbPath = join(venvPath, 'upb');
const requirements = join(here, 'requirements.txt');
const upbRequirements = join(here, 'requirements-upb.txt');
const lockPath = join(
  tmpdir(),
  `frond-venv-${createHash('sha256').update(venvPath).digest('hex').slice(0, 16)}.lock`,
);
const installTimeout = 600_000;

/** Runs a command with a time limit and resolves with what it said, whatever its exit code. */
function run(command, args, timeout) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    const timer = setTimeout(() => child.kill('SIGKILL'), timeout);
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text) => {
        output += text;
      });
    }
    child.once('error', (error) => {
      clearTimeout(timer);
      reject(error);
    });
    child.once('close', (code, signal) => {
      clearTimeout(timer);
      resolve({ code, signal, output });
    });
  });
}

/** The interpreter's version, as one line that changes whenever the environment has to be made anew. */
async function interpreter(python) {
  let result;
  try {
    result = await run(
      python,
      ['-c', 'import sys; print(*sys.version_info[:3], sys.implementation.name)'],
      30_000,
    );
  } catch (error) {
    if (error.code !== 'ENOENT' && error.code !== 'EACCES') throw error;
    throw new Error(
      `The interop tests run the real pylm and need Python 3.10 or newer, but "${python}" cannot be run. ` +
        'Install it (Debian, Ubuntu: apt install python3 python3-venv; macOS: brew install python; ' +
        'Windows: winget install Python.Python.3.13), or name another one: PYTHON=/path/to/python3.',
    );
  }
  const [major, minor] = result.output.split(' ').map(Number);
  if (result.code !== 0 || major === undefined || Number.isNaN(major)) {
    throw new Error(`"${python}" is no working Python:\n${tail(result.output)}`);
  }
  if (major < 3 || (major === 3 && minor < 10)) {
    throw new Error(
      `The interop tests need Python 3.10 or newer; "${python}" is ${major}.${minor}. Name another one: PYTHON=/path/to/python3.`,
    );
  }
  return result.output.trim();
}

async function wanted(python) {
  const hash = createHash('sha256');
  for (const file of [requirements, upbRequirements]) hash.update(await readFile(file));
  return `${hash.digest('hex')} ${python} ${await interpreter(python)}\n`;
}

async function stamp() {
  return existsSync(pythonPath) ? readFile(stampPath, 'utf8').catch(() => '') : '';
}

function tail(text, lines = 25) {
  return text.trimEnd().split('\n').slice(-lines).join('\n');
}

async function step(what, command, args, hint) {
  const { code, signal, output } = await run(command, args, installTimeout);
  if (code === 0) return;
  const how = signal
    ? `was ended by ${signal} (limit ${installTimeout / 1000} s)`
    : `failed with code ${code}`;
  throw new Error(`${what} ${how}.${hint(output)}\n${command} ${args.join(' ')}\n${tail(output)}`);
}

async function build(python, content) {
  const missing =
    ' This Python comes without its venv module. Install it (Debian, Ubuntu: apt install python3-venv; ' +
    'Fedora: dnf install python3), or name another Python: PYTHON=/path/to/python3.';
  await step('Looking for venv', python, ['-c', 'import venv, ensurepip'], () => missing);
  await rm(venvPath, { recursive: true, force: true });
  await step('Making the virtual environment', python, ['-m', 'venv', venvPath], (output) =>
    output.includes('ensurepip') ? missing : '',
  );
  const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check'];
  const hint = () =>
    ' It needs the network (or a pip cache, index or PIP_FIND_LINKS that holds the packages).';
  await step('Installing pylm', pythonPath, [...pip, '-r', requirements], hint);
  await mkdir(upbPath);
  await step(
    'Installing the second protobuf',
    pythonPath,
    [...pip, '--no-deps', '--target', upbPath, '-r', upbRequirements],
    hint,
  );
  await step('Importing pylm', pythonPath, ['-c', 'import pylm.clients, pylm.servers'], () => '');
  await writeFile(stampPath, content);
}

/** Waits for the lock, so that test processes that start together make one environment and not several. */
async function lock() {
  const deadline = Date.now() + 2 * installTimeout;
  for (;;) {
    try {
      return await open(lockPath, 'wx');
    } catch (error) {
      if (error.code !== 'EEXIST') throw error;
    }
    // Whoever holds it touches it every second; one that is left over from a crash goes stale.
    const held = await stat(lockPath).catch(() => undefined);
    if (held && Date.now() - held.mtimeMs > 15_000) await rm(lockPath, { force: true });
    if (Date.now() > deadline)
      throw new Error(`Another process has held ${lockPath} for too long; delete it.`);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

/** Makes the environment unless it is there already, and resolves with the path of its interpreter. */
export async function ensureVenv({ log = () => undefined } = {}) {
  const python = process.env.PYTHON || 'python3';
  const content = await wanted(python);
  if ((await stamp()) === content) return pythonPath;
  const handle = await lock();
  const touch = setInterval(() => void handle.utimes(new Date(), new Date()).catch(() => undefined), 1000);
  try {
    if ((await stamp()) === content) return pythonPath;
    log(`Making ${venvPath} with ${python} and installing pylm (once; some 15 s) …`);
    await build(python, content);
  } finally {
    clearInterval(touch);
    await handle.close();
    await rm(lockPath, { force: true });
  }
  return pythonPath;
}

if (process.argv[1] && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  try {
    await ensureVenv({ log: (text) => console.error(text) });
  } catch (error) {
    console.error(error.message);
    process.exitCode = 1;
  }
}
