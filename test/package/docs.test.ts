/** Every piece of TypeScript in the README runs, in order, against a server as the README speaks of it. */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Server } from '../../src/cluster/index.ts';
import { zeromq } from '../../transports/zeromq/index.ts';
import { bytes, textOf } from '../support/bytes.ts';
import { type PackedProject, packProject, root } from '../support/packed.ts';

const readme = readFileSync(join(root, 'README.md'), 'utf8');
/** Without the server of the quick start, which runs until Ctrl-C: test/install runs it. */
const snippets = [...readme.matchAll(/```(?:ts|mjs)\n([\s\S]*?)```/g)]
  .map((match) => match[1] ?? '')
  .filter((snippet) => !snippet.includes('until Ctrl-C'));
const [quickStart = ''] = snippets;
/** What the later ones go on from: connecting, and `words`. */
const preamble = quickStart.slice(0, quickStart.indexOf('console.log'));

const printed: Readonly<Record<number, string>> = {
  0: 'HELLO\nA\nB\nC\nfestina lente',
  1: "[ 'A', 'B', 'C' ]",
  2: 'HELLO',
  4: 'ONE 3\nTWO 3\nTHREE 3\n0 FOUR\n1 INVALID_CALL\n2 SIX',
  5: "{ text: 'typed' }\n[ 1, 2, 3 ]",
  7: 'Uint8Array(1) [ 7 ]',
  9: 'alice/ 5 bytes',
};

async function findFreePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as AddressInfo;
  probe.close();
  return port;
}

describe('the README', () => {
  let project: PackedProject;
  let server: Server;
  let freePort = 0;

  beforeAll(async () => {
    project = await packProject();
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
    project?.remove();
  });

  it('has them', () => {
    expect(snippets.length).toBeGreaterThan(6);
    expect(preamble).toContain('words');
  });

  it.each(snippets.map((snippet, index) => [index, snippet] as const))(
    'snippet %i runs',
    async (index, snippet) => {
      const isWhole = /Server\.start|Client\.connect/.test(snippet);
      const code = `${isWhole ? snippet : `${preamble}\n${snippet}\nawait client.close();`}`
        .replaceAll('tcp://127.0.0.1:5555', server.dbAddress)
        .replaceAll('7766', String(freePort));
      const loader = pathToFileURL(join(root, 'node_modules/tsx/dist/loader.mjs')).href;
      const output = await project.node(`snippet${index}.ts`, code, ['--import', loader]);
      // Servers and relays that go down say so behind it.
      expect(output).toContain(printed[index] ?? '');
    },
  );

  it('names every option and error code there is', () => {
    const client = readFileSync(join(root, 'src/client/connect-options.ts'), 'utf8');
    const errors = readFileSync(join(root, 'src/protocol/errors.ts'), 'utf8');
    for (const [, code] of errors.matchAll(/^ {2}\| '(\w+)'/gm)) expect(readme).toContain(`\`${code}\``);
    const pylmArguments = [
      'serverName',
      'dbAddress',
      'pushAddress',
      'subAddress',
      'session',
      'loggingLevel',
      'thisConfig',
    ];
    for (const name of pylmArguments) {
      expect(client).toContain(`readonly ${name}`);
      expect(readme).toContain(name);
    }
  });
});
