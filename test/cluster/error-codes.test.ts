/** Codes of errors that functions and Masters get, where callers see no more than a refusal. */
import { describe, expect, it } from 'vitest';
import { ByteBudget } from '../../src/async/byte-budget.ts';
import { Dispatcher } from '../../src/cluster/dispatch/dispatcher.ts';
import { PushedOffers } from '../../src/cluster/dispatch/pushed-offers.ts';
import { WorkerOffers } from '../../src/cluster/dispatch/worker-offers.ts';
import { type FunctionContext, Master, Server, Worker } from '../../src/cluster/index.ts';
import { WORKERS } from '../../src/flow-control.ts';
import { Client } from '../../src/index.ts';
import { atLevel, consoleLogger } from '../../src/logging.ts';
import { offersMessage } from '../../src/protocol/work-request.ts';
import { memory } from '../../transports/memory/index.ts';
import { bytes } from '../support/bytes.ts';
import { until, within } from '../support/wait.ts';

const any = 'memory://*';
const quiet = { loggingLevel: 'silent' } as const;

describe('the signal of a function', () => {
  /** Waits for its signal, and keeps why that aborted. */
  function waiting() {
    const seen: FunctionContext[] = [];
    const wait = (_payload: Uint8Array, context: FunctionContext) => {
      seen.push(context);
      return new Promise<Uint8Array>((resolve) => {
        context.signal.addEventListener('abort', () => resolve(bytes('')));
      });
    };
    const begun = () =>
      within(
        3_000,
        until(() => seen.length > 0),
      );
    return { wait, begun, reason: () => seen[0]?.signal.reason };
  }

  it('aborts with CLOSED when its server closes', async () => {
    const transport = memory();
    const { wait, begun, reason } = waiting();
    const addresses = { dbAddress: any, pullAddress: any, pubAddress: any };
    await using server = await Server.start({
      transport,
      name: 'server',
      ...addresses,
      functions: { wait },
      ...quiet,
    });
    await using client = await Client.connect({ transport, dbAddress: server.dbAddress, ...quiet });
    client.eval('server.wait', bytes('x')).catch(() => {});
    await begun();
    await within(3_000, server.close());
    expect(reason()).toMatchObject({ code: 'CLOSED', message: '"server" is closing' });
  });

  it('aborts with CLOSED when its worker closes', async () => {
    const transport = memory();
    const { wait, begun, reason } = waiting();
    const addresses = { dbAddress: any, pullAddress: any, pubAddress: any };
    await using master = await Master.start({
      transport,
      name: 'master',
      ...addresses,
      workerPullAddress: any,
      workerPushAddress: any,
      ...quiet,
    });
    await using worker = await Worker.start({
      transport,
      name: 'w',
      dbAddress: master.dbAddress,
      functions: { wait },
      ...quiet,
    });
    await using client = await Client.connect({ transport, dbAddress: master.dbAddress, ...quiet });
    client.eval('master.wait', bytes('x')).catch(() => {});
    await begun();
    await within(3_000, worker.close());
    expect(reason()).toMatchObject({ code: 'CLOSED', message: 'worker "w" is closing' });
  });
});

describe('what workers say that are pushed to', () => {
  it('is PROTOCOL from a peer whose link nobody knows', () => {
    const dispatcher = new Dispatcher({
      isVerbatim: false,
      budgets: { waiting: new ByteBudget(1_000), out: new ByteBudget(1_000) },
      push: { address: '', peers: 0, onPeers: () => {}, send: async () => {}, close: async () => {} },
      onProgress: () => {},
      onResults: async () => {},
      logger: atLevel(consoleLogger(''), 'silent'),
      onGivenUp: () => {},
      heartbeat: 1_000,
      workerTimeout: 60_000,
      maxDeliveries: 3,
    });
    const said = offersMessage({ worker: 'w', name: 'w', offers: bytes('[]'), isPushed: true });
    expect(() => dispatcher.answer(said)).toThrow(expect.objectContaining({ code: 'PROTOCOL' }));
    dispatcher.close();
  });

  it('is TOO_LARGE of more workers than a Master knows', () => {
    const pushed = new PushedOffers(new WorkerOffers(), () => WORKERS + 1);
    const from = { link: {}, onGone: () => () => {} };
    const description = [{ name: 'f' }] as never;
    for (let i = 0; i < WORKERS; i++) pushed.note(`${i}`, description, from);
    expect(() => pushed.note('more', description, from)).toThrow(
      expect.objectContaining({ code: 'TOO_LARGE' }),
    );
  });
});
