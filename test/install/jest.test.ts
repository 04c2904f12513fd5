/** In tests of jest as it is set up by itself: CommonJS, in a context where `import()` needs a flag. */
import { writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { expect, inject, it } from 'vitest';
import { run } from './run.ts';

const TESTS = `
  const { Client, text } = require('frond');
  const { Server } = require('frond/cluster');
  const { memory } = require('frond/memory');
  const { createRelay } = require('frond/relay');
  const { websocket } = require('frond/websocket');
  const { zeromq } = require('frond/zeromq');
  const { createServer } = require('node:http');

  const start = (transport, any) =>
    Server.start({ transport, name: 's', dbAddress: any, pullAddress: any, pubAddress: any, loggingLevel: 'silent' });

  test('zeromq, and a map', async () => {
    const server = await start(zeromq(), 'tcp://127.0.0.1:*');
    const client = await Client.connect({ transport: zeromq(), dbAddress: server.dbAddress });
    const answers = [];
    for await (const answer of client.with(text()).map('s.echo', ['a', 'b'])) answers.push(answer);
    expect(answers).toEqual(['a', 'b']);
    await client.close();
    await server.close();
  });

  test('a relay, and a client on ws', async () => {
    delete globalThis.WebSocket;
    const transport = memory();
    const server = await start(transport, 'memory://*');
    const http = createServer();
    const relay = await createRelay({ server: http, transport, servers: { s: { dbAddress: server.dbAddress } },
      anonymous: { servers: ['s'], functions: ['s.*'] }, loggingLevel: 'silent' });
    await new Promise((resolve) => http.listen(0, '127.0.0.1', resolve));
    const url = 'ws://127.0.0.1:' + http.address().port;
    const client = await Client.connect({ transport: websocket(url), serverName: 's' });
    expect(await client.with(text()).eval('s.echo', 'far')).toBe('far');
    await client.close();
    await relay.close();
    http.close();
    await server.close();
  });
`;

it('loads zeromq and ws, which are installed', async () => {
  const { folder } = inject('full');
  writeFileSync(join(folder, 'tour.test.cjs'), TESTS);
  const config = { testMatch: ['**/tour.test.cjs'], transform: {}, rootDir: folder };
  const jest = createRequire(import.meta.url).resolve('jest/bin/jest');
  const args = [jest, '--config', JSON.stringify(config), '--ci', '--watchman=false', '--forceExit'];
  const { code, stderr } = await run(process.execPath, args, { cwd: folder });
  expect(stderr).toMatch(/Tests: +2 passed, 2 total/);
  expect(code).toBe(0);
});
