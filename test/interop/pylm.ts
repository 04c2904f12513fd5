import { createInterface } from 'node:readline';
import { within } from '../support/wait.ts';
import { ended, spawnPython, Tail } from './python.ts';

export { type PythonOptions, type PythonResult, runClient, runPython } from './python.ts';

/** Real pylm servers for the tests: one cluster of processes per topology, see servers/cluster.py. */

export type Topology =
  | 'server'
  | 'pipeline'
  | 'tee'
  | 'tee-sink'
  | 'sink'
  | 'master'
  | 'master-pipeline'
  | 'hub'
  | 'mux';

/** Which protobuf carries pylm: as pip installs it (pure Python from Python 3.11 on), or the C implementation. */
export type Protobuf = 'shipped' | 'upb';

export interface ServerAddresses {
  /** The PALM name, which function paths and `connect` use; the label where it differs is the key in `addresses`. */
  readonly name: string;
  readonly db: string;
  readonly pub: string;
  /** Server and Master only. */
  readonly pull?: string;
  /** Master and Hub only. */
  readonly worker_push?: string;
  readonly worker_pull?: string;
}

export interface ClusterOptions {
  /** Workers of a Master or Hub; 0 starts it with none. */
  readonly workers?: number;
  /** Fixed addresses by label, so that a cluster can come back where another one was. */
  readonly addresses?: Readonly<Record<string, Partial<Omit<ServerAddresses, 'name'>>>>;
  readonly protobuf?: Protobuf;
  readonly log?: 'DEBUG' | 'INFO' | 'WARNING' | 'ERROR' | 'CRITICAL';
  /** Milliseconds until every path must have been proved. */
  readonly timeout?: number;
}

export interface PylmCluster extends AsyncDisposable {
  readonly topology: Topology;
  /** The implementation that runs: `python`, `cpp` or `upb`. */
  readonly protobuf: string;
  /** How long the servers took to be ready. */
  readonly seconds: number;
  readonly addresses: Readonly<Record<string, ServerAddresses>>;
  /** Process ids by label, workers included; a restart brings new ones. */
  readonly pids: Readonly<Record<string, number>>;
  /** What a client is given: it pushes to the first server and subscribes to the last. */
  readonly entry: {
    readonly serverName: string;
    readonly dbAddress: string;
    readonly pushAddress: string;
    readonly subAddress: string;
  };
  /** Every address at which results for clients are published: more than one where the stream ends twice (tee). */
  readonly subAddresses: readonly string[];
  /** The addresses of one server, by label. */
  server(label: string): ServerAddresses;
  /** Sends a signal to one process, SIGKILL if none is named. */
  kill(label: string, signal?: NodeJS.Signals): void;
  /** Ends the process if it still runs, starts it on its old addresses, and resolves once the paths work again. */
  restart(label: string): Promise<void>;
  /** As `restart`, but resolves at once. */
  start(label: string): Promise<void>;
  /** The last of what the servers logged. */
  stderr(): string;
  /** Ends all its processes. Never rejects and takes at most some seconds. */
  stop(): Promise<void>;
}

const stopTimeout = 3000;

interface Announcement {
  topology: Topology;
  protobuf: string;
  seconds: number;
  addresses: Record<string, ServerAddresses>;
  pids: Record<string, number>;
  entry: PylmCluster['entry'];
  subAddresses: string[];
}

interface CommandReply {
  label?: string;
  pid?: number;
  error?: string;
}

/** Lines of a stream, taken one at a time in order. */
class Lines {
  readonly #lines: string[] = [];
  readonly #waiting: ((line: string) => void)[] = [];

  constructor(stream: NodeJS.ReadableStream) {
    createInterface({ input: stream }).on('line', (line) => {
      const next = this.#waiting.shift();
      if (next === undefined) this.#lines.push(line);
      else next(line);
    });
  }

  next(): Promise<string> {
    const line = this.#lines.shift();
    return line === undefined ? new Promise((resolve) => this.#waiting.push(resolve)) : Promise.resolve(line);
  }
}

/** Starts a topology of real pylm servers and resolves once a message has gone through every path of it. */
export async function startCluster(topology: Topology, options: ClusterOptions = {}): Promise<PylmCluster> {
  const { workers, addresses, protobuf = 'shipped', log = 'ERROR', timeout = 20_000 } = options;
  const args = [topology, '--protobuf', protobuf, '--log', log, '--timeout', String(timeout / 1000)];
  if (workers !== undefined) args.push('--workers', String(workers));
  if (addresses !== undefined) args.push('--addresses', JSON.stringify(addresses));
  const child = await spawnPython('cluster.py', args);
  const stderr = new Tail(child.stderr);
  const lines = new Lines(child.stdout);
  const pids: Record<string, number> = {};
  const end = ended(child);
  const failed = new Promise<never>((_, reject) => child.once('error', reject));
  failed.catch(() => undefined);

  /** The cluster's next line, or an error that says why there is none. */
  const reply = (what: string, limit: number): Promise<string> =>
    within(
      limit,
      Promise.race([
        lines.next(),
        failed,
        end.then((outcome) => {
          throw new Error(`pylm ${topology}: ${what}: the cluster ended with ${outcome}; ${stderr}`);
        }),
      ]),
      () => `pylm ${topology}: ${what} (${stderr})`,
    );

  const stop = async (): Promise<void> => {
    child.stdin.end();
    try {
      await within(stopTimeout, end);
    } catch {
      // The servers first: while their parent lives, their ids cannot have gone to other processes.
      for (const pid of Object.values(pids)) {
        try {
          process.kill(pid, 'SIGKILL');
        } catch {}
      }
      child.kill('SIGKILL');
      await within(stopTimeout, end).catch(() => undefined);
    }
  };

  let announced: Announcement;
  try {
    announced = JSON.parse(await reply('starting', timeout + 5000)) as Announcement;
  } catch (error) {
    await stop();
    throw error;
  }
  Object.assign(pids, announced.pids);

  // One command at a time: each is answered by the next line.
  let previous: Promise<unknown> = Promise.resolve();
  const command = (verb: 'restart' | 'start', label: string): Promise<void> => {
    const current = previous.then(async () => {
      child.stdin.write(`${verb} ${label}\n`);
      const answer = JSON.parse(await reply(`${verb} ${label}`, timeout + 5000)) as CommandReply;
      if (answer.error !== undefined || answer.pid === undefined) {
        throw new Error(`pylm ${topology}: ${answer.error ?? 'no pid'}; ${stderr}`);
      }
      pids[label] = answer.pid;
    });
    previous = current.catch(() => undefined);
    return current;
  };

  return {
    topology,
    protobuf: announced.protobuf,
    seconds: announced.seconds,
    addresses: announced.addresses,
    pids,
    entry: announced.entry,
    subAddresses: announced.subAddresses,
    server(label) {
      const found = announced.addresses[label];
      if (found === undefined) {
        throw new Error(
          `pylm ${topology} has no server ${label}: ${Object.keys(announced.addresses).join(', ')}`,
        );
      }
      return found;
    },
    kill(label, signal = 'SIGKILL') {
      const pid = pids[label];
      if (pid === undefined) {
        throw new Error(`pylm ${topology} has no process ${label}: ${Object.keys(pids).join(', ')}`);
      }
      process.kill(pid, signal);
    },
    restart: (label) => command('restart', label),
    start: (label) => command('start', label),
    stderr: () => stderr.text,
    stop,
    [Symbol.asyncDispose]: stop,
  };
}
