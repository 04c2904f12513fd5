/** Snapshots of a server as text. */
import type { WorkerState } from '../../src/cluster/runtime/status.ts';
import type { FunctionDescription, ShapeDescription } from '../../src/functions/contract/description.ts';
import { duration, grouped } from '../terminal/progress.ts';
import { type Fact, factLines, nameText, type Style, shortLine } from '../terminal/text.ts';
import { valueTypeOf } from '../types/declaration.ts';
import type { Rates, ServerSnapshot } from './snapshot.ts';

/** How many workers, and how many addresses, are shown. */
const SHOWN = 20;

/** Characters of an address's key that are shown. Known keys have 19, and a number at the end. */
const LONGEST_LABEL = 24;

/** How many functions are named. */
const SHOWN_FUNCTIONS = 100;

/** A snapshot on several lines, without the last newline. */
export function describeSnapshot(snapshot: ServerSnapshot, rates: Rates | null, { strong }: Style): string {
  const { implementation, role, uptime } = snapshot;
  const what = `a ${implementation} ${nameText(role ?? 'server')}`;
  const up = uptime === null ? '' : `, up ${age(uptime)}`;
  const groups = [
    addressFacts(snapshot),
    [['functions', functionsText(snapshot)] as const],
    typedFacts(snapshot),
    counterFacts(snapshot, rates),
    workerFacts(snapshot),
  ].filter((facts) => facts.length > 0);
  const width = Math.max(...groups.flat().map(([label]) => label.length));
  const padded = groups.map((facts) => facts.map(([label, text]) => [label.padEnd(width), text] as const));
  return [
    strong(`${nameText(snapshot.name)}: ${what}${up}`),
    ...padded.flatMap((facts) => ['', ...factLines(facts)]),
  ].join('\n');
}

/** A snapshot on one line, for logs. */
export function snapshotLine(
  { name, role, counters, workers, pushedWorkers }: ServerSnapshot,
  rates: Rates | null,
): string {
  if (counters === null) return `${nameText(name)} answers; its counters are unknown`;
  const rate = (key: keyof Rates) => (rates === null ? '' : ` (${grouped(rates[key])}/s)`);
  const parts = [
    `${grouped(counters.received)} received${rate('received')}`,
    `${grouped(counters.answered)} answered${rate('answered')}`,
    `${grouped(counters.failed)} failed${rate('failed')}`,
    `${grouped(counters.inFlight)} in flight`,
  ];
  if (workers !== null) parts.push(`${grouped(workers.length + (pushedWorkers ?? 0))} workers`);
  return `${nameText(role ?? 'server')} ${nameText(name)}: ${parts.join(' · ')}`;
}

/** The db_address comes first: users know the server by it. */
function addressFacts({ addresses }: ServerSnapshot): readonly Fact[] {
  const { db_address: db, ...others } = addresses;
  const facts = [...(db === undefined ? [] : [['db_address', db] as const]), ...Object.entries(others)];
  const shown = facts
    .slice(0, SHOWN)
    .map(([key, address]) => [shortLine(key, LONGEST_LABEL), nameText(address)] as const);
  return facts.length > SHOWN ? [...shown, ['', `… ${grouped(facts.length - SHOWN)} more`]] : shown;
}

function functionsText({ implementation, role, functions }: ServerSnapshot): string {
  if (functions === null)
    return implementation === 'pylm' ? 'unknown: a pylm server does not tell' : 'unknown';
  if (functions.length === 0 && (role === 'Master' || role === 'Hub')) return 'those of its workers';
  const shown = functions.slice(0, SHOWN_FUNCTIONS).map(nameText).join(', ');
  const others = functions.length - SHOWN_FUNCTIONS;
  return others > 0 ? `${shown} … ${grouped(others)} more` : shown;
}

/** UTF-16 units of a description, and of a shape, that are shown. */
const LONGEST_DESCRIPTION = 400;
const LONGEST_SHAPE = 1_000;

/** What functions with types take and give. */
function typedFacts({ offers }: ServerSnapshot): readonly Fact[] {
  const typed = (offers ?? []).filter(({ kind, versions }) => kind !== undefined || versions !== undefined);
  const shown = typed.slice(0, SHOWN).flatMap(functionFacts);
  return typed.length > SHOWN ? [...shown, ['', `… ${grouped(typed.length - SHOWN)} more`]] : shown;
}

function functionFacts(said: FunctionDescription): readonly Fact[] {
  const { name, description, kind, input, output, errors = {}, versions } = said;
  const results = kind === 'many' ? `several ${shapeText(output)}` : shapeText(output);
  const what = kind === undefined ? 'bytes, or what its versions take' : `${shapeText(input)} → ${results}`;
  const differs = versions === undefined ? '' : ` (${grouped(versions)} versions)`;
  const codes = Object.entries(errors).map(([code, shape]) => `${nameText(code)} ${shapeText(shape)}`);
  return [
    [shortLine(name, LONGEST_LABEL), `${what}${differs}`],
    ...(codes.length === 0 ? [] : [['', `fails with ${codes.join(', ')}`] as const]),
    ...(description === undefined ? [] : [['', shortLine(description, LONGEST_DESCRIPTION)] as const]),
  ];
}

/** The codec, and the type of its values where something says more than the codec. */
function shapeText(shape: ShapeDescription | undefined): string {
  if (shape === undefined) return 'what its versions differ in';
  const type = shape.schema === undefined ? '' : ` ${shortLine(valueTypeOf(shape), LONGEST_SHAPE)}`;
  return `${nameText(shape.codec)}${type}`;
}

function counterFacts({ counters, implementation }: ServerSnapshot, rates: Rates | null): readonly Fact[] {
  if (counters === null) {
    return [['counters', implementation === 'pylm' ? 'unknown: a pylm server does not tell' : 'unknown']];
  }
  const numbers: readonly (readonly [label: string, count: number, rate?: number | undefined])[] = [
    ['received', counters.received, rates?.received],
    ['answered', counters.answered, rates?.answered],
    ['failed', counters.failed, rates?.failed],
    ['ended here', counters.ended],
    ...(counters.cancelled ? [['cancelled', counters.cancelled] as const] : []),
    ['dropped', counters.dropped],
    ['in flight', counters.inFlight],
  ];
  const width = Math.max(...numbers.map(([, count]) => grouped(count).length));
  return numbers.map(([label, count, rate]) => {
    const perSecond = rate === undefined ? '' : `  ${grouped(rate)}/s`;
    return [label, `${grouped(count).padStart(width)}${perSecond}`];
  });
}

function workerFacts({ workers, pushedWorkers, losses }: ServerSnapshot): readonly Fact[] {
  if (workers === null) return [];
  const asking = `${grouped(workers.length)} ${workers.length === 1 ? 'asks' : 'ask'} for work`;
  const pushed = pushedWorkers ? `, ${grouped(pushedWorkers)} get work pushed` : '';
  const rows: Fact[] = workers.slice(0, SHOWN).map((worker) => ['', workerText(worker)]);
  if (workers.length > SHOWN) rows.push(['', `… ${grouped(workers.length - SHOWN)} more`]);
  const { workers: dead = 0, redelivered = 0, givenUp = 0 } = losses ?? {};
  const fate = `${grouped(redelivered)} messages given to others, ${grouped(givenUp)} given up`;
  if (dead > 0) rows.push(['died', `${grouped(dead)} ${dead === 1 ? 'worker' : 'workers'}: ${fate}`]);
  return [
    [
      'workers',
      workers.length === 0 && !pushedWorkers ? 'none: calls wait for a worker' : `${asking}${pushed}`,
    ],
    ...rows,
  ];
}

function workerText({ name, holds, silent }: WorkerState): string {
  return `${nameText(name)} holds ${grouped(holds)}, last seen ${duration(silent)} ago`;
}

const UNITS = [
  ['d', 86_400],
  ['h', 3_600],
  ['min', 60],
  ['s', 1],
] as const;

/** Milliseconds in the two largest units that are not 0: `3 h 7 min`. */
export function age(milliseconds: number): string {
  let left = Math.floor(milliseconds / 1_000);
  const parts: string[] = [];
  for (const [unit, seconds] of UNITS) {
    const count = Math.floor(left / seconds);
    left -= count * seconds;
    if (count > 0 || (unit === 's' && parts.length === 0)) parts.push(`${count} ${unit}`);
    else if (parts.length > 0) break;
    if (parts.length === 2) break;
  }
  return parts.join(' ');
}
