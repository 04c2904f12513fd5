/** What a worker does with functions that misbehave, and with Masters that come and go. On any transport. */
import { describe, expect, it } from 'vitest';
import { deferred } from '../../src/async/deferred.ts';
import type { FunctionContext, Master, Worker } from '../../src/cluster/index.ts';
import { EnvelopeCodec } from '../../src/protocol/envelope.ts';
import { palmMessage, Status } from '../../src/protocol/message.ts';
import { bytes, textOf } from '../support/bytes.ts';
import { type TestGround, testCluster } from '../support/test-cluster.ts';
import { until, within } from '../support/wait.ts';

/** Adds the tests. */
export function testWorkers(name: string, make: () => TestGround): void {
  describe(`a worker on ${name}`, () => {
    const cluster = testCluster(make);

    async function open(worker: object, master: object = {}) {
      const { start, connect } = cluster();
      const role = await start<Master>({ role: 'master', name: 'master', ...master });
      const { dbAddress } = role;
      const crew = await start<Worker>({ role: 'worker', dbAddress, ...worker });
      return { start, connect, master: role, dbAddress, worker: crew, client: await connect({ dbAddress }) };
    }

    it('works with an infinite concurrency', async () => {
      let running = 0;
      const all = deferred<void>();
      const { client } = await open({
        concurrency: Number.POSITIVE_INFINITY,
        functions: {
          meet: async (payload: Uint8Array) => {
            if (++running === 50) all.resolve();
            await all.promise;
            return payload;
          },
        },
      });
      const calls = Array.from({ length: 50 }, (_call, i) => client.eval('master.meet', bytes(String(i))));
      expect((await within(5_000, Promise.all(calls))).map(textOf)).toEqual(
        calls.map((_call, i) => String(i)),
      );
    });

    it('answers to the message that it got, whatever a function has changed in it', async () => {
      const spoil = ({ message }: FunctionContext) =>
        Object.assign(message, { stage: 0.5, client: 'nobody/1', cache: '\ud800', ordinal: 9 });
      const { client, worker } = await open({
        functions: {
          now: (payload: Uint8Array, context: FunctionContext) => {
            spoil(context);
            return payload;
          },
          later: async (payload: Uint8Array, context: FunctionContext) => {
            spoil(context);
            return payload;
          },
        },
      });
      for (const name of ['now', 'later', 'echo']) {
        const answer = await client.eval(`master.${name}`, bytes('fine'), { timeout: 3_000 });
        expect(textOf(answer)).toBe('fine');
      }
      expect(worker.counters).toMatchObject({ answered: 3, failed: 0 });
    });

    it('tells the caller when a function changes the message so that its failure cannot be sent', async () => {
      const { client } = await open({
        functions: {
          fail: (_payload: Uint8Array, { message }: FunctionContext) => {
            Object.assign(message, { stage: 0.5 });
            throw new Error('on purpose');
          },
        },
      });
      await expect(client.eval('master.fail', bytes(''), { timeout: 3_000 })).rejects.toMatchObject({
        code: 'REMOTE',
        message: expect.stringContaining('stage must be a safe integer'),
      });
    });

    it('that closes during a long function leaves the message to another at once', async () => {
      let begun = 0;
      const functions = {
        once: (payload: Uint8Array) => (++begun === 1 ? new Promise<Uint8Array>(() => {}) : payload),
      };
      const { start, client, worker, dbAddress } = await open({ functions });
      const call = client.eval('master.once', bytes('x'));
      await within(
        3_000,
        until(() => worker.counters.inFlight === 1),
      );
      await start<Worker>({ role: 'worker', dbAddress, functions });
      await within(3_000, worker.close({ timeout: 50 }));
      expect(textOf(await within(3_000, call))).toBe('x');
    });

    it('does not give a result for the last Master to the Master that replaced it', async () => {
      const held = deferred<void>();
      const functions = {
        hold: async (payload: Uint8Array) => {
          await held.promise;
          return payload;
        },
      };
      const { start, connect, client, master, worker } = await open({ functions });
      const { dbAddress, pullAddress, pubAddress, workerPullAddress, workerPushAddress } = master;
      const lost = client.eval('master.hold', bytes('old'));
      lost.catch(() => {});
      await within(
        3_000,
        until(() => worker.counters.inFlight === 1),
      );
      await within(3_000, master.close({ timeout: 10 }));
      await expect(within(3_000, lost)).rejects.toMatchObject({ code: 'DISCONNECTED' });
      const next = await start<Master>({
        role: 'master',
        name: 'master',
        dbAddress,
        pullAddress,
        pubAddress,
        workerPullAddress,
        workerPushAddress,
      });
      const gate = deferred<void>();
      const slow = async (payload: Uint8Array) => {
        await gate.promise;
        return payload;
      };
      await start<Worker>({ role: 'worker', dbAddress, functions: { hold: slow } });
      const call = (await connect({ dbAddress })).eval('master.hold', bytes('new'));
      await within(
        5_000,
        until(() => next.counters.inFlight === 1),
      );
      held.resolve();
      await within(
        3_000,
        until(() => worker.counters.answered === 1),
      );
      gate.resolve();
      expect(textOf(await within(5_000, call))).toBe('new');
    });

    it('waits before it asks again after a refusal', async () => {
      const { transport, any, own, start } = cluster();
      const codec = new EnvelopeCodec();
      let requests = 0;
      const connection = own(await transport.open());
      const { address } = await connection.bindReply(any, (request) => {
        const { function: path } = codec.decode(request);
        if (path.endsWith('.work')) requests++;
        return codec.encode(
          palmMessage({ function: path, payload: bytes('x'), features: 10, ...refused(path) }),
        );
      });
      await start<Worker>({ role: 'worker', dbAddress: address });
      await within(
        3_000,
        until(() => requests > 0),
      );
      await new Promise((resolve) => setTimeout(resolve, 300));
      expect(requests).toBe(1);
    });
  });
}

function refused(path: string): object {
  return path.endsWith('.work') ? { status: Status.failed, error: 'no', payload: bytes('') } : {};
}
