/** One client's calls, while another has far more at the same server than it can do. */
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Master, Server, Worker } from '../../src/cluster/index.ts';
import { Client, text } from '../../src/index.ts';
import { EnvelopeCodec } from '../../src/protocol/envelope.ts';
import { palmMessage } from '../../src/protocol/message.ts';
import { nats } from '../../transports/nats/index.ts';
import { loadPackages } from '../../transports/nats/packages.ts';
import { bytes, textOf } from '../support/bytes.ts';
import { NatsServer } from '../support/nats-server.ts';
import { startScript } from '../support/processes.ts';
import { readAll, until, within } from '../support/wait.ts';

let ground: NatsServer;
beforeAll(async () => {
  ground = await NatsServer.start();
});
afterAll(() => ground[Symbol.asyncDispose]());

const functions = {
  nap: async (payload: Uint8Array) => {
    await new Promise((resolve) => setTimeout(resolve, 1));
    return payload;
  },
  upper: (payload: Uint8Array) => new TextEncoder().encode(textOf(payload).toUpperCase()),
  hang: (payload: Uint8Array) => payload,
};

const settings = (cluster: string) => ({
  transport: nats({ servers: ground.url, cluster, heartbeat: 200 }),
  name: 'server',
  dbAddress: 'nats:server',
  loggingLevel: 'silent' as const,
});

async function connect(cluster: string) {
  const { transport, dbAddress, loggingLevel } = settings(cluster);
  return (await Client.connect({ transport, dbAddress, loggingLevel })).with(text());
}

/** A client with a job that takes far longer than the test, and another one. */
async function crowd(cluster: string, path: string, inputs: number) {
  const [many, few] = [await connect(cluster), await connect(cluster)];
  const job = many.job(
    path,
    Array.from({ length: inputs }, (_, i) => String(i)),
  );
  const results: string[] = [];
  const reading = (async () => {
    for await (const result of job) results.push(result);
  })().catch(() => {});
  await within(
    60_000,
    until(() => job.progress.sent === inputs),
    'all inputs to be sent',
  );
  return {
    many,
    few,
    results,
    async [Symbol.asyncDispose]() {
      await few.close();
      await many.close({ timeout: 0 });
      await reading;
    },
  };
}

/** Inputs of one client. */
const MANY = 5_000;

describe.each(['Server', 'Master'])('a %s that has 5,000 inputs of one client', (role) => {
  it('answers evals, maps and jobs of another in turn with them, and keeps the order of the job', async () => {
    const cluster = `fair-${role}`;
    const roles =
      role === 'Server'
        ? [await Server.start({ ...settings(cluster), functions })]
        : [
            await Master.start(settings(cluster)),
            await Worker.start({ ...settings(cluster), name: 'worker', functions }),
          ];
    {
      await using own = await crowd(cluster, 'server.nap', MANY);
      const { many, few, results } = own;
      const before = results.length;
      for (let i = 0; i < 20; i++) expect(await within(10_000, few.eval('server.nap', `${i}`))).toBe(`${i}`);
      const inputs = Array.from({ length: 40 }, (_, i) => String(i));
      expect(await within(20_000, readAll(few.map('server.nap', inputs)))).toEqual(inputs);
      // 60 calls: in turn with the other's, and some more that were begun or fetched already.
      expect(results.length - before).toBeLessThan(MANY / 2);
      // A job beside the other one: its inputs stay in order.
      const sent = results.length;
      const given = await within(20_000, readAll(few.job('server.nap', inputs, { messages: inputs.length })));
      expect(role === 'Server' ? given : given.sort((a, b) => Number(a) - Number(b))).toEqual(inputs);
      expect(results.length - sent).toBeLessThan(MANY / 2);
      const then = results.length;
      // An eval beside one's own job, too.
      expect(await within(10_000, many.eval('server.nap', 'own'))).toBe('own');
      expect(results.length - then).toBeLessThan(MANY / 2);
      if (role === 'Server') expect(results).toEqual(results.map((_, i) => String(i)));
    }
    for (const one of roles.reverse()) await one.close({ timeout: 0 });
  });
});

/** Resolves when the server has the prompt call. */
async function untilGiven(): Promise<void> {
  const connection = await loadPackages().connect({ servers: ground.url } as never);
  const { consumers } = await loadPackages().jetstreamManager(connection);
  while ((await consumers.info('PALM_palm_IN_server', 'frond-prompt')).num_ack_pending === 0)
    await new Promise((resolve) => setTimeout(resolve, 20));
  await connection.close();
}

it('what a killed server had of such calls is given again at once, though 20,000 others lie between', async () => {
  const cluster = 'palm';
  const script = fileURLToPath(new URL('server-process.ts', import.meta.url));
  const first = await startScript(script, [ground.url]);
  const before = await connect(cluster);
  // A prompt call that is settled: the next one lies far behind it in the stream.
  expect(await before.eval('server.upper', 'x')).toBe('X');
  {
    await using own = await crowd(cluster, 'server.hang', 20_000);
    await within(10_000, first.prints('hangs'));
    const pending = own.few.eval('server.upper', 'late');
    await within(10_000, untilGiven());
    first.signal('SIGKILL');
    await first.ended;
    await using _third = await Server.start({ ...settings(cluster), functions });
    expect(await within(15_000, pending)).toBe('LATE');
  }
  await before.close({ timeout: 0 });
});

it('what is pushed while NATS is asked for the lanes stays in order', async () => {
  const transport = nats({ servers: ground.url, cluster: 'pushed', heartbeat: 200 });
  const [binder, dialler] = [await transport.open(), await transport.open()];
  try {
    await dialler.identify();
    const [one, two] = [
      await binder.bindPull('nats:one', { shared: 'one' }),
      await binder.bindPull('nats:two', { shared: 'two' }),
    ];
    const [toOne, toTwo] = [dialler.push('nats:one'), dialler.push('nats:two')];
    await Promise.all([toOne.ready(), toTwo.ready()]);
    const codec = new EnvelopeCodec();
    const frameOf = (client: string, text: string) =>
      codec.encode(palmMessage({ client, function: 'server.f', payload: bytes(text) })).slice();
    // Known from now on, but nothing is known of the lanes of the other server.
    await toOne.send([frameOf('a/1', '0')]);
    const sending = [
      toTwo.send([frameOf('b/1', '0'), frameOf('a/1', '1')]),
      ...Array.from({ length: 20 }, (_, i) => toTwo.send([frameOf('a/1', `${i + 2}`)])),
    ];
    const came: string[] = [];
    for (const source of [two, ...(two.lanes ?? [])])
      void (async () => {
        for await (const batch of { [Symbol.asyncIterator]: () => source[Symbol.asyncIterator]() })
          for (const frame of batch) {
            const { client, payload } = codec.decode(frame);
            if (client === 'a/1') came.push(textOf(payload));
            two.settler?.settle([frame], 'done');
          }
      })();
    await within(10_000, Promise.all(sending));
    await within(
      10_000,
      until(() => came.length === 21),
      'all messages',
    );
    expect(came).toEqual(Array.from({ length: 21 }, (_, i) => `${i + 1}`));
    await Promise.all([one.close(), two.close()]);
  } finally {
    await dialler.close({ timeout: 0 });
    await binder.close({ timeout: 0 });
  }
});
