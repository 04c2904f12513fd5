/** Clusters, calls, and what pylm answers to them. */
import type { Part, Proof } from './mixed.ts';

export interface Case {
  readonly title: string;
  readonly places: readonly Omit<Part, 'by'>[];
  readonly proof: Proof;
  /** Answers to the payload `x`, by path. */
  readonly answers: Readonly<Record<string, readonly string[]>>;
  /** Paths whose answer is the envelope as a function saw it. */
  readonly envelopes: readonly string[];
  /** A path whose last function answers even numbers alone. */
  readonly even?: string;
  /** Answers to each message. Default 1. */
  readonly times?: number;
  /** Labels of the servers that publish to the next one, under their names. */
  readonly pipelined?: readonly string[];
  /** Whether an empty `cache` is filled on the way. */
  readonly fills?: boolean;
}

const first = { kind: 'Server', label: 'first', pipelined: true } as const;

export const cases: readonly Case[] = [
  {
    title: 'Server',
    places: [{ kind: 'Server', label: 'server' }],
    proof: { path: 'server.who', answers: ['server'] },
    answers: {
      'server.same': ['x'],
      'server.echo': ['x'],
      'server.upper': ['X'],
      'server.empty': [''],
      'server.boom': ['0'],
      'other.upper': ['0'],
      'server.tag server.upper': ['x|server'],
    },
    envelopes: ['server.envelope'],
  },
  {
    title: 'Server and Pipeline',
    places: [first, { kind: 'Pipeline', label: 'second', from: ['first'] }],
    proof: { path: 'first.same second.who', answers: ['second'] },
    answers: {
      'first.tag second.tag': ['x|first|second'],
      'first.boom second.tag': ['0|second'],
      'other.tag second.tag': ['0|second'],
      'first.tag second.boom': ['0'],
      'first.tag other.tag': ['0'],
      'first.empty second.tag': ['|second'],
      // A path of one function is for every server that it comes to.
      'first.tag': ['0'],
      'second.tag': ['0|second'],
    },
    envelopes: ['first.same second.envelope'],
    even: 'first.same second.even',
    pipelined: ['first'],
  },
  {
    title: 'Server, Pipelines and Sink',
    places: [
      first,
      { kind: 'Pipeline', label: 'left', name: 'branch', from: ['first'], pipelined: true },
      { kind: 'Pipeline', label: 'right', name: 'branch', from: ['first'], pipelined: true },
      { kind: 'Sink', label: 'sink', from: ['left', 'right'] },
    ],
    proof: { path: 'first.same branch.who sink.same', answers: ['left', 'right'] },
    answers: {
      'first.tag branch.tag sink.tag': ['x|first|left|sink', 'x|first|right|sink'],
      'first.boom branch.tag sink.tag': ['0|left|sink', '0|right|sink'],
      'first.tag branch.boom sink.tag': ['0|sink', '0|sink'],
      'first.tag branch.tag sink.boom': ['0', '0'],
      'first.tag branch.tag other.tag': ['0', '0'],
    },
    envelopes: ['first.same branch.same sink.envelope'],
    even: 'first.same branch.same sink.even',
    times: 2,
    pipelined: ['first'],
  },
  {
    title: 'Master',
    places: [
      { kind: 'Master', label: 'master' },
      { kind: 'Worker', label: 'worker', master: 'master' },
    ],
    proof: { path: 'master.who', answers: ['worker'] },
    answers: {
      'master.tag': ['x|worker'],
      'master.empty': [''],
      'master.boom': ['0'],
      'master.missing': ['0'],
      // Workers serve whatever name their Master is called by.
      'other.tag': ['x|worker'],
    },
    envelopes: ['master.envelope'],
    fills: true,
  },
  {
    title: 'Master and Pipeline',
    places: [
      { kind: 'Master', label: 'master', pipelined: true },
      { kind: 'Worker', label: 'worker', master: 'master' },
      { kind: 'Pipeline', label: 'second', from: ['master'] },
    ],
    proof: { path: 'master.who second.same', answers: ['worker'] },
    answers: {
      'master.tag second.tag': ['x|worker|second'],
      'master.boom second.tag': ['0|second'],
      'master.missing second.tag': ['0|second'],
      'master.tag other.tag': ['0'],
      'other.tag second.tag': ['x|worker|second'],
    },
    envelopes: ['master.envelope second.same', 'master.same second.envelope'],
    even: 'master.same second.even',
    pipelined: ['master'],
    fills: true,
  },
  {
    title: 'Server, Hub and Pipeline',
    places: [
      first,
      { kind: 'Hub', label: 'hub', from: ['first'], pipelined: true },
      { kind: 'Worker', label: 'worker', master: 'hub' },
      { kind: 'Pipeline', label: 'third', from: ['hub'] },
    ],
    proof: { path: 'first.same hub.who third.same', answers: ['worker'] },
    answers: {
      'first.tag hub.tag third.tag': ['x|first|worker|third'],
      'first.boom hub.tag third.tag': ['0|worker|third'],
      'first.tag hub.boom third.tag': ['0|third'],
      'first.tag hub.missing third.tag': ['0|third'],
      'first.tag other.tag third.tag': ['x|first|worker|third'],
      'first.tag hub.tag other.tag': ['0'],
    },
    envelopes: ['first.same hub.envelope third.same', 'first.same hub.same third.envelope'],
    even: 'first.same hub.same third.even',
    pipelined: ['first', 'hub'],
    fills: true,
  },
];
