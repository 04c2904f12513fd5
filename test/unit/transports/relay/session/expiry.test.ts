/** Tokens that expire: when their connections are closed, also where the clock is set, and when nothing is watched any more. */
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { Expiry } from '../../../../../transports/relay/session/expiry.ts';
import type { ClientSession } from '../../../../../transports/relay/session/session.ts';
import * as CloseCode from '../../../../../transports/relay-protocol/close-codes.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

function ground() {
  const closed: unknown[] = [];
  const sessionOf = (name: string, time: number) => {
    const session = {
      identity: { expires: Date.now() + time },
      disconnect: (...end: unknown[]) => closed.push([name, ...end]),
    };
    return session as typeof session & ClientSession;
  };
  const named = () => closed.map((own) => (own as unknown[])[0]);
  return { expiry: new Expiry(), sessionOf, closed, named };
}

it('each connection is closed when its own token expires, and not before', async () => {
  const { expiry, sessionOf, closed, named } = ground();
  for (const [name, time] of [
    ['later', 3_500],
    ['first', 1_500],
    ['second', 2_500],
  ] as const)
    expiry.watch(sessionOf(name, time));
  expect(vi.getTimerCount(), 'one timer for all').toBe(1);
  for (const [before, names] of [
    [1_499, []],
    [1, ['first']],
    [999, ['first']],
    [1, ['first', 'second']],
    [999, ['first', 'second']],
    [1, ['first', 'second', 'later']],
  ] as const) {
    await vi.advanceTimersByTimeAsync(before);
    expect(named()).toEqual(names);
  }
  expect(closed[0]).toEqual(['first', CloseCode.unauthorized, 'the token has expired']);
  expect(vi.getTimerCount()).toBe(0);
});

it('one that has expired already is closed at once', async () => {
  const { expiry, sessionOf, named } = ground();
  expiry.watch(sessionOf('old', -5_000));
  await vi.advanceTimersByTimeAsync(1);
  expect([named(), vi.getTimerCount()]).toEqual([['old'], 0]);
});

it('the clock of the system is looked at each second, for it may be set, and goes on while the machine sleeps', async () => {
  const { expiry, sessionOf, named } = ground();
  expiry.watch(sessionOf('one', 3_600_000));
  await vi.advanceTimersByTimeAsync(500);
  vi.setSystemTime(Date.now() + 3_600_000);
  await vi.advanceTimersByTimeAsync(499);
  expect(named()).toEqual([]);
  await vi.advanceTimersByTimeAsync(1);
  expect(named()).toEqual(['one']);
});

it('what is prolonged counts to its new end, and what never ends is watched no more', async () => {
  const { expiry, sessionOf, named } = ground();
  const [session, endless] = [sessionOf('one', 1_000), sessionOf('endless', 1_000)];
  expiry.watch(session);
  expiry.watch(endless);
  session.identity.expires = Date.now() + 5_000;
  expiry.watch(session);
  endless.identity.expires = Number.POSITIVE_INFINITY;
  expiry.watch(endless);
  await vi.advanceTimersByTimeAsync(4_999);
  expect(named()).toEqual([]);
  await vi.advanceTimersByTimeAsync(1);
  expect([named(), vi.getTimerCount()]).toEqual([['one'], 0]);
});

it('what is forgotten is not closed, and the last one leaves no timer', async () => {
  const { expiry, sessionOf, named } = ground();
  const [gone, stays] = [sessionOf('gone', 1_000), sessionOf('stays', 2_000)];
  expiry.watch(gone);
  expiry.watch(stays);
  expiry.forget(gone);
  expect(vi.getTimerCount()).toBe(1);
  await vi.advanceTimersByTimeAsync(1_999);
  expect(named()).toEqual([]);
  expiry.forget(stays);
  expect(vi.getTimerCount()).toBe(0);
  await vi.advanceTimersByTimeAsync(10_000);
  expect(named()).toEqual([]);
});
