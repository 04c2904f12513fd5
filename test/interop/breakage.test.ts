/**
 * How stock pylm breaks, each way once: guarded before a byte is sent where the client can know, and else an error in
 * the time given. Where it is guarded the server still answers afterwards.
 */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Client, PalmError } from '../../src/index.ts';
import { bytes, textOf } from '../support/bytes.ts';
import { readAll, within } from '../support/wait.ts';
import { connectTo } from './connect.ts';
import { type PylmCluster, startCluster, type Topology } from './pylm.ts';

let cluster: PylmCluster;
let client: Client;

function use(topology: Topology, errorSentinel = false) {
  beforeEach(async () => {
    cluster = await startCluster(topology);
    client = await connectTo(cluster, { errorSentinel });
  });

  afterEach(async () => {
    await client?.close();
    await cluster?.stop();
  });
}

async function expectAlive(path = 'server.upper') {
  expect(textOf(await client.eval(path, bytes('alive'), { timeout: 5_000 }))).toBe('ALIVE');
  await client.set(bytes('v'), 'alive', { timeout: 5_000 });
  expect(textOf((await client.get('alive', { timeout: 5_000 })) ?? bytes(''))).toBe('v');
}

const code = (wanted: PalmError['code']) => ({ code: wanted });

describe('what is refused before it is sent', () => {
  use('server');

  it('a function without exactly one dot, or a stage of another form', async () => {
    for (const path of [
      'upper',
      'server.a.b',
      'server.',
      '.upper',
      '',
      [],
      ['server.upper', 'nodot'],
      'server.upper ',
    ]) {
      await expect(client.eval(path, bytes('x'))).rejects.toMatchObject(code('INVALID_CALL'));
    }
    await expectAlive();
  });

  it('another server’s function, which would be answered 0', async () => {
    await expect(client.eval('other.upper', bytes('x'))).rejects.toMatchObject(code('INVALID_CALL'));
    await expectAlive();
  });

  it('a delete of a missing key, also when many ask at once', async () => {
    expect(await client.delete('absent')).toBe(false);
    await client.set(bytes('v'), 'k');
    expect((await Promise.all(Array.from({ length: 20 }, () => client.delete('k')))).filter(Boolean)).toEqual(
      [true],
    );
    await expectAlive();
  });

  it('keys that are empty, no text, or the server’s configuration', async () => {
    for (const key of ['', '\ud800', 7 as never]) {
      await expect(client.get(key)).rejects.toMatchObject(code('INVALID_CALL'));
      await expect(client.delete(key)).rejects.toMatchObject(code('INVALID_CALL'));
    }
    for (const key of ['name', 'pull_address', 'pub_address']) {
      await expect(client.set(bytes('evil'), key)).rejects.toMatchObject(code('INVALID_CALL'));
      await expect(client.delete(key)).rejects.toMatchObject(code('INVALID_CALL'));
    }
    await (await connectTo(cluster)).close();
    await expectAlive();
  });

  it('payloads that are no bytes', async () => {
    await expect(client.eval('server.upper', 'text' as never)).rejects.toMatchObject(code('INVALID_CALL'));
    await expect(client.set({} as never, 'k')).rejects.toMatchObject(code('INVALID_CALL'));
    await expectAlive();
  });

  it('a connection to a server of another name', async () => {
    await expect(connectTo(cluster, { serverName: 'other' })).rejects.toMatchObject(code('WRONG_SERVER'));
    await expectAlive();
  });
});

describe('what a function does wrong', () => {
  use('server');

  it('raising is answered 0, and the server goes on', async () => {
    expect(textOf(await client.eval('server.boom', bytes('x')))).toBe('0');
    const wary = await connectTo(cluster, { errorSentinel: true });
    await expect(wary.eval('server.boom', bytes('x'))).rejects.toMatchObject(code('REMOTE'));
    await wary.close();
    await expectAlive();
  });

  it('not being there stops the server for good: a TIMEOUT that says so, and the cache still answers', async () => {
    const lost = client.eval('server.missing', bytes('x'), { timeout: 500 });
    await expect(lost).rejects.toMatchObject({ code: 'TIMEOUT', sent: 'unknown' });
    await expect(lost).rejects.toThrow(/does the function exist/);
    await client.set(bytes('v'), 'k');
    expect(textOf((await client.get('k')) ?? bytes(''))).toBe('v');
    await cluster.restart('server');
    await within(
      20_000,
      until(
        async () => textOf(await client.eval('server.upper', bytes('alive'), { timeout: 2_000 })) === 'ALIVE',
      ),
    );
  });

  it('returning nothing, or no bytes, is a TIMEOUT in time', async () => {
    await expect(client.eval('server.none', bytes('x'), { timeout: 500 })).rejects.toMatchObject(
      code('TIMEOUT'),
    );
  });
});

describe('a Pipeline', () => {
  use('pipeline');

  it('whose function returns nothing gives no answer: the eval times out, and the servers go on', async () => {
    await expect(
      client.eval(['first.same', 'second.none'], bytes('x'), { timeout: 500 }),
    ).rejects.toMatchObject(code('TIMEOUT'));
    expect(textOf(await client.eval(['first.same', 'second.upper'], bytes('alive')))).toBe('ALIVE');
  });
});

describe('a Master', () => {
  use('master', true);

  it('whose worker has no such function answers 0, and goes on', async () => {
    await expect(client.eval('master.missing', bytes('x'))).rejects.toMatchObject(code('REMOTE'));
    await expect(client.eval('master.boom', bytes('x'))).rejects.toMatchObject(code('REMOTE'));
    await expectAlive('master.upper');
  });

  it('whose worker dies never answers what that held: TIMEOUT in time, the other worker goes on', async () => {
    const lost = Promise.allSettled(
      Array.from({ length: 2 }, () => client.eval('master.slow', bytes('1.5'), { timeout: 4_000 })),
    );
    await new Promise((resolve) => setTimeout(resolve, 300));
    cluster.kill('worker-1');
    const outcomes = (await lost).map((outcome) =>
      outcome.status === 'fulfilled' ? 'answered' : outcome.reason.code,
    );
    expect(outcomes.sort()).toEqual(['TIMEOUT', 'answered']);
    await expectAlive('master.upper');
  });
});

describe('a server that goes', () => {
  use('server');

  it('ends calls under way with DISCONNECTED, and the next ones find it when it is back', async () => {
    const call = client.eval('server.slow', bytes('20'));
    const job = readAll(client.job('server.slow', [bytes('20')], { messages: 1 }));
    call.catch(() => {});
    job.catch(() => {});
    await new Promise((resolve) => setTimeout(resolve, 200));
    cluster.kill('server');
    await expect(within(5_000, call)).rejects.toMatchObject({ code: 'DISCONNECTED', sent: 'unknown' });
    await expect(within(5_000, job)).rejects.toMatchObject(code('DISCONNECTED'));
    await expect(client.get('k', { timeout: 300 })).rejects.toMatchObject({
      code: expect.stringMatching(/TIMEOUT|DISCONNECTED/),
    });
    await cluster.restart('server');
    await expectAlive();
    for (let i = 0; i < 200; i++) await client.eval('server.same', bytes('x'), { timeout: 5_000 });
  });

  it('that hangs without going is noticed by its silence', async () => {
    cluster.kill('server', 'SIGSTOP');
    // A process may answer a few calls between the signal and its stop.
    const calls = (async () => {
      for (;;) await client.eval('server.same', bytes('x'), { timeout: 20_000 });
    })();
    // Two heartbeats of two seconds.
    await expect(within(8_000, calls)).rejects.toMatchObject(code('DISCONNECTED'));
    cluster.kill('server', 'SIGCONT');
    await within(
      20_000,
      until(
        async () => textOf(await client.eval('server.upper', bytes('alive'), { timeout: 2_000 })) === 'ALIVE',
      ),
    );
  });
});

async function until(holds: () => Promise<boolean>): Promise<void> {
  for (;;) {
    try {
      if (await holds()) return;
    } catch {}
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
