/** `--priority` of eval, job and map: checked before anything is sent, and granted by a relay. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Server } from '../../src/cluster/index.ts';
import { readPriority } from '../../src/protocol/priority.ts';
import { zmtp } from '../../transports/zmtp/index.ts';
import { bytes } from '../support/bytes.ts';
import { here } from '../support/in-process.ts';
import { expectFailure } from './failure.ts';
import { Running } from './running.ts';

let server: Server;
const folder = mkdtempSync(join(tmpdir(), 'frond-priority-'));
beforeAll(async () => {
  server = await Server.start({
    transport: zmtp(),
    name: 'test',
    dbAddress: 'tcp://127.0.0.1:*',
    loggingLevel: 'silent',
    functions: { of: (_payload, { message }) => bytes(String(readPriority(message.unknown))) },
  });
});
afterAll(async () => {
  await server.close();
  rmSync(folder, { recursive: true });
});

const calls = [
  ['eval', 'test.of', 'x'],
  ['job', 'test.of'],
  ['map', 'test.of'],
];

test.each(calls)('frond %s gives it to the server', async (...call) => {
  const read = async (...argv: string[]) => {
    const { code, stdout, stderr } = await here([...call, '--db', server.dbAddress, ...argv], { stdin: 'x' });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    return stdout.toString().trim();
  };
  expect(await read()).toBe('0');
  for (const priority of ['9', '1', '0', '-1', '-9']) {
    expect(await read('--priority', priority)).toBe(priority);
    expect(await read(`--priority=${priority}`)).toBe(priority);
  }
});

test.each(calls)('frond %s refuses another one before it connects', async (...call) => {
  for (const priority of ['10', '-10', '1.5', 'high', '', '+1', '0x1'])
    expectFailure(
      await here([...call, '--db', 'tcp://127.0.0.1:1', `--priority=${priority}`]),
      2,
      new RegExp(
        `^frond: USAGE: --priority must be a whole number from -9 to 9, not "${priority.replace('+', '.')}"`,
      ),
    );
});

test('through a relay what is above 0 must be granted', async () => {
  const tokens = join(folder, 'tokens.json');
  const urgent = 'an example of 16 characters';
  const grants = { name: 'urgent', token: urgent, servers: ['test'], functions: ['test.*'], priority: 4 };
  writeFileSync(tokens, JSON.stringify({ tokens: [grants] }));
  const own = ['--server', `test=${server.dbAddress}`, '--allow', 'test.*', '--tokens', tokens];
  await using relay = new Running(['relay', '--listen', '127.0.0.1:*', '--http', '--json', ...own]);
  const { url } = JSON.parse(await relay.line(/"url"/)) as { readonly url: string };
  const read = (priority: string, ...argv: string[]) =>
    here(['eval', 'test.of', 'x', '--relay', url, '--priority', priority, ...argv]);
  expect((await read('-3')).stdout.toString()).toBe('-3');
  expectFailure(await read('1'), 5, /FORBIDDEN: .*a priority of 0 here at most, not 1/);
  expect((await read('4', '--token', urgent)).stdout.toString()).toBe('4');
  expectFailure(await read('5', '--token', urgent), 5, /FORBIDDEN: .*a priority of 4 here at most, not 5/);
});
