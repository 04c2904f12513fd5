/** Clusters of which each part is pylm's or frond's. */
import { type RoleDefinition, type RunningRole, startRole } from '../../src/cluster/index.ts';
import { Client, type ConnectOptions } from '../../src/index.ts';
import { within } from '../support/wait.ts';
import { functionsOf } from './functions.ts';
import { type Addresses, type NodeSpec, type PylmKind, startNode } from './node.ts';
import { prove } from './probe.ts';
import { transportHere } from './transport.ts';

export type By = 'pylm' | 'frond';

export interface Part {
  readonly kind: PylmKind;
  readonly label: string;
  /** The PALM name, where it is not the label. */
  readonly name?: string;
  readonly by: By;
  readonly pipelined?: boolean;
  /** Labels of previous servers. */
  readonly from?: readonly string[];
  /** Of a worker: label of its Master or Hub. */
  readonly master?: string;
}

/** A path that must carry messages before the cluster counts as started, and the answers that show it. */
export interface Proof {
  readonly path: string;
  readonly answers: readonly string[];
}

/** What a client is given: it pushes to the first server and subscribes to the last. */
export interface Entry {
  readonly serverName: string;
  readonly dbAddress: string;
  readonly pushAddress: string;
  readonly subAddress: string;
}

export interface MixedCluster {
  readonly entry: Entry;
  addresses(label: string): Addresses;
  /** A part of frond's. */
  role<R extends RunningRole>(label: string): R;
  /** Starts one more part. */
  add(part: Part): Promise<void>;
  prove(proof: Proof): Promise<void>;
  /** Ends one part: of pylm's, as if it had died. */
  end(label: string): Promise<void>;
  connect(options?: Partial<ConnectOptions>): Promise<Client>;
  stop(): Promise<void>;
}

const any = 'tcp://127.0.0.1:*';
const PROOF_TIMEOUT = 20_000;

interface Started {
  readonly part: Part;
  readonly addresses: Addresses;
  readonly role?: RunningRole;
  readonly stop: () => Promise<unknown>;
}

/** Starts the parts in their order: what a part is connected to comes before it. */
export async function startMixed(
  parts: readonly Part[],
  proofs: readonly Proof[] = [],
): Promise<MixedCluster> {
  const started = new Map<string, Started>();
  const clients: Client[] = [];

  const find = (label: string): Started => {
    const found = started.get(label);
    if (found === undefined) throw new Error(`no part ${label}: ${[...started.keys()].join(', ')}`);
    return found;
  };
  const stop = async () => {
    for (const client of clients) await client.close();
    // Workers before their Masters, who would not answer their good-byes.
    for (const one of [...started.values()].reverse()) await one.stop();
    started.clear();
  };
  const add = async (part: Part) => {
    const previous = (part.from ?? []).map(find);
    const spec: NodeSpec = {
      kind: part.kind,
      label: part.label,
      name: part.name ?? part.label,
      pipelined: part.pipelined ?? false,
      sub: previous.map(({ addresses }) => addresses.pub ?? ''),
      previous: previous.map(({ part: { name, label } }) => name ?? label),
      ...(part.master === undefined ? {} : { db: find(part.master).addresses.db }),
    };
    started.set(part.label, {
      part,
      ...(part.by === 'pylm' ? await startNode(spec) : await startFrond(spec)),
    });
  };
  const entry = (): Entry => {
    const all = [...started.values()];
    const [first] = all;
    const read = new Set(all.flatMap(({ part }) => part.from ?? []));
    const last = all.find(({ part, addresses }) => addresses.pub !== undefined && !read.has(part.label));
    if (first === undefined || last === undefined) throw new Error('a cluster has a first and a last server');
    return {
      serverName: first.part.name ?? first.part.label,
      dbAddress: first.addresses.db,
      pushAddress: first.addresses.pull ?? '',
      subAddress: last.addresses.pub ?? '',
    };
  };
  const proveOne = ({ path, answers }: Proof) =>
    within(PROOF_TIMEOUT, prove(entry(), path, answers), `a proof of ${path}`);

  try {
    for (const part of parts) await add(part);
    for (const proof of proofs) await proveOne(proof);
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    entry: entry(),
    addresses: (label) => find(label).addresses,
    role: <R extends RunningRole>(label: string) => find(label).role as R,
    add,
    prove: proveOne,
    end: async (label) => {
      await find(label).stop();
      started.delete(label);
    },
    connect: async (options = {}) => {
      const settings = {
        transport: transportHere(),
        timeout: 10_000,
        loggingLevel: 'silent',
        ...entry(),
      } as const;
      const client = await Client.connect({ ...settings, ...options });
      clients.push(client);
      return client;
    },
    stop,
  };
}

async function startFrond(spec: NodeSpec): Promise<Omit<Started, 'part'>> {
  const role = await startRole(definitionOf(spec), transportHere());
  if ('ready' in role) await within(PROOF_TIMEOUT, role.ready(), `the path to ${spec.label}`);
  const addresses = {
    db: 'dbAddress' in role ? role.dbAddress : (spec.db ?? ''),
    ...('pubAddress' in role && { pub: role.pubAddress }),
    ...('pullAddress' in role && { pull: role.pullAddress }),
    ...('workerPushAddress' in role && {
      worker_push: role.workerPushAddress,
      worker_pull: role.workerPullAddress,
    }),
  };
  return { addresses, role, stop: () => role.close() };
}

function definitionOf(spec: NodeSpec): RoleDefinition {
  const { kind, label, name, pipelined = false, db = '', sub = [], previous = [] } = spec;
  const shared = { name, loggingLevel: 'silent' } as const;
  const functions = functionsOf(label);
  const workers = { workerPullAddress: any, workerPushAddress: any };
  const serving = { ...shared, dbAddress: any, pubAddress: any };
  const downstream = { ...serving, functions, toClient: !pipelined };
  const [subAddress = ''] = sub;
  const [from = ''] = previous;
  switch (kind) {
    case 'Server':
      return { role: 'server', ...serving, pullAddress: any, functions, pipelined };
    case 'Pipeline':
      return { role: 'pipeline', ...downstream, subAddress, previous: from };
    case 'Sink':
      return { role: 'sink', ...downstream, subAddresses: sub, previous };
    case 'Master':
      return { role: 'master', ...serving, ...workers, pullAddress: any, pipelined };
    case 'Hub':
      return { role: 'hub', ...serving, ...workers, subAddress, previous: from, pipelined };
    case 'Worker':
    case 'MuxWorker':
      return { role: 'worker', ...shared, dbAddress: db, functions };
  }
}
