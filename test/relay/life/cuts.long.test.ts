/** Cuts of the WebSocket, each soon mended: nothing is lost, nothing comes twice, and the order is kept. */
import { expect, it } from 'vitest';
import type { Server } from '../../../src/cluster/index.ts';
import { bytes, textOf } from '../../support/bytes.ts';
import { grounds, testCluster } from '../../support/cluster.ts';
import { numberOf, readNumber } from '../../support/jobs.ts';
import { connect, startRelay } from '../../support/relay.ts';
import { until, within } from '../../support/wait.ts';
import { startWire } from '../../support/wire.ts';
import { Scissors } from './scissors.ts';

const CUTS = 100;
const COUNT = 100_000;

for (const [name, make] of grounds) {
  const open = testCluster(make);

  const openAll = async () => {
    const cluster = open();
    const server = await cluster.start<Server>({ role: 'server', name: 'server' });
    const relay = cluster.own(
      await startRelay({
        transport: cluster.transport,
        servers: { server: { dbAddress: server.dbAddress } },
      }),
    );
    const wire = cluster.own(await startWire(relay.port));
    return { client: cluster.own(await connect(wire.url)), wire, server };
  };

  it(`${name}: 100 cuts in a job of 100 000`, async () => {
    const { client, wire, server } = await openAll();
    const scissors = new Scissors(wire, 1);
    // The input waits for the cuts, so that all of them are within the job.
    async function* inputs() {
      for (let i = 0; i < COUNT; i++) {
        if (i % 1_000 === 0) await until(() => scissors.cuts >= i / 1_000);
        yield numberOf(i);
      }
    }
    const cutting = scissors.run(CUTS);
    let next = 0;
    const run = async () => {
      for await (const result of client.job('server.echo', inputs(), { messages: COUNT }))
        if (readNumber(result) !== next++) throw new Error(`${readNumber(result)} came as number ${next}`);
    };
    await within(90_000, run(), 'the job');
    await within(5_000, cutting, 'the cuts');
    expect({ next, cuts: scissors.cuts }).toEqual({ next: COUNT, cuts: CUTS });
    expect(server.counters).toMatchObject({ received: COUNT, answered: COUNT });
    expect(client.unclaimed).toBe(0);
  }, 120_000);

  it(`${name}: cuts while evals run and the cache is written`, async () => {
    const { client, wire, server } = await openAll();
    const scissors = new Scissors(wire, 2);
    let number = 0;
    const evals = async () => {
      while (!scissors.isOver) {
        const word = `${number++}`;
        expect(textOf(await client.eval('server.echo', bytes(word)))).toBe(word);
      }
    };
    const sets = async (writer: number) => {
      for (let i = 0; !scissors.isOver; i++) {
        await client.set(bytes(`${i}`), `w${writer}`);
        expect(textOf((await client.get(`w${writer}`)) ?? bytes(''))).toBe(`${i}`);
      }
    };
    const running = [
      ...Array.from({ length: 16 }, evals),
      ...Array.from({ length: 8 }, (_, writer) => sets(writer)),
    ];
    await within(20_000, scissors.run(CUTS), 'the cuts');
    scissors.isOver = true;
    await within(5_000, Promise.all(running), 'what was under way');
    expect(server.counters.received).toBe(number);
    expect(client.unclaimed).toBe(0);
  }, 30_000);
}
