/** Servers in processes that are killed. */
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Client, text } from '../../src/index.ts';
import { nats } from '../../transports/nats/index.ts';
import { NatsServer } from '../support/nats-server.ts';
import { startScript } from '../support/processes.ts';
import { eventually, within } from '../support/wait.ts';

let server: NatsServer;
beforeAll(async () => {
  server = await NatsServer.start();
});
afterAll(() => server[Symbol.asyncDispose]());

const start = () => startScript(fileURLToPath(new URL('server-process.ts', import.meta.url)), [server.url]);

it('the death of a server is told within seconds, and the next one at its address is found', async () => {
  const first = await start();
  const transport = nats({ servers: server.url, heartbeat: 200 });
  await using connected = await Client.connect({
    transport,
    dbAddress: 'nats:server',
    loggingLevel: 'silent',
  });
  const client = connected.with(text());
  expect(await client.eval('server.upper', 'x')).toBe('X');
  const hanging = client.eval('server.hang', 'x').catch((error: unknown) => error);
  await within(10_000, first.prints('hangs'), 'the call at the server');
  first.signal('SIGKILL');
  const died = performance.now();
  expect(await within(10_000, hanging, 'the end of the call')).toMatchObject({ code: 'DISCONNECTED' });
  expect(performance.now() - died).toBeLessThan(5_000);
  const second = await start();
  await eventually(
    async () =>
      (await client.eval('server.pid', '', { timeout: 2_000 }).catch(() => '')) === String(second.pid),
    20_000,
  );
  await second.close();
});
