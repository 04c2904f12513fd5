/** Hosts that vanish without closing a link: nothing comes any more, and everything still seems to be connected. */
import { describe, expect, it } from 'vitest';
import { Pipeline, Server } from '../../src/cluster/index.ts';
import { Client, text } from '../../src/index.ts';
import { zeromq } from '../../transports/zeromq/index.ts';
import { portOf } from '../support/ports.ts';
import { startProxy } from '../support/proxy.ts';
import { eventually, within } from '../support/wait.ts';

const transport = zeromq({ heartbeatInterval: 1_000, reconnectInterval: 20, reconnectMaxInterval: 100 });
const any = 'tcp://127.0.0.1:*';

describe('the first server of a pipeline', () => {
  it('that vanishes fails what was sent to it, and is called again when it is back', async () => {
    await using server = await Server.start({
      transport,
      name: 'head',
      dbAddress: any,
      pullAddress: any,
      pubAddress: any,
      pipelined: true,
      loggingLevel: 'silent',
    });
    await using end = await Pipeline.start({
      transport,
      name: 'end',
      dbAddress: any,
      subAddress: server.pubAddress,
      pubAddress: any,
      previous: 'head',
      loggingLevel: 'silent',
    });
    await end.ready();
    await using db = await startProxy(portOf(server.dbAddress));
    await using pull = await startProxy(portOf(server.pullAddress));
    await using client = await Client.connect({
      transport,
      dbAddress: `tcp://127.0.0.1:${db.port}`,
      pushAddress: `tcp://127.0.0.1:${pull.port}`,
      subAddress: end.pubAddress,
      timeout: 20_000,
      loggingLevel: 'silent',
    });
    const words = client.with(text());
    const path = ['head.echo', 'end.echo'];
    expect(await words.eval(path, 'there')).toBe('there');
    pull.freeze();
    const losing = words.eval(path, 'lost').catch((error: unknown) => error);
    // It is to leave before anything is known to be wrong: a link that is pushed over has no heartbeats.
    await new Promise((resolve) => setTimeout(resolve, 100));
    db.freeze();
    const lost = await within(15_000, losing);
    expect(lost).toMatchObject({ code: 'DISCONNECTED', sent: 'unknown' });
    // What comes now waits, and its time-out says for what.
    const late = await words.eval(path, 'late', { timeout: 300 }).catch((error: unknown) => error);
    expect(late).toMatchObject({
      code: 'TIMEOUT',
      sent: false,
      message: expect.stringContaining(`the peer at tcp://127.0.0.1:${db.port} is gone`),
    });
    db.thaw();
    pull.thaw();
    await eventually(
      () =>
        words.eval(path, 'back').then(
          (answer) => answer === 'back',
          () => false,
        ),
      15_000,
    );
  });

  it('is left alone when the link to its cache alone breaks', async () => {
    await using server = await Server.start({
      transport,
      name: 'head',
      dbAddress: any,
      pullAddress: any,
      pubAddress: any,
      loggingLevel: 'silent',
      functions: {
        slow: () => new Promise((resolve) => setTimeout(() => resolve(new Uint8Array(1)), 2_500)),
      },
    });
    await using db = await startProxy(portOf(server.dbAddress));
    await using client = await Client.connect({
      transport,
      dbAddress: `tcp://127.0.0.1:${db.port}`,
      pushAddress: server.pullAddress,
      subAddress: server.pubAddress,
      loggingLevel: 'silent',
    });
    const call = client.eval('head.slow', new Uint8Array(0));
    await eventually(async () => server.counters.inFlight > 0);
    db.cut();
    expect(await within(10_000, call)).toHaveLength(1);
  });
});
