/** Starts walls-process.ts, and looks at it from outside. */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect } from 'vitest';
import { Client } from '../../src/index.ts';
import { type ZeromqOptions, zeromq } from '../../transports/zeromq/index.ts';
import { bytes, textOf } from '../support/bytes.ts';
import { within } from '../support/wait.ts';

export interface Addresses {
  readonly db: string;
  readonly pull: string;
  readonly pub: string;
  readonly masterDb: string;
  readonly workerPush: string;
  readonly workerPull: string;
}

const SCRIPT = fileURLToPath(new URL('walls-process.ts', import.meta.url));

export const MiB = 1_048_576;

export class WallsChild implements AsyncDisposable {
  readonly addresses: Addresses;
  readonly #child: ReturnType<typeof spawn>;
  readonly #ended: Promise<void>;
  readonly #clients: Client[] = [];
  #end: string | undefined;

  constructor(child: ReturnType<typeof spawn>, addresses: Addresses) {
    this.#child = child;
    this.addresses = addresses;
    this.#ended = new Promise((resolve) => {
      child.once('exit', (code, signal) => {
        this.#end = `ended with ${code ?? signal}`;
        resolve();
      });
    });
  }

  /** How it ended, if it did. */
  get end(): string | undefined {
    return this.#end;
  }

  /** Bytes of memory that the process has, or had at most. */
  memory(what: 'VmRSS' | 'VmHWM' = 'VmRSS'): number {
    const status = readFileSync(`/proc/${this.#child.pid}/status`, 'utf8');
    return Number(new RegExp(`${what}:\\s+(\\d+)`).exec(status)?.[1]) * 1_024;
  }

  /** Seconds of CPU that it has used. */
  cpu(): number {
    const stat = readFileSync(`/proc/${this.#child.pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
    return (Number(stat[11]) + Number(stat[12])) / 100;
  }

  /** Waits until its event loop answers. */
  async answers(timeout = 15_000): Promise<void> {
    const answered = new Promise<void>((resolve) => this.#child.once('message', () => resolve()));
    this.#child.send('are you there?');
    await within(
      timeout,
      Promise.race([answered, this.#ended.then(() => this.#gone())]),
      'the process to answer',
    );
  }

  async connect(options: ZeromqOptions = {}): Promise<Client> {
    const transport = zeromq(options);
    const client = await Client.connect({ transport, dbAddress: this.addresses.db, loggingLevel: 'silent' });
    this.#clients.push(client);
    return client;
  }

  /** Sees that a client is served: an old one, or one that comes now. */
  async serves(client?: Client, timeout = 15_000): Promise<void> {
    const served = async () => {
      const own = client ?? (await this.connect());
      await own.set(bytes('v'), 'k');
      expect(textOf((await own.get('k')) ?? bytes(''))).toBe('v');
      expect(textOf(await own.eval('server.echo', bytes('here')))).toBe('here');
    };
    await within(timeout, Promise.race([served(), this.#ended.then(() => this.#gone())]), 'an answer');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#clients.map((client) => client.close({ timeout: 0 })));
    this.#child.kill('SIGKILL');
    await this.#ended;
  }

  #gone(): never {
    throw new Error(`the process is gone: it ${this.#end}`);
  }
}

/** @param files - the most files that the process may have open; left out, as many as this process. */
export async function startWalls(options: ZeromqOptions = {}, files?: number): Promise<WallsChild> {
  const node = [process.execPath, '--import', 'tsx', SCRIPT, JSON.stringify(options)];
  const [command = '', ...args] =
    files === undefined ? node : ['sh', '-c', `ulimit -n ${files}; exec "$@"`, 'sh', ...node];
  const child = spawn(command, args, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  const up = new Promise<Addresses>((resolve, reject) => {
    child.once('message', (addresses: Addresses) => resolve(addresses));
    child.once('exit', () => reject(new Error('the process ended before it was up')));
  });
  return new WallsChild(child, await within(60_000, up, 'the process to be up'));
}
