/** Roles that end with their process. */
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { serve } from '../../serve/index.ts';
import { Server } from '../../src/cluster/index.ts';
import { Client, PalmError, text } from '../../src/index.ts';
import { memory } from '../../transports/memory/index.ts';
import { zmtp } from '../../transports/zmtp/index.ts';
import { startScript } from '../support/processes.ts';

const script = join(import.meta.dirname, 'serve-process.ts');

async function started(...args: readonly string[]) {
  const own = await startScript(script, args);
  const client = await Client.connect({ transport: zmtp(), dbAddress: own.said, loggingLevel: 'silent' });
  return { own, client, words: client.with(text()) };
}

describe('a process that serves', () => {
  it.each(['SIGINT', 'SIGTERM'] as const)(
    'finishes the call under way at %s, and exits with 0',
    async (name) => {
      const { own, client, words } = await started();
      const answer = words.eval('server.slow', '300');
      await own.prints('began');
      own.signal(name);
      expect(await answer).toBe('300');
      expect(await own.ended).toBe(0);
      expect(own.lines).toContain('done');
      await client.close({ timeout: 0 });
    },
  );

  it('ends at once at the second signal', async () => {
    const { own, client, words } = await started('600000');
    const lost = words.eval('server.slow', '600000').catch((error: PalmError) => error.code);
    await own.prints('began');
    own.signal('SIGTERM');
    const again = setInterval(() => own.signal('SIGTERM'), 50);
    // Killed by the signal, so there is no exit code.
    expect(await own.ended).toBe(null);
    clearInterval(again);
    expect(await lost).toBe('DISCONNECTED');
    await client.close({ timeout: 0 });
  });

  it('exits with 1 when a call was not done in time', async () => {
    const { own, client, words } = await started('100');
    const lost = words.eval('server.slow', '600000').catch((error: PalmError) => error.code);
    await own.prints('began');
    own.signal('SIGTERM');
    expect(await own.ended).toBe(1);
    expect(await lost).toBe('DISCONNECTED');
    await client.close({ timeout: 0 });
  });
});

describe('serve', () => {
  const listeners = () => ['SIGINT', 'SIGTERM'].map((name) => process.listenerCount(name));
  const start = (name: string) => Server.start({ transport: memory(), name, loggingLevel: 'silent' });

  it('ends when all roles were closed, and leaves no listener', async () => {
    const before = listeners();
    const roles = [await start('one'), await start('two')];
    const serving = serve(roles);
    expect(listeners()).toEqual(before.map((count) => count + 1));
    await roles[0]?.close();
    await roles[1]?.close();
    await serving;
    expect(listeners()).toEqual(before);
  });

  it('closes the others when one ends with an error, and throws that', async () => {
    const server = await start('server');
    const error = new PalmError('LOST', 'gone');
    const broken = { close: async () => {}, closed: Promise.resolve(error) };
    await expect(serve([server, broken])).rejects.toBe(error);
    expect(await server.closed).toBeUndefined();
  });

  it.each([
    ['nothing', []],
    ['a role that has not started', Promise.resolve()],
    ['something that is not a role', { close: () => {} }],
    ['undefined', undefined],
  ])('refuses %s, and listens to nothing', async (_what, given) => {
    const before = listeners();
    await expect(serve(given as never)).rejects.toMatchObject({ code: 'INVALID_CALL' });
    expect(listeners()).toEqual(before);
  });
});
