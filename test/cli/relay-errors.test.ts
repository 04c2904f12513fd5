/** What `frond relay` refuses, and how it says so. */
import { rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { afterAll, beforeAll, test } from 'vitest';
import { here } from '../support/in-process.ts';
import { Modules } from '../support/service.ts';
import { expectFailure } from './failure.ts';

let files: Modules;

beforeAll(async () => {
  files = await Modules.make();
});

afterAll(() => files[Symbol.asyncDispose]());

const demo = ['--server', 'demo=tcp://127.0.0.1:5555'];
const allowed = [...demo, '--allow', 'demo.*'];
test.each([
  [[], /USAGE: no server is given: give --server NAME=ADDRESS/],
  [demo, /USAGE: nobody could connect: give --tokens FILE, or --allow PATTERN/],
  [['--server', 'demo'], /USAGE: --server must be NAME=ADDRESS, .* not "demo"/],
  [['--server', 'a.b=tcp://a:1'], /USAGE: --server must be NAME=ADDRESS/],
  [['--server', 'demo=localhost'], /USAGE: --server demo: over ZeroMQ an address is/],
  [[...demo, ...demo], /USAGE: --server demo is given twice/],
  [[...demo, '--allow', 'demo'], /USAGE: --allow must be 'server\.function'/],
  [
    [...demo, '--allow', 'dmo.*'],
    /USAGE: --allow "dmo\.\*" names no server of this relay; did you mean demo\?/,
  ],
  [[...demo, '--cache', 'read'], /USAGE: --cache needs --allow/],
  [[...allowed, '--cache', 'raed'], /USAGE: --cache must be none, .* not "raed"; did you mean read\?/],
  [[...allowed, '--origin', 'https://a.example/'], /USAGE: --origin must be an origin such as/],
  [[...allowed, '--origin', '*'], /USAGE: --origin must be an origin such as/],
  [[...allowed, '--listen', '7766'], /USAGE: --listen must be host:port, such as .* not "7766"/],
  [[...allowed, '--metrics', 'x'], /USAGE: --metrics must be host:port, such as .* not "x"/],
  [[...allowed, '--listen', 'a:99999'], /USAGE: --listen must be host:port/],
  [[...allowed, '--server-key', 'short'], /INVALID_CALL: curve\.serverKey must be 40 characters/],
  [[...demo, '--tokens', '/nowhere/t.json'], /INPUT: "\/nowhere\/t\.json" cannot be read: ENOENT/],
  [['--config', '/nowhere/r.json'], /INPUT: "\/nowhere\/r\.json" cannot be read: ENOENT/],
  [['extra'], /USAGE: "extra" is one argument too many/],
] as const)('%j', async (args, error) => {
  expectFailure(await here(['relay', ...args]), 2, error);
});

test('a port that is taken, and keys that are none', async () => {
  const taken = createServer();
  await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
  const address = taken.address();
  const port = typeof address === 'object' ? address?.port : undefined;
  const ended = await here(['relay', ...allowed, '--listen', `127.0.0.1:${port}`]);
  taken.close();
  expectFailure(
    ended,
    2,
    /^frond: INVALID_CALL: cannot listen at .*EADDRINUSE.*\n {2}try: end the process that uses it/,
  );
  await files.write('cert.pem', 'none');
  await rm(join(files.folder, 'key.pem'), { force: true });
  const tls = { cert: 'cert.pem', key: 'key.pem' };
  const config = await files.write('tls.json', JSON.stringify({ tls }));
  const without = await here(['relay', ...allowed, '--config', config]);
  expectFailure(without, 2, /^frond: INPUT: ".*key\.pem" cannot be read: ENOENT/);
  await files.write('key.pem', 'none');
  const wrong = await here(['relay', ...allowed, '--config', config]);
  expectFailure(wrong, 2, /^frond: INPUT: ".*cert\.pem" and ".*key\.pem" are not a certificate and its key/);
});

test.each([
  [
    { anonymous: { servers: ['demi'] } },
    /anonymous\.servers names "demi", which is not a server of this relay; did you mean demo\?/,
  ],
  [
    { anonymous: { servers: ['demo', 'x*'] } },
    /anonymous\.servers names "x\*", which is not a server of this relay/,
  ],
  [
    { anonymous: { servers: ['*'], functions: ['*.echo', '*', 'dem.upper'] } },
    /anonymous\.functions names "dem", which is not a server of this relay; did you mean demo\?/,
  ],
  [
    {
      servers: { other: { dbAddress: 'tcp://127.0.0.1:1', functions: ['oter.f'] } },
      anonymous: { servers: ['*'] },
    },
    /servers\.other\.functions names "oter", which is not a server of this relay; did you mean other\?/,
  ],
])('names in the config file that refer to nothing: %j', async (content, error) => {
  const config = await files.write('names.json', JSON.stringify(content));
  expectFailure(await here(['relay', ...demo, '--config', config]), 2, error);
});

test('a config file at fault', async () => {
  const config = await files.write('bad.json', '{ "servers": { "demo": { "dbAddress": 5 } } }');
  const ended = await here(['relay', '--config', config]);
  expectFailure(ended, 2, /^frond: INPUT: ".*bad\.json": servers\.demo\.dbAddress must be an address/);
  const far = join(files.folder, 'far.json');
  await writeFile(far, '{ "servers": { "demo": "localhost" } }');
  expectFailure(
    await here(['relay', '--config', far]),
    2,
    /^frond: INPUT: .*: servers\.demo: over ZeroMQ an address is/,
  );
});
