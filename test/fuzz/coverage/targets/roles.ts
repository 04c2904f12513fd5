import { isRoleName, listOf, readDefinition, readWorker, shapeOf } from '../../../../cli/roles/definition.ts';
import { isName } from '../../../../src/protocol/function-path.ts';
import { zeromq } from '../../../../transports/zeromq/index.ts';
import { bytes } from '../../../support/bytes.ts';
import { claim, claimBounded, claimPlain, readOr } from '../claims.ts';
import { type Target, textIn } from '../target.ts';

const A = 'tcp://127.0.0.1:5555';
/** A string that stands for a function in the JSON of an input. */
const FUNCTION = '()';

const SEEDS: readonly unknown[] = [
  { role: 'server', name: 's', dbAddress: A, pullAddress: A, pubAddress: A, functions: { upper: FUNCTION } },
  [
    {
      role: 'master',
      name: 'm',
      dbAddress: A,
      pullAddress: A,
      pubAddress: A,
      workerPullAddress: A,
      workerPushAddress: A,
    },
    { role: 'worker', dbAddress: A, functions: { a: FUNCTION }, concurrency: 4, timeout: 5_000 },
  ],
  {
    role: 'hub',
    name: 'h',
    subAddress: A,
    previous: 's',
    dbAddress: A,
    pubAddress: A,
    workerPullAddress: A,
    workerPushAddress: A,
  },
  {
    role: 'sink',
    name: 'k',
    subAddresses: [A, A],
    previous: ['a', 'b'],
    dbAddress: A,
    pubAddress: A,
    toClient: false,
  },
  {
    role: 'pipeline',
    name: 'p',
    subAddress: A,
    previous: 's',
    dbAddress: A,
    pubAddress: A,
    loggingLevel: 'debug',
  },
  { upper: FUNCTION, lower: FUNCTION },
];

/** Role definitions, as modules of `frond serve` and `frond worker` export them. */
export const target: Target = {
  longest: 1_024,
  seeds: () => [
    ...SEEDS.map((seed) => bytes(JSON.stringify(seed))),
    bytes(`{"__proto__":{"role":"server"},"name":"x"}`),
  ],
  words: [
    ...[
      'role',
      'name',
      'dbAddress',
      'pullAddress',
      'pubAddress',
      'subAddress',
      'subAddresses',
      'previous',
      'functions',
    ].map((key) => `"${key}":`),
    ...[
      'workerPullAddress',
      'workerPushAddress',
      'concurrency',
      'heartbeat',
      'workerTimeout',
      'maxDeliveries',
      'scatter',
    ].map((key) => `"${key}":`),
    ...[
      'pipelined',
      'toClient',
      'loggingLevel',
      'logger',
      'store',
      'includeStack',
      '__proto__',
      'constructor',
      'toString',
    ].map((key) => `"${key}":`),
    ...[
      '"server"',
      '"master"',
      '"hub"',
      '"sink"',
      '"pipeline"',
      '"worker"',
      `"${A}"`,
      `"${FUNCTION}"`,
      'null',
      '\\ud800',
    ],
  ],
  check(data) {
    const gift = withFunctions(textIn(data));
    if (gift === undefined) return;
    const checks = { file: 'roles.mjs', transport: zeromq() };
    const worker = readOr(() => readWorker(gift, {}, checks), 'MODULE');
    if (worker !== undefined) checkDefinition({ ...worker }, data);
    const list = readOr(() => listOf(gift, 'roles.mjs'), 'MODULE') ?? [];
    for (const [index, value] of list.entries()) {
      const read = readOr(() => readDefinition(value, `[${index}]`, {}, checks), 'MODULE');
      if (read !== undefined) checkDefinition({ ...read }, data);
    }
  },
};

function checkDefinition(definition: Readonly<Record<string, unknown>>, data: Uint8Array): void {
  const { role, name, loggingLevel, functions, concurrency } = definition;
  claim(Object.hasOwn(definition, 'role') && isRoleName(role), 'the role is inherited or unknown');
  claimBounded(definition, data, 64);
  claimPlain(definition);
  for (const key of Object.keys(definition)) {
    const isKnown = key === 'role' || Object.hasOwn(shapeOf(role), key) || definition[key] === undefined;
    claim(isKnown, `${key} is accepted as an option`);
  }
  for (const [key, kind] of Object.entries(shapeOf(role))) {
    claim(Object.hasOwn(definition, key) || kind.isOptional, `${key} is inherited`);
  }
  claim(
    name === undefined || (typeof name === 'string' && isName(name)),
    `${JSON.stringify(name)} is accepted as a name`,
  );
  claim(loggingLevel === undefined || typeof loggingLevel === 'string', 'the logging level is not a string');
  claim(concurrency === undefined || Number(concurrency) >= 1, 'concurrency is below 1');
  for (const [own, run] of Object.entries(functions ?? {})) {
    claim(typeof run === 'function' && isName(own), `${JSON.stringify(own)} is accepted as a function`);
  }
}

/** Parses JSON, with a function in place of each {@link FUNCTION}. */
function withFunctions(text: string): unknown {
  try {
    const run = (payload: Uint8Array) => payload;
    return JSON.parse(text, (_, value) => (value === FUNCTION ? run : value));
  } catch {
    return undefined;
  }
}
