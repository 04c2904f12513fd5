/** Two hosts within this machine, each with a network of its own, and a cable between them. One of them can vanish. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { exitOf } from './command.ts';
import { within } from './wait.ts';

const ADDRESSES = { here: '10.77.0.1', there: '10.77.0.2' } as const;

export type Host = keyof typeof ADDRESSES;

/** Whether this process may make networks: on Linux, as root, with the tools of util-linux and iproute2. */
export function canMakeHosts(): boolean {
  try {
    const command = ['--net', 'ip', 'link', 'add', 'name', 'one', 'type', 'veth', 'peer', 'name', 'other'];
    execFileSync('unshare', command, { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

export class Hosts implements AsyncDisposable {
  /** The processes that keep the networks. */
  readonly #keepers: Readonly<Record<Host, ChildProcess>>;

  private constructor(keepers: Readonly<Record<Host, ChildProcess>>) {
    this.#keepers = keepers;
  }

  static async make(): Promise<Hosts> {
    const [here, there] = await Promise.all([keeper(), keeper()]);
    const hosts = new Hosts({ here, there });
    const cable = ['type', 'veth', 'peer', 'name', 'cable', 'netns', String(there.pid)];
    hosts.#run('here', 'ip', 'link', 'add', 'name', 'cable', ...cable);
    for (const host of ['here', 'there'] as const) {
      hosts.#run(host, 'ip', 'link', 'set', 'lo', 'up');
      hosts.#run(host, 'ip', 'address', 'add', `${ADDRESSES[host]}/24`, 'dev', 'cable');
      hosts.#run(host, 'ip', 'link', 'set', 'cable', 'up');
    }
    return hosts;
  }

  /** The address with a free port of a host. */
  anyAddress(host: Host): string {
    return `tcp://${ADDRESSES[host]}:*`;
  }

  /** What starts a program on a host. */
  launcher(host: Host): readonly string[] {
    return ['nsenter', '--net', '--target', String(this.#keepers[host].pid)];
  }

  /** From now on nothing that is sent to the host has an answer, not even by its system. */
  vanish(host: Host): void {
    this.#run(host, 'ip', 'address', 'flush', 'dev', 'cable');
  }

  /** Ends the networks. What runs on a host must have ended. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const own of Object.values(this.#keepers)) own.kill('SIGKILL');
    await Promise.all(Object.values(this.#keepers).map(exitOf));
  }

  #run(host: Host, ...command: readonly string[]): void {
    const [program = '', ...args] = [...this.launcher(host), ...command];
    execFileSync(program, args, { stdio: ['ignore', 'ignore', 'inherit'] });
  }
}

/** Resolves when the network is there. */
async function keeper(): Promise<ChildProcess> {
  const child = spawn('unshare', ['--net', 'sh', '-c', 'echo; exec sleep infinity'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await within(5_000, new Promise((resolve) => child.stdout.once('data', resolve)), 'a network');
  return child;
}
