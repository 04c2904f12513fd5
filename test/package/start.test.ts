/** Node loads frond quickly: it reads few files, and msgpackr's code runs only in programs that use it. */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

const run = promisify(execFile);
const dist = (path: string) => fileURLToPath(new URL(`../../dist/${path}`, import.meta.url));

/** When it runs, msgpackr makes a decoder without arguments. frond's own decoders have some. */
const PROGRAM = `
  let made = 0;
  globalThis.TextDecoder = class extends TextDecoder {
    constructor(...args) {
      super(...args);
      if (args.length === 0) made++;
    }
  };
  const { msgpack } = LOAD;
  const before = made;
  const codec = msgpack();
  console.log(JSON.stringify([before, made, codec.decode(codec.encode({ a: [1, 'x', null] }))]));
`;

it.each([
  ['ESM', 'module', `await import(${JSON.stringify(dist('node/index.js'))})`],
  ['CommonJS', 'commonjs', `require(${JSON.stringify(dist('cjs/index.cjs'))})`],
])('in %s, msgpackr runs when the codec is first asked for', async (_, type, load) => {
  const args = [`--input-type=${type}`, '--eval', PROGRAM.replace('LOAD', () => load)];
  const { stdout } = await run(process.execPath, args, { timeout: 30_000 });
  expect(JSON.parse(stdout)).toEqual([0, 1, { a: [1, 'x', null] }]);
});

/** Files of the package that a program loads with an entry, before it does anything. */
function filesOf(entry: string, found = new Set<string>()): Set<string> {
  if (found.has(entry)) return found;
  found.add(entry);
  const code = readFileSync(dist(entry), 'utf8');
  for (const [, file] of code.matchAll(/^(?:import|export)\b[^;]*?"(\.[^"]+)";$/gm))
    filesOf(join(dirname(entry), file ?? ''), found);
  return found;
}

it.each([
  ['index', ['core']],
  ['zmtp', ['core', 'zmtp']],
  ['zeromq', ['core', 'zeromq']],
  ['websocket', ['core', 'node', 'session', 'websocket']],
])('the entry %s reads %j and no code that only some programs use', (entry, own) => {
  const shared = [...filesOf(`node/${entry}.js`)].filter((file) => file.startsWith('node/shared/'));
  const names = shared.map((file) => file.replace(/^node\/shared\/(.+)-[\w-]{8}\.js$/, '$1'));
  expect(names.sort()).toEqual(own);
});
