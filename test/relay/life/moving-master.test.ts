/** A Master that pushes and comes back at other addresses: its relayed workers follow. */
import { expect, it } from 'vitest';
import { Worker } from '../../../src/cluster/index.ts';
import { EnvelopeCodec } from '../../../src/protocol/envelope.ts';
import { palmMessage } from '../../../src/protocol/message.ts';
import { bytes, textOf } from '../../support/bytes.ts';
import { grounds, testCluster } from '../../support/cluster.ts';
import { startRelay, toRelay } from '../../support/relay.ts';
import { collect, until, within } from '../../support/wait.ts';

const codec = new EnvelopeCodec();

for (const [name, make] of grounds) {
  const open = testCluster(make);

  it(`${name}: behind the same db address`, async () => {
    const cluster = open();
    const { transport, any } = cluster;
    const keys = new Map([['name', 'master']]);
    const own = cluster.own(await transport.open());
    const db = await own.bindReply(any, (frame) =>
      bytes(keys.get(textOf(codec.decode(frame).payload)) ?? ''),
    );
    const bind = async () => {
      const connection = cluster.own(await transport.open());
      const push = await connection.bindPush(any);
      const pull = await connection.bindPull(any);
      keys.set('worker_push_address', push.address).set('worker_pull_address', pull.address);
      return { connection, push, pull };
    };
    let master = await bind();
    const { address: dbAddress } = db;
    const relay = cluster.own(await startRelay({ transport, servers: { master: { dbAddress } } }));
    cluster.own(
      await Worker.start({
        transport: toRelay(relay.url),
        dbAddress: 'master',
        loggingLevel: 'silent',
        timeout: 5_000,
      }),
    );
    for (let round = 0; round < 3; round++) {
      await within(
        5_000,
        until(() => master.push.peers > 0),
        'the worker',
      );
      const payload = bytes(`${round}`);
      const message = palmMessage({ client: 'c/1', function: 'master.echo', payload });
      await master.push.send([codec.encode(message).slice()]);
      const [result] = await within(5_000, collect(master.pull, 1), 'the result');
      expect(textOf(codec.decode(result ?? bytes('')).payload)).toBe(`${round}`);
      await master.connection.close({ timeout: 0 });
      master = await bind();
    }
  }, 30_000);
}
