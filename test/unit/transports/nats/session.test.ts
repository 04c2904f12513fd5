/** A connection to NATS: what is told of what was asked, and of its end. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { NOTHING } from '../../../../transports/nats/session.ts';
import { silentNats } from '../../../support/silent-nats.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

describe('a question', () => {
  it('gets its reply within its time, and TIMEOUT at it', async () => {
    const { open, sent, reply } = silentNats();
    const session = await open();
    const [one, other] = [session.ask('a', NOTHING, 100), session.ask('b', NOTHING, 100)];
    const outcome = other.catch((error: unknown) => error);
    await vi.advanceTimersByTimeAsync(99);
    reply(sent[0]);
    expect(await one).toMatchObject({ subject: sent[0] });
    await vi.advanceTimersByTimeAsync(1);
    expect(await outcome).toMatchObject({
      code: 'TIMEOUT',
      message: 'NATS gave no answer from b in 100 ms',
    });
    reply(sent[1]);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('ends with its connection, and so does one that comes later', async () => {
    const { open, ended } = silentNats();
    const session = await open();
    const outcome = session.ask('a', NOTHING, 100).catch((error: unknown) => error);
    ended.resolve(new Error('cut'));
    const expected = {
      code: 'DISCONNECTED',
      sent: 'unknown',
      message: 'the connection to NATS at nats.example:4222 broke: cut',
    };
    expect(await outcome).toMatchObject(expected);
    await expect(session.ask('a', NOTHING, 100)).rejects.toMatchObject(expected);
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe('waiting for NATS to have what was sent', () => {
  it('ends with the connection, when NATS says nothing', async () => {
    const { open, ended, flushing } = silentNats();
    const session = await open();
    flushing.promise = new Promise(() => {});
    let isOver = false;
    const waiting = session.flush().then(() => {
      isOver = true;
    });
    await vi.advanceTimersByTimeAsync(0);
    expect(isOver).toBe(false);
    ended.resolve(undefined);
    await waiting;
    await session.flush();
  });

  it('ends when NATS says so, and when it cannot be asked', async () => {
    const { open, flushing } = silentNats();
    const session = await open();
    await session.flush();
    flushing.promise = Promise.reject(new Error('closed'));
    await session.flush();
  });
});
