/** Clusters for tests, on any transport that binds. */
import { afterEach } from 'vitest';
import { type RoleDefinition, type RunningRole, startRole } from '../../src/cluster/index.ts';
import { Client, type ConnectOptions, PalmError } from '../../src/index.ts';
import type { BindingTransport } from '../../src/transport.ts';
import { freeAddress } from './ports.ts';
import { within } from './wait.ts';

const ANY_PORT = 'tcp://127.0.0.1:*';

export interface TestGround {
  readonly transport: BindingTransport;
  /** What binding takes so that the address is chosen by the system. */
  readonly any: string;
  /** Lets go of what the transport stands on. */
  close?(): Promise<void>;
}

/** Distributes over a union, as Omit does not. */
type Without<T, K extends PropertyKey> = T extends unknown ? Omit<T, K> : never;
type Addresses = 'dbAddress' | 'pullAddress' | 'pubAddress' | 'workerPullAddress' | 'workerPushAddress';

/** A role whose bound addresses the system chooses, unless they are given. */
export type TestRole = Without<RoleDefinition, Addresses> & Partial<Record<Addresses, string>>;

export interface TestCluster extends Omit<TestGround, 'close'> {
  start<R extends RunningRole>(definition: TestRole): Promise<R>;
  connect(options: Omit<ConnectOptions, 'transport'>): Promise<Client>;
  /** Closes it when the test is over. */
  own<T extends { close(): Promise<unknown> }>(closable: T): T;
}

/** Whether a role was refused an address that was chosen for it: another process, as of a second suite, has taken it meanwhile. */
function isOfChosen(error: unknown, used: object, chosen: Readonly<Record<string, string>>): boolean {
  if (!(error instanceof PalmError) || !error.message.includes('already in use')) return false;
  const addresses: Readonly<Record<string, unknown>> = { ...used };
  return Object.entries(chosen).some(
    ([key, address]) => addresses[key] === address && error.message.includes(address),
  );
}

/** Starts roles and clients that are closed when the test is over, the newest first. */
export function testCluster(make: () => TestGround): () => TestCluster {
  let opened: { close(): Promise<unknown> }[] = [];
  afterEach(async () => {
    for (const closable of opened.reverse()) await within(5_000, closable.close(), 'closing');
    opened = [];
  });
  return () => {
    const ground = make();
    const own = <T extends { close(): Promise<unknown> }>(closable: T) => {
      opened.push(closable);
      return closable;
    };
    const { close, ...rest } = ground;
    if (close !== undefined) own({ close });
    return {
      ...rest,
      own,
      start: async <R extends RunningRole>(definition: TestRole) => {
        const { any } = ground;
        const bound = ['dbAddress', 'pubAddress'];
        if (definition.role === 'server' || definition.role === 'master') bound.push('pullAddress');
        if (definition.role === 'master' || definition.role === 'hub')
          bound.push('workerPullAddress', 'workerPushAddress');
        for (;;) {
          const addresses: Record<string, string> = {};
          // Where a system chooses ports it gives them to outgoing connections, too: a role would not get its own again.
          if (definition.role !== 'worker')
            for (const key of bound) addresses[key] = any === ANY_PORT ? await freeAddress() : any;
          const whole = { loggingLevel: 'silent', ...addresses, ...definition } as RoleDefinition;
          try {
            return own((await startRole(whole, ground.transport)) as R);
          } catch (error) {
            if (!isOfChosen(error, { ...addresses, ...definition }, addresses)) throw error;
          }
        }
      },
      connect: async (options) =>
        own(await Client.connect({ transport: ground.transport, loggingLevel: 'silent', ...options })),
    };
  };
}
