// Python environments of tests: what each folder of tests that needs one has in its `venv.mjs`.

import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { open, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const windows = process.platform === 'win32';
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
async function interpreter(python, why) {
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
      `${why} need Python 3.10 or newer, but "${python}" cannot be run. ` +
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
      `${why} need Python 3.10 or newer; "${python}" is ${major}.${minor}. Name another one: PYTHON=/path/to/python3.`,
    );
  }
  return result.output.trim();
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

/** Waits for the lock, so that test processes that start together make one environment and not several. */
async function lock(lockPath) {
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

/** The path of a program in an environment. It exists once `ensureVenv` has resolved. */
export function programOf(folder, name) {
  return windows ? join(folder, 'Scripts', `${name}.exe`) : join(folder, 'bin', name);
}

/**
 * Makes a virtual environment unless it is there already, as its requirements say, and resolves with the path of its interpreter.
 * `PYTHON` names another interpreter than python3.
 * @param folder - where it is.
 * @param requirements - files that say what is installed; a change of one has it made anew.
 * @param why - who needs it, for errors: `The interop tests run the real pylm and`.
 * @param install - installs the packages: given a function that runs pip, and one that runs a command.
 * @param log - told when it is made.
 */
export async function ensureVenv({ folder, requirements, why, install, log = () => undefined }) {
  const python = process.env.PYTHON || 'python3';
  const pythonPath = programOf(folder, 'python');
  const stampPath = join(folder, '.stamp');
  const hash = createHash('sha256');
  for (const file of requirements) hash.update(await readFile(file));
  const content = `${hash.digest('hex')} ${python} ${await interpreter(python, why)}\n`;
  const isMade = async () =>
    existsSync(pythonPath) && (await readFile(stampPath, 'utf8').catch(() => '')) === content;
  if (await isMade()) return pythonPath;
  const key = createHash('sha256').update(folder).digest('hex').slice(0, 16);
  const lockPath = join(tmpdir(), `frond-venv-${key}.lock`);
  const handle = await lock(lockPath);
  const touch = setInterval(() => void handle.utimes(new Date(), new Date()).catch(() => undefined), 1000);
  try {
    if (await isMade()) return pythonPath;
    log(`Making ${folder} with ${python} (once; some 15 s) …`);
    const missing =
      ' This Python comes without its venv module. Install it (Debian, Ubuntu: apt install python3-venv; ' +
      'Fedora: dnf install python3), or name another Python: PYTHON=/path/to/python3.';
    await step('Looking for venv', python, ['-c', 'import venv, ensurepip'], () => missing);
    await rm(folder, { recursive: true, force: true });
    await step('Making the virtual environment', python, ['-m', 'venv', folder], (output) =>
      output.includes('ensurepip') ? missing : '',
    );
    const hint = () =>
      ' It needs the network (or a pip cache, index or PIP_FIND_LINKS that holds the packages).';
    const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check'];
    await install({
      pip: (what, args) => step(what, pythonPath, [...pip, ...args], hint),
      run: (what, args) => step(what, pythonPath, args, () => ''),
    });
    await writeFile(stampPath, content);
  } finally {
    clearInterval(touch);
    await handle.close();
    await rm(lockPath, { force: true });
  }
  return pythonPath;
}
