/** The way to NATS: what is told when it is closed, or when connecting fails. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { deferred } from '../../../../src/async/deferred.ts';
import { NatsLink } from '../../../../transports/nats/link.ts';
import type { NatsConnection } from '../../../../transports/nats/packages.ts';
import { silentNats } from '../../../support/silent-nats.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

describe('the way to NATS', () => {
  it('that is closed while it is sought ends with CLOSED, and closes what comes of it', async () => {
    const { packages, settings, ended } = silentNats();
    const connecting = deferred<NatsConnection>();
    const connect = packages.connect;
    const link = new NatsLink(settings, { ...packages, connect: () => connecting.promise });
    const outcome = link.connected().catch((error: unknown) => error);
    await link.close();
    expect(await outcome).toMatchObject({ code: 'CLOSED' });
    connecting.resolve(await connect({} as never));
    await ended.promise;
    expect([link.session, vi.getTimerCount()]).toEqual([undefined, 0]);
  });

  it('says DISCONNECTED of a failure that is none of its own, and tries again', async () => {
    let tries = 0;
    const { packages, settings } = silentNats({
      jetstream: () => {
        if (tries++ === 0) throw new Error('no stream today');
        return {} as never;
      },
    });
    const link = new NatsLink(settings, packages);
    await expect(link.connected()).rejects.toMatchObject({
      code: 'DISCONNECTED',
      message: expect.stringContaining('no stream today'),
    });
    expect(vi.getTimerCount()).toBe(1);
    await link.close();
    expect(vi.getTimerCount()).toBe(0);
  });
});
