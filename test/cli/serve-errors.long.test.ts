/** What `frond serve` refuses, and how it says so. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { frond, objectsOf } from '../support/command.ts';
import { freeAddress } from '../support/ports.ts';
import { Modules, SERVER, Service } from '../support/service.ts';
import { expectFailure } from './failure.ts';

let modules: Modules;

beforeAll(async () => {
  modules = await Modules.make();
});

afterAll(() => modules[Symbol.asyncDispose]());

const role = (text: string) => `const ANY = 'tcp://127.0.0.1:*'; export default ${text};`;

test.each([
  [
    'no default export',
    'export const server = {};',
    /MODULE: ".*" has no default export; it exports server\n {2}try: write: export default …/,
  ],
  ['no export at all', '', /MODULE: ".*" has no default export; it exports nothing/],
  [
    'no object',
    role('5'),
    /MODULE: ".*" must export \{ role, name, dbAddress, … \} or a list of such objects, not 5/,
  ],
  ['nothing of a function', role('() => {}'), /MODULE: .* not undefined/],
  ['an empty list', role('[]'), /MODULE: ".*" exports an empty list/],
  [
    'an item of a list',
    role("[{ role: 'worker', dbAddress: 'tcp://a:1' }, 'x']"),
    /MODULE: ".*", item 2 must export .* not "x"/,
  ],
  ['no role', role("{ name: 'x' }"), /MODULE: ".*" lacks role, which must be server, pipeline, /],
  [
    'functions alone',
    role('{ upper: () => 1 }'),
    /lacks role.*\n {2}try: frond worker runs a module that exports only functions/,
  ],
  [
    'a role there is not',
    role("{ role: 'servr' }"),
    /MODULE: ".*": role must be .*, not "servr"; did you mean server\?/,
  ],
  [
    'a key that is missing',
    role("{ role: 'server', name: 'x' }"),
    /MODULE: ".*": server "x" lacks dbAddress, which must be an address/,
  ],
  [
    'a key there is not',
    role("{ role: 'server', name: 'x', dbAdress: ANY }"),
    /server "x": a server has no dbAdress; did you mean dbAddress\?/,
  ],
  [
    'a name that is none',
    role("{ role: 'server', name: 'a b', dbAddress: ANY, pullAddress: ANY, pubAddress: ANY }"),
    /name must be a string without dots or spaces, not "a b"/,
  ],
  [
    'an address that is none',
    role("{ role: 'server', name: 'x', dbAddress: ANY, pullAddress: 'localhost:5', pubAddress: ANY }"),
    /server "x": pullAddress: over ZeroMQ an address is .* not "localhost:5"/,
  ],
  [
    'a list of one address',
    role("{ role: 'sink', name: 'x', dbAddress: ANY, subAddresses: [], previous: ['a'], pubAddress: ANY }"),
    /subAddresses must be a list of addresses .*, not an empty list/,
  ],
  [
    'a function that is none',
    role(
      "{ role: 'server', name: 'x', dbAddress: ANY, pullAddress: ANY, pubAddress: ANY, functions: { up: 'up' } }",
    ),
    /functions\.up must be a function, or what fn\(…\) makes, not "up"/,
  ],
  [
    'a name that no call can say',
    role(
      "{ role: 'server', name: 'x', dbAddress: ANY, pullAddress: ANY, pubAddress: ANY, functions: { 'a.b': () => 1 } }",
    ),
    /functions: a name must not contain dots or spaces, as "a\.b" does/,
  ],
  [
    'a concurrency that is none',
    role("{ role: 'worker', dbAddress: 'tcp://a:1', concurrency: 0 }"),
    /worker: concurrency must be a whole number of at least 1, or Infinity, not 0/,
  ],
  [
    'a module that throws',
    "\nthrow new TypeError('no database');",
    /MODULE: ".*" cannot be loaded: TypeError: no database \(.*:2\)\n {2}try: --verbose/,
  ],
  [
    'a function that throws',
    role("async () => { throw new Error('no config'); }"),
    /MODULE: the function that ".*" exports threw: no config \(.*:1\)/,
  ],
  [
    'a module with wrong syntax',
    'export default { a: 1,, };',
    /cannot be loaded: SyntaxError: .*\n {2}try: node --check .* shows where/,
  ],
  [
    'a package that is missing',
    "import 'no-such-package';",
    /Cannot find package 'no-such-package'.*\n {2}try: npm install no-such-package, where/,
  ],
] as const)('%s', async (name, text, error) => {
  const file = await modules.write(`${name.replaceAll(' ', '-')}.mjs`, text);
  expectFailure(await frond(['serve', file]), 2, error);
});

test('a file that is missing, is a folder, or is no JavaScript', async () => {
  expectFailure(
    await frond(['serve', '/nowhere/x.mjs']),
    2,
    /^frond: INPUT: "\/nowhere\/x\.mjs" cannot be read: ENOENT: no such file/,
  );
  expectFailure(await frond(['serve', modules.folder]), 2, /^frond: INPUT: ".*" is not a file\n/);
  const python = await modules.write('server.py', 'print(1)');
  expectFailure(
    await frond(['serve', python]),
    2,
    /^frond: MODULE: ".*server\.py" cannot be loaded: it must be a .mjs, .js/,
  );
});

test('TypeScript runs where Node runs it, and elsewhere the error says what to do', async () => {
  const file = await modules.write('server.ts', SERVER.replace('encode = (text)', 'encode = (text: string)'));
  const runsIt = 'typescript' in process.features && process.features.typescript !== false;
  if (!runsIt) {
    expectFailure(
      await frond(['serve', file]),
      2,
      /^frond: MODULE: .* does not run TypeScript\n {2}try: use Node 22\.18 or newer, /,
    );
    return;
  }
  await using service = new Service(['serve', file, '--json']);
  expect((await service.up()).name).toBe('test');
  expect(await service.end()).toBe(0);
});

test('a key that is none, and listed clients without encryption', async () => {
  const file = await modules.write('keys.mjs', SERVER);
  const serve = (...args: string[]) => frond(['serve', file, ...args]);
  const key = '0'.repeat(40);
  expectFailure(await serve('--allow-key', key), 2, /^frond: USAGE: --allow-key needs --secret-key KEY/);
  expectFailure(
    await serve('--secret-key', key, '--allow-key', key, '--allow-key', 'short'),
    2,
    /^frond: INVALID_CALL: --allow-key\[1\] must be 40 characters of Z85/,
  );
  expectFailure(await serve('--secret-key', 'x'), 2, /INVALID_CALL: --secret-key must be 40 characters/);
});

test('an address that is taken, and what was started before it is ended', async () => {
  const db = await freeAddress();
  const file = await modules.write('taken.mjs', SERVER);
  await using service = new Service(['serve', file, '--db', db, '--json']);
  await service.up();
  const ended = await frond(['serve', file, '--db', db]);
  expectFailure(
    ended,
    2,
    /^frond: INVALID_CALL: server "test": cannot bind tcp:\S+: .*in use.*\n {2}try: end the process that uses it, or give another port/,
  );
  const other = await modules.write('other.mjs', SERVER.replace("name: 'test'", "name: 'before'"));
  const both = await modules.write(
    'both.mjs',
    `import a from '${other}'; import b from '${file}'; export default [a, { ...b, dbAddress: '${db}' }];`,
  );
  const { code, stdout, stderr } = await frond(['serve', both, '--json']);
  expect({ code, up: objectsOf(stdout) }).toMatchObject({ code: 2, up: [{ name: 'before' }] });
  expect(objectsOf(stderr)).toMatchObject([{ error: { code: 'INVALID_CALL' } }]);
});

test('options that are for other roles, or for one alone', async () => {
  const file = await modules.write('usage.mjs', SERVER);
  expectFailure(
    await frond(['serve', file, '--sub', 'tcp://a:1']),
    2,
    /^frond: USAGE: --sub is not an option of a server, which takes --name, --db, --pull, --pub\n/,
  );
  expectFailure(
    await frond(['serve', file, file, '--name', 'x']),
    2,
    /^frond: USAGE: --name is for a single role, but there are 2: write it in the module\n/,
  );
});

test('the stack of what a module throws is for --verbose alone', async () => {
  const file = await modules.write('stack.mjs', "throw new Error('deep');");
  const { stderr } = await frond(['serve', file, '--verbose']);
  expect(stderr).toMatch(
    /^frond: MODULE: [^\n]*deep[^\n]*\n(?: {2}try:[^\n]*\n)? {2}Error: deep\n {6}at file:.*stack\.mjs:1:7/,
  );
  const asJson = await frond(['serve', file, '-v', '--json']);
  expect(objectsOf(asJson.stderr)).toMatchObject([
    { error: { code: 'MODULE', stack: expect.stringContaining('stack.mjs:1:7') } },
  ]);
});
