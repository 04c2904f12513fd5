/** Jobs that outlive their clients, where nothing is stored: test/nats has what they do where something is. */
import { expect, it } from 'vitest';
import { Server } from '../../../src/cluster/index.ts';
import { Client, detachedJob, resumeJob } from '../../../src/index.ts';
import { memory } from '../../../transports/memory/index.ts';
import { bytes } from '../../support/bytes.ts';
import { readAll, within } from '../../support/wait.ts';

async function connected() {
  const transport = memory();
  let calls = 0;
  const server = await Server.start({
    transport,
    name: 'server',
    functions: {
      same: (payload) => {
        calls++;
        return payload;
      },
    },
    loggingLevel: 'silent',
  });
  const client = await Client.connect({ transport, dbAddress: server.dbAddress });
  return {
    client,
    calls: () => calls,
    async [Symbol.asyncDispose]() {
      await client.close();
      await server.close();
    },
  };
}

it('a job has its id at once, another one each time, and no transport stores what it would need', async () => {
  await using own = await connected();
  let taken = 0;
  function* inputs() {
    taken++;
    yield bytes('x');
  }
  const job = detachedJob(own.client, 'server.same', inputs());
  const { id } = job;
  expect(id).toMatch(/^server\/[\w-]{21}\/[\w-]{21}$/);
  expect(detachedJob(own.client, 'server.same', []).id).not.toBe(id);
  expect(job.progress).toEqual({ sent: 0, received: 0, started: undefined });
  const refusal = expect.objectContaining({
    code: 'INVALID_CALL',
    sent: false,
    message: expect.stringMatching(/^over memory results are not stored.* nats\(\)/),
  });
  await expect(within(5_000, readAll(job), 'the refusal')).rejects.toEqual(refusal);
  await expect(within(5_000, readAll(resumeJob(own.client, id)), 'the refusal')).rejects.toEqual(refusal);
  expect([taken, own.calls()]).toEqual([0, 0]);
});

it('a bad path, payloads and options are refused as those of any job', async () => {
  await using own = await connected();
  expect(() => detachedJob(own.client, 'other.same', [])).toThrow(/calls server 'server' first/);
  expect(() => detachedJob(own.client, 'server.same', 5 as never)).toThrow(/payloads must be/);
  const job = detachedJob(own.client, 'server.same', [], { window: 0 });
  await expect(within(5_000, readAll(job), 'the refusal')).rejects.toThrow(/window must be/);
});
