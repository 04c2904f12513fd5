/** A nats-server of its own, for the tests of the transport. */
import { type ChildProcess, type StdioOptions, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { freeAddress, portOf } from './ports.ts';
import { programOf } from './venv.mjs';
import { within } from './wait.ts';

const PROGRAM = programOf(join(import.meta.dirname, '../nats/.venv'), 'nats-server');

/** Where the program of these servers is. */
export const NATS_FOLDER = dirname(PROGRAM);

/** What the page about NATS has users run three times. */
export const NODE_CONFIG = join(import.meta.dirname, '../../docs/guide/nats-node.conf');

/** Milliseconds in which a server must be up, on a machine that is busy. */
const START = 20_000;

export interface NatsServerOptions {
  /** Whether it has JetStream. Default true. */
  readonly hasJetStream?: boolean;
  /** Further lines of its configuration. */
  readonly config?: string;
  /** One of a cluster, as docs/guide has it; `config` and `hasJetStream` are left out then. */
  readonly node?: { readonly name: string; readonly listen: string; readonly routes: readonly string[] };
}

/** A running nats-server. The system chose its port; what it stores is in a temporary folder. */
export class NatsServer {
  readonly #folder: string;
  readonly #config: string;
  readonly #node: NatsServerOptions['node'];
  #port = -1;
  #process: ChildProcess | undefined;

  private constructor({ hasJetStream = true, config = '', node }: NatsServerOptions) {
    this.#node = node;
    this.#folder = mkdtempSync(join(tmpdir(), 'frond-nats-'));
    const store = hasJetStream ? `jetstream { store_dir: "${join(this.#folder, 'store')}" }` : '';
    this.#config = `${store}\n${config}\n`;
  }

  /** Starts one. Resolves when it takes connections. */
  static async start(options: NatsServerOptions = {}): Promise<NatsServer> {
    if (!existsSync(PROGRAM))
      throw new Error(`${PROGRAM} is missing: npm run test:nats installs it, or node test/nats/venv.mjs`);
    const server = new NatsServer(options);
    await server.run();
    return server;
  }

  /** Starts a cluster. Its JetStream may take a moment to choose a leader. */
  static async cluster(count: number): Promise<NatsServer[]> {
    const addresses = await Promise.all(Array.from({ length: count }, freeAddress));
    const ports = addresses.map(portOf);
    const routes = ports.map((port) => `nats://127.0.0.1:${port}`);
    const starting = ports.map((port, number) =>
      NatsServer.start({ node: { name: `n${number}`, listen: `127.0.0.1:${port}`, routes } }),
    );
    return Promise.all(starting);
  }

  /** Where it listens. */
  get url(): string {
    return `nats://127.0.0.1:${this.#port}`;
  }

  /** Runs it, at the port where it ran before. Resolves when it takes connections. */
  async run(): Promise<void> {
    const config = join(this.#folder, 'server.conf');
    const ports = join(this.#folder, 'ports');
    rmSync(ports, { recursive: true, force: true });
    const listen = `listen: "127.0.0.1:${this.#port}"\nports_file_dir: "${this.#folder}"\n`;
    writeFileSync(config, `${listen}${this.#config}`);
    const child = this.#spawn(config);
    this.#process = child;
    let said = '';
    const isReady = new Promise<void>((resolve, reject) => {
      child.stderr?.setEncoding('utf8').on('data', (text: string) => {
        said += text;
        if (said.includes('Server is ready')) resolve();
      });
      child.once('error', reject);
      child.once('close', (code) => reject(new Error(`nats-server ended with ${code}: ${said}`)));
    });
    await within(START, isReady, 'nats-server to be ready');
    this.#port = await within(START, this.#readPort(), 'the file with the port of nats-server');
  }

  /** Kills it, as a crash does. Resolves when its port is free. */
  async kill(): Promise<void> {
    const child = this.#process;
    if (child === undefined) return;
    this.#process = undefined;
    const ended = new Promise((resolve) => child.once('close', resolve));
    child.kill('SIGKILL');
    await within(5_000, ended, 'the end of nats-server');
  }

  /** Stops it where it is; `go` has it go on. */
  signal(name: 'SIGSTOP' | 'SIGCONT'): void {
    this.#process?.kill(name);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #spawn(config: string): ChildProcess {
    const stdio: StdioOptions = ['ignore', 'ignore', 'pipe'];
    if (this.#node === undefined) return spawn(PROGRAM, ['-c', config], { stdio });
    const { name, listen, routes } = this.#node;
    // What is given in the command line goes before the file.
    const own = ['-a', '127.0.0.1', '-p', String(this.#port), '--ports_file_dir', this.#folder];
    const env = {
      ...process.env,
      NATS_NAME: name,
      NATS_STORE: join(this.#folder, 'store'),
      NATS_CLUSTER_LISTEN: listen,
      NATS_ROUTES: `[${routes.join(', ')}]`,
    };
    return spawn(PROGRAM, ['-c', NODE_CONFIG, ...own], { stdio, env });
  }

  async #readPort(): Promise<number> {
    for (;;) {
      const name = readdirSync(this.#folder).find((own) => own.endsWith('.ports'));
      const text = name === undefined ? '' : readFileSync(join(this.#folder, name), 'utf8');
      const port = /(?:nats|tls):\/\/127\.0\.0\.1:(\d+)/.exec(text)?.[1];
      if (port !== undefined) return Number(port);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }
}
