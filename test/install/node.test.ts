/** What npm puts there, and what it does in Node. */
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, inject, it } from 'vitest';
import { run } from './run.ts';

const bare = inject('bare');
const full = inject('full');

/** Runs code as a file of a project, and gives what it prints. */
async function node(folder: string, file: string, code: string): Promise<string> {
  writeFileSync(join(folder, file), code);
  const { stdout, stderr } = await run(process.execPath, [file], { cwd: folder });
  expect(stderr).toBe('');
  return stdout.trim();
}

const tour = `
  const any = 'tcp://127.0.0.1:*';
  const server = await Server.start({ transport: zeromq(), name: 's', dbAddress: any, pullAddress: any, pubAddress: any,
    loggingLevel: 'silent' });
  const http = createServer();
  const relay = await createRelay({ server: http, transport: zeromq(), servers: { s: { dbAddress: server.dbAddress } },
    anonymous: { servers: ['s'], functions: ['s.*'] }, loggingLevel: 'silent' });
  await new Promise((resolve) => http.listen(0, '127.0.0.1', resolve));
  const url = 'ws://127.0.0.1:' + http.address().port;
  const near = await Client.connect({ transport: zeromq(), serverName: 's', dbAddress: server.dbAddress });
  const far = await Client.connect({ transport: websocket(url), serverName: 's' });
  console.log(await near.with(text()).eval('s.echo', 'near'), await far.with(text()).eval('s.echo', 'far'));
  await far.close();
  await near.close();
  await relay.close();
  http.close();
  await server.close();`;

const names = [
  ['Client, text', 'frond'],
  ['Server', 'frond/cluster'],
  ['nats', 'frond/nats'],
  ['zeromq', 'frond/zeromq'],
  ['zmtp', 'frond/zmtp'],
  ['websocket', 'frond/websocket'],
  ['createRelay', 'frond/relay'],
  ['createServer', 'node:http'],
] as const;

describe('npm install', () => {
  it('warns of nothing', () => {
    expect(bare.printed).toMatch(/added 1 package/);
    expect(bare.printed).not.toMatch(/warn|deprecated|ERR/i);
    expect(bare.printed).not.toMatch(/[1-9]\d* vulnerabilit/);
  });

  it('warns of nothing of frond beside zeromq and ws, and of no peer that does not fit', () => {
    // Newer npm says that the install script of zeromq was not run, which brings its binary in the package.
    const lines = full.printed.split('\n').filter((line) => /warn|deprecated|ERR|peer/i.test(line));
    expect(lines.filter((line) => !line.startsWith('npm warn install-scripts'))).toEqual([]);
    expect(lines.join('\n')).not.toMatch(/frond|\bws\b/);
  });

  it('brings frond and nothing else', async () => {
    const { code, stdout } = await run('npm', ['ls', '--omit=dev', '--omit=optional'], {
      cwd: bare.folder,
    });
    expect(code).toBe(0);
    expect(stdout.trim().split('\n').slice(1)).toEqual([expect.stringMatching(/^└── frond@\d+\.\d+\.\d+$/)]);
    expect(readdirSync(join(bare.folder, 'node_modules')).filter((name) => !name.startsWith('.'))).toEqual([
      'frond',
    ]);
  });

  it('brings the terms of what is in the bundles, and no sources or tests', () => {
    const frond = join(bare.folder, 'node_modules/frond');
    const licences = readFileSync(join(frond, 'dist/THIRD_PARTY_LICENSES.txt'), 'utf8');
    for (const name of ['msgpackr', 'nanoid', 'valibot', 'ws', 'mrmime'])
      expect(licences).toMatch(
        new RegExp(`^${name}\\n\\n[^]*?(MIT|Apache|Permission is hereby granted)`, 'm'),
      );
    expect(readdirSync(frond).sort()).toEqual(
      ['CHANGELOG.md', 'LICENSE', 'README.md', 'dist', 'docs', 'package.json'].sort(),
    );
  });
});

describe('in Node', () => {
  it('runs as ESM', async () => {
    const imports = names.map(([what, from]) => `import { ${what} } from '${from}';`).join('\n');
    expect(await node(full.folder, 'esm.mjs', imports + tour)).toBe('near far');
  });

  it('runs with require', async () => {
    const requires = names.map(([what, from]) => `const { ${what} } = require('${from}');`).join('\n');
    expect(await node(full.folder, 'cjs.cjs', `${requires} (async () => {${tour}})();`)).toBe('near far');
  });

  it('has what needs no other package, without any', async () => {
    const code = `import { Client, text } from 'frond'; import { Server } from 'frond/cluster'; import { memory } from 'frond/memory';
      const transport = memory();
      const at = (name) => 'memory://' + name;
      const server = await Server.start({ transport, name: 's', dbAddress: at(1), pullAddress: at(2), pubAddress: at(3), loggingLevel: 'silent' });
      const client = await Client.connect({ transport, dbAddress: server.dbAddress });
      console.log(await client.with(text()).eval('s.echo', 'within'));
      await client.close();
      await server.close();`;
    expect(await node(bare.folder, 'memory.mjs', code)).toBe('within');
  });

  it('speaks ZeroMQ without any', async () => {
    const code = `import { Client, text } from 'frond'; import { Server } from 'frond/cluster'; import { zmtp } from 'frond/zmtp';
      const any = 'tcp://127.0.0.1:*';
      const transport = zmtp();
      const server = await Server.start({ transport, name: 's', dbAddress: any, pullAddress: any, pubAddress: any, loggingLevel: 'silent' });
      const client = await Client.connect({ transport, dbAddress: server.dbAddress });
      console.log(await client.with(text()).eval('s.echo', 'over sockets'));
      await client.close();
      await server.close();`;
    expect(await node(bare.folder, 'zmtp.mjs', code)).toBe('over sockets');
  });

  const missing = `
    const told = (error) => console.log(error instanceof PalmError, error.code, error.message);
    (async () => {
      await zeromq().open().catch(told);
      await nats().open().catch(told);
      await createRelay({ server: createServer(), transport: memory(), servers: {} }).catch(told);
      delete globalThis.WebSocket;
      await websocket('ws://127.0.0.1:1/').open().catch(told);
    })();`;
  const needing = [...names, ['PalmError', 'frond'], ['memory', 'frond/memory']] as const;

  it.each([
    ['esm', 'missing.mjs', needing.map(([what, from]) => `import { ${what} } from '${from}';`)],
    ['require', 'missing.cjs', needing.map(([what, from]) => `const { ${what} } = require('${from}');`)],
  ])('names what is missing, and the command that installs it: %s', async (_, file, lines) => {
    const told = (await node(bare.folder, file, lines.join('\n') + missing)).split('\n');
    expect(told).toEqual([
      expect.stringMatching(/^true INVALID_CALL .*npm install zeromq/),
      expect.stringMatching(/^true INVALID_CALL .*npm install @nats-io\/transport-node/),
      expect.stringMatching(/^true INVALID_CALL .*npm install ws/),
      expect.stringMatching(/^true INVALID_CALL .*npm install ws/),
    ]);
  });
});

describe('a package that is there and fails', () => {
  it.each(['mjs', 'cjs'])('is not said to be missing, but why it fails: %s', async (extension) => {
    const folder = join(dirname(bare.folder), `broken-${extension}`);
    cpSync(bare.folder, folder, { recursive: true });
    for (const name of ['zeromq', 'ws']) {
      mkdirSync(join(folder, 'node_modules', name));
      writeFileSync(
        join(folder, 'node_modules', name, 'index.js'),
        `throw new Error('no binary of ${name}\\n at x');`,
      );
    }
    const wanted = [...names, ['PalmError', 'frond'], ['memory', 'frond/memory']] as const;
    const lines = wanted.map(([what, from]) =>
      extension === 'mjs' ? `import { ${what} } from '${from}';` : `const { ${what} } = require('${from}');`,
    );
    const code = `${lines.join('\n')}
      const told = (error) => console.log(error.code, error.message, error.cause instanceof Error);
      (async () => {
        await zeromq().open().catch(told);
        await createRelay({ server: createServer(), transport: memory(), servers: {} }).catch(told);
        delete globalThis.WebSocket;
        await websocket('ws://127.0.0.1:1/').open().catch(told);
      })();`;
    const told = (await node(folder, `broken.${extension}`, code)).split('\n');
    expect(told).toEqual(
      ['zeromq', 'ws', 'ws'].map((name) =>
        expect.stringMatching(
          `^INVALID_CALL .* needs the package ${name}, which is installed but does not load: no binary of ${name} true$`,
        ),
      ),
    );
  });
});

describe('the command', () => {
  it('is there', async () => {
    const { code, stdout } = await run('npx', ['--no', '--', 'frond', '--version'], { cwd: bare.folder });
    const { version } = JSON.parse(
      readFileSync(join(bare.folder, 'node_modules/frond/package.json'), 'utf8'),
    );
    expect({ code, stdout }).toEqual({ code: 0, stdout: `${version}\n` });
  });

  it('says what to install where --native needs zeromq', async () => {
    const args = ['--no', '--', 'frond', 'eval', 's.echo', 'x', '--db', 'tcp://127.0.0.1:1', '--native'];
    const { code, stderr } = await run('npx', args, { cwd: bare.folder });
    expect(code).toBe(2);
    expect(stderr).toContain('frond: USAGE: --native needs the package zeromq, which is not installed');
    expect(stderr).toContain('\n  try: npm install frond zeromq, or leave out --native\n');
    expect(existsSync(join(bare.folder, 'node_modules/zeromq'))).toBe(false);
  });
});
