/** What a client that is gone for good has left: nobody waits for it, and servers over NATS let go of it after a while. */
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type FunctionContext, Master, Server, Worker } from '../../src/cluster/index.ts';
import { Client, type PalmError } from '../../src/index.ts';
import { ABSENCE } from '../../transports/nats/absences.ts';
import { nats } from '../../transports/nats/index.ts';
import { bytes, textOf } from '../support/bytes.ts';
import { NatsServer } from '../support/nats-server.ts';
import { type ScriptProcess, startScript } from '../support/processes.ts';
import { connect, toRelay } from '../support/relay.ts';
import { relaysOnNats } from '../support/relays-on-nats.ts';
import { until, within } from '../support/wait.ts';

/** Milliseconds of the servers. Clients of theirs count as gone after {@link ABSENCE} of them, which is 3 s here. */
const HEARTBEAT = 25;
const GONE = ABSENCE * HEARTBEAT;

let ground: NatsServer;
let begun: string[];
let ended: [payload: string, code: string][];
let callers: ScriptProcess[];

beforeEach(async () => {
  ground = await NatsServer.start();
  [begun, ended, callers] = [[], [], []];
});
afterEach(async () => {
  for (const caller of callers) caller.signal('SIGKILL');
  await ground[Symbol.asyncDispose]();
});

const functions = {
  /** Until it is cancelled. */
  hang: (payload: Uint8Array, { signal }: FunctionContext) => {
    begun.push(textOf(payload));
    return new Promise<Uint8Array>((resolve) =>
      signal.addEventListener('abort', () => {
        ended.push([textOf(payload), (signal.reason as PalmError).code]);
        resolve(payload);
      }),
    );
  },
  same: (payload: Uint8Array) => payload,
};

const settings = () => ({
  transport: nats({ servers: ground.url, heartbeat: HEARTBEAT }),
  name: 'server',
  dbAddress: 'nats:server',
  loggingLevel: 'silent' as const,
});

async function call(...args: string[]): Promise<ScriptProcess> {
  const caller = await startScript(fileURLToPath(new URL('caller-process.ts', import.meta.url)), [
    ground.url,
    ...args,
  ]);
  callers.push(caller);
  return caller;
}

async function answers(): Promise<string> {
  await using client = await Client.connect({
    transport: nats({ servers: ground.url }),
    dbAddress: 'nats:server',
    loggingLevel: 'silent',
  });
  return textOf(await within(10_000, client.eval('server.same', bytes('next'))));
}

/** The first call is under way. */
async function hangs(): Promise<void> {
  await within(
    10_000,
    until(() => begun.length > 0),
  );
  expect(begun).toEqual(['0']);
}

async function isCancelled(): Promise<void> {
  await within(
    GONE + 10_000,
    until(() => ended.length > 0),
  );
  expect(ended[0]).toEqual(['0', 'DISCONNECTED']);
}

describe('the calls of a client that was killed', () => {
  it('are cancelled, those that run and those that wait, and others are served', async () => {
    await using server = await Server.start({ ...settings(), functions });
    const caller = await call('server.hang', '6000');
    await hangs();
    await within(10_000, caller.prints('sent'));
    caller.signal('SIGKILL');
    const answer = answers();
    await isCancelled();
    expect(await answer).toBe('next');
    await within(
      10_000,
      until(() => server.counters.cancelled === 6_000),
    );
    expect(begun).toEqual(['0']);
  });

  it('are cancelled at the workers of a Master', async () => {
    const { transport, dbAddress, loggingLevel } = settings();
    await using master = await Master.start(settings());
    await using worker = await Worker.start({ transport, dbAddress, loggingLevel, functions });
    const caller = await call('server.hang', '10');
    await hangs();
    await within(10_000, caller.prints('sent'));
    caller.signal('SIGKILL');
    await isCancelled();
    expect(await answers()).toBe('next');
    expect(begun).toEqual(['0']);
    expect([master.counters.cancelled, worker.counters.cancelled]).toEqual([10, 1]);
  });

  it('run on where they are detached', async () => {
    await using server = await Server.start({ ...settings(), functions });
    const caller = await call('server.hang', '1', 'detached');
    await hangs();
    caller.signal('SIGKILL');
    await pause(2 * GONE);
    expect([ended, server.counters.cancelled]).toEqual([[], 0]);
  });
});

it('the calls of a client that is there, and computes, run on', async () => {
  await using server = await Server.start({ ...settings(), functions });
  const caller = await call('server.hang', '1');
  await hangs();
  await within(10_000, caller.prints('sent'));
  caller.say('compute');
  await within(5_000, caller.prints('computing'));
  await pause(1.5 * GONE);
  expect([ended, server.counters.cancelled]).toEqual([[], 0]);
});

it('the calls of clients of a relay run on while the relay is there, and are cancelled when it is killed and nobody goes on', async () => {
  await using server = await Server.start({ ...settings(), functions });
  await using relays = await relaysOnNats(1, { servers: [ground.url], server: 'server' });
  const { url } = relays.balancer;
  const client = await connect(url, { transport: toRelay(url), timeout: 60_000 });
  const failed = client.eval('server.hang', bytes('0')).catch((error: PalmError) => error.code);
  await hangs();
  await pause(1.5 * GONE);
  expect([ended, server.counters.cancelled]).toEqual([[], 0]);
  await relays.kill(0);
  await client.close({ timeout: 0 });
  expect(await failed).toBe('CLOSED');
  await isCancelled();
});
