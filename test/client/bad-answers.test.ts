/** Answers that are not envelopes, from a server that sends them without end. */
import { expect, it } from 'vitest';
import { Client } from '../../src/index.ts';
import type { Logger } from '../../src/logging.ts';
import { memory } from '../../transports/memory/index.ts';
import { bytes } from '../support/bytes.ts';
import { startRawServer } from '../support/raw-server.ts';

it('fail their call, and are logged at their 1st, 2nd, 4th, 8th… time', async () => {
  const transport = memory();
  const garbage = new Uint8Array([0xff]);
  const frames = Array.from({ length: 99 }, () => garbage);
  await using server = await startRawServer(transport, 'memory://*', ({ client }) => [
    { topic: client, frames },
  ]);
  const told: unknown[] = [];
  const ignore = () => {};
  const logger: Logger = {
    debug: ignore,
    info: ignore,
    error: ignore,
    warning: (message, fields) => told.push(`${message} ${fields?.['times']}`),
  };
  await using client = await Client.connect({ transport, dbAddress: server.dbAddress, logger });
  await expect(client.eval('raw.f', bytes('x'))).rejects.toMatchObject({ code: 'PROTOCOL' });
  await expect(client.eval('raw.f', bytes('x'))).rejects.toMatchObject({ code: 'PROTOCOL' });
  expect(told).toEqual([1, 2, 4, 8, 16, 32, 64, 128].map((times) => `bad answer ${times}`));
});
