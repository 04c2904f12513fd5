/** A cluster of frond's alone around each role, and what pylm's client is given to use that role. */
import { type Entry, type MixedCluster, type Part, type Proof, startMixed } from './mixed.ts';

export interface RoleCase {
  readonly label: string;
  readonly parts: readonly Part[];
  /** A path through the whole cluster whose last function is `name`. */
  readonly path: (name: string) => readonly string[];
  readonly proof: Proof;
  /** Answers to each message. */
  readonly answers: number;
}

const by = 'frond';
const first: Part = { kind: 'Server', label: 'first', by, pipelined: true };

export const roleCases: readonly RoleCase[] = [
  {
    label: 'server',
    parts: [{ kind: 'Server', label: 'server', by }],
    path: (name) => [`server.${name}`],
    proof: { path: 'server.who', answers: ['server'] },
    answers: 1,
  },
  {
    label: 'pipeline',
    parts: [first, { kind: 'Pipeline', label: 'pipeline', by, from: ['first'] }],
    path: (name) => ['first.same', `pipeline.${name}`],
    proof: { path: 'first.same pipeline.who', answers: ['pipeline'] },
    answers: 1,
  },
  {
    label: 'sink',
    parts: [
      first,
      ...['left', 'right'].map(
        (label): Part => ({ kind: 'Pipeline', label, name: 'branch', by, from: ['first'], pipelined: true }),
      ),
      { kind: 'Sink', label: 'sink', by, from: ['left', 'right'] },
    ],
    path: (name) => ['first.same', 'branch.same', `sink.${name}`],
    proof: { path: 'first.same branch.who sink.same', answers: ['left', 'right'] },
    answers: 2,
  },
  {
    label: 'master',
    parts: [
      { kind: 'Master', label: 'master', by },
      { kind: 'Worker', label: 'worker', by, master: 'master' },
    ],
    path: (name) => [`master.${name}`],
    proof: { path: 'master.who', answers: ['worker'] },
    answers: 1,
  },
  {
    label: 'hub',
    parts: [
      first,
      { kind: 'Hub', label: 'hub', by, from: ['first'] },
      { kind: 'Worker', label: 'worker', by, master: 'hub' },
    ],
    path: (name) => ['first.same', `hub.${name}`],
    proof: { path: 'first.same hub.who', answers: ['worker'] },
    answers: 1,
  },
];

export function startCase({ parts, proof }: RoleCase): Promise<MixedCluster> {
  return startMixed(parts, [proof]);
}

/** Calls go to the first server and come back from the role; the cache is the role's. */
export function entryOf(cluster: MixedCluster, label: string): Entry {
  const { db, pub = '' } = cluster.addresses(label);
  return { ...cluster.entry, serverName: label, dbAddress: db, subAddress: pub };
}
