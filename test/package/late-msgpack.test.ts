/** Node loads frond quickly: msgpackr's code runs only in programs that use it. */
import { execFile } from 'node:child_process';
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
