/** A stock pylm client that stops reading for a while, as one does that works on its results: what it is owed waits for it. */
import { expect, it } from 'vitest';
import { Server } from '../../src/cluster/index.ts';
import { runClient } from './python.ts';
import { transportHere } from './transport.ts';

const any = 'tcp://127.0.0.1:*';

it.each([
  { count: 20_000, size: 0, pause: 6 },
  // More than the buffers of libzmq and of the system hold, in messages and in bytes.
  { count: 50_000, size: 100, pause: 2 },
  { count: 5_000, size: 10_000, pause: 2 },
])(
  'a client that pauses for $pause s gets all of $count results',
  { timeout: 90_000 },
  async ({ count, size, pause }) => {
    await using server = await Server.start({
      transport: transportHere(),
      name: 'server',
      dbAddress: any,
      pullAddress: any,
      pubAddress: any,
      loggingLevel: 'silent',
    });
    const words = ['--server', 'server', '--db', server.dbAddress, '--timeout', '10', 'job', 'server.echo'];
    const numbers = ['--count', String(count), '--size', String(size), '--pause', String(pause)];
    const { results } = await runClient<{ results: string[] }>([...words, ...numbers], {
      timeout: 80_000,
      accept: [3],
    });
    const expected = Array.from({ length: count }, (_, i) => String(i).padEnd(size, '.'));
    expect(results.length).toBe(count);
    expect(results.map((result) => Buffer.from(result, 'hex').toString())).toEqual(expected);
    expect(server.counters.dropped).toBe(0);
  },
);
