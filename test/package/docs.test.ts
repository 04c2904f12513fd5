/** The code of the documentation compiles against the package's types, and prints what the documentation says. */
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Server } from '../../src/cluster/index.ts';
import { EnvelopeCodec } from '../../src/protocol/envelope.ts';
import { zeromq } from '../../transports/zeromq/index.ts';
import { bytes, textOf } from '../support/bytes.ts';
import { type Block, blocksOf, pages, readPage, wholeOf } from '../support/docs.ts';
import { type PackedProject, packProject, root } from '../support/packed.ts';

const code = pages.flatMap(blocksOf).filter(({ language }) => /^(ts|js|mjs)$/.test(language));
const titled = (blocks: readonly Block[]) =>
  blocks.map((block) => [`${block.page}, block ${block.index}`, block] as const);

let project: PackedProject;

beforeAll(async () => {
  project = await packProject();
  // A schema library of the guide's own.
  project.link('valibot');
  project.link('vitest');
}, 60_000);

afterAll(() => {
  project?.remove();
});

async function findFreePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as AddressInfo;
  probe.close();
  return port;
}

describe('the code in README and docs', () => {
  let server: Server;
  let freePort = 0;

  beforeAll(async () => {
    const any = 'tcp://127.0.0.1:*';
    freePort = await findFreePort();
    server = await Server.start({
      transport: zeromq(),
      name: 'my_server',
      dbAddress: any,
      pullAddress: any,
      pubAddress: any,
      loggingLevel: 'silent',
      functions: { upper: (payload) => bytes(textOf(payload).toUpperCase()) },
    });
  });

  afterAll(async () => {
    await server?.close();
  });

  it('is there', () => {
    expect(code.length).toBeGreaterThan(20);
  });

  it('compiles against the types of the package', async () => {
    for (const block of code) {
      const folder = join(project.folder, 'docs', block.page.replaceAll(/\W/g, '-'));
      mkdirSync(folder, { recursive: true });
      const extension = block.language === 'ts' ? 'ts' : 'mjs';
      const file = block.file ?? `block${block.index}.${extension}`;
      writeFileSync(join(folder, file), `${wholeOf(block)}\nexport {};\n`);
    }
    const compilerOptions = {
      module: 'nodenext',
      target: 'esnext',
      lib: ['esnext', 'dom'],
      types: ['node'],
      strict: true,
      exactOptionalPropertyTypes: true,
      noUncheckedIndexedAccess: true,
      allowJs: true,
      checkJs: true,
      noEmit: true,
      skipLibCheck: true,
      allowImportingTsExtensions: true,
    };
    writeFileSync(
      join(project.folder, 'tsconfig.json'),
      JSON.stringify({ compilerOptions, include: ['docs'] }),
    );
    const tsc = join(root, 'node_modules/typescript/bin/tsc');
    const printed = await new Promise<string>((resolve) =>
      execFile(process.execPath, [tsc, '-p', project.folder], { cwd: project.folder }, (_, stdout, stderr) =>
        resolve(stdout + stderr),
      ),
    );
    expect(printed).toBe('');
  });

  const printing = code.filter(({ printed }) => printed !== undefined);

  it.each(titled(printing))('%s prints what it says', async (_, block) => {
    const closes = /\bclient\.close\(/.test(block.text) || !/\bconst client = /.test(wholeOf(block));
    const own = closes ? wholeOf(block) : `${wholeOf(block)}\nawait client.close();`;
    const settled = own
      .replaceAll('tcp://127.0.0.1:5555', server.dbAddress)
      .replaceAll('7766', String(freePort));
    const loader = pathToFileURL(join(root, 'node_modules/tsx/dist/loader.mjs')).href;
    const name = `${block.page.replaceAll(/\W/g, '-')}-${block.index}.ts`;
    expect(await project.node(name, settled, ['--import', loader])).toBe(block.printed);
  });
});

describe('README', () => {
  it('has the command that runs the demo and the command that runs the tests, as its first block', () => {
    const [, first] = readFileSync(join(root, 'README.md'), 'utf8').split('```sh\n');
    const commands = first
      ?.split('```')[0]
      ?.trim()
      .split('\n')
      .map((line) => line.split('#')[0]?.trim());
    expect(commands).toEqual(['npm ci && npm start', 'npm ci && npm test']);
  });
});

describe('the guide', () => {
  it('names every error code', async () => {
    const errors = readPage('docs/guide/errors.md');
    const source = readPage('src/protocol/errors.ts');
    for (const [, own] of source.matchAll(/^ {2}\| '(\w+)'/gm)) expect(errors).toContain(`\`${own}\``);
  });

  it("names every argument of pylm's client", () => {
    const forPylm = readPage('docs/guide/pylm-users.md');
    const options = readPage('src/client/connect-options.ts');
    const names = [
      'serverName',
      'dbAddress',
      'pushAddress',
      'subAddress',
      'session',
      'loggingLevel',
      'thisConfig',
    ];
    for (const name of names) {
      expect(options).toContain(`readonly ${name}`);
      expect(forPylm).toContain(name);
    }
  });

  it('has an envelope, byte by byte, that is one', () => {
    const [example] = blocksOf('docs/protocol/palm.md').filter(({ text }) => text.startsWith('0a 01 70'));
    const hex = [...(example?.text ?? '').matchAll(/^((?:[0-9a-f]{2} )+) /gm)]
      .map(([, own = '']) => own)
      .join('');
    const frame = Uint8Array.from(hex.trim().split(' '), (byte) => Number.parseInt(byte, 16));
    const { pipeline, client, function: path, payload, features } = new EnvelopeCodec().decode(frame);
    expect({ pipeline, client, path, payload: textOf(payload), features }).toEqual({
      pipeline: 'p',
      client: 'me/1',
      path: 'server.upper',
      payload: 'hi',
      features: 1,
    });
  });
});
