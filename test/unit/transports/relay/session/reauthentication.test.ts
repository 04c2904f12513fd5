/** All clients are authenticated again: who goes on, who may do less, who ends, and how many are asked for at once. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Identity } from '../../../../../transports/relay/auth/identity.ts';
import { Reauthentication } from '../../../../../transports/relay/session/reauthentication.ts';
import * as CloseCode from '../../../../../transports/relay-protocol/close-codes.ts';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
});
afterEach(() => {
  vi.useRealTimers();
});

const identityOf = (name: string) => new Identity({ name, servers: [] });
const ALICE = identityOf('alice');

type Ask = (token: string | undefined, info: unknown) => Promise<Identity | undefined>;

function ground(ask: Ask, count = 1) {
  const session = (number: number) => ({
    id: `relay/${number}`,
    identity: ALICE,
    credentials: { token: `token ${number}`, info: { address: `192.0.2.${number}` } } as object | undefined,
    end: vi.fn(),
  });
  const own = Array.from({ length: count }, (_, i) => session(i));
  const identified = vi.fn();
  const logger = { debug: vi.fn(), info: vi.fn(), warning: vi.fn(), error: vi.fn() };
  const changed = vi.fn();
  const reauthentication = new Reauthentication({
    admission: { ask, changed } as never,
    sessions: { [Symbol.iterator]: () => own[Symbol.iterator](), identified } as never,
    logger,
    timeout: 1_000,
  });
  return { reauthentication, sessions: own, identified, logger, changed };
}

describe('a client', () => {
  it('is asked for by what it showed', async () => {
    const ask = vi.fn(async () => ALICE);
    const { reauthentication, changed } = ground(ask);
    await reauthentication.again();
    expect(ask).toHaveBeenCalledExactlyOnceWith('token 0', { address: '192.0.2.0' });
    expect(changed).toHaveBeenCalledOnce();
  });

  it('goes on as before when it is the same, and with its new grants when these changed', async () => {
    const same = ground(async () => ALICE);
    await same.reauthentication.again();
    expect(same.identified).not.toHaveBeenCalled();
    const now = identityOf('alice');
    const other = ground(async () => now);
    await other.reauthentication.again();
    expect(other.identified).toHaveBeenCalledExactlyOnceWith(other.sessions[0], now);
    for (const { sessions } of [same, other]) expect(sessions[0]?.end).not.toHaveBeenCalled();
  });

  it.each([
    ['nobody', undefined],
    ['somebody else', identityOf('bob')],
  ])('whose token is of %s ends', async (_who, identity) => {
    const { reauthentication, sessions, identified } = ground(async () => identity);
    await reauthentication.again();
    expect(sessions[0]?.end).toHaveBeenCalledExactlyOnceWith(
      CloseCode.unauthorized,
      'the token is not valid any more',
    );
    expect(identified).not.toHaveBeenCalled();
  });

  it('goes on when the hook fails or takes too long, which is logged', async () => {
    const failing = ground(async () => {
      throw new Error('no database');
    });
    await failing.reauthentication.again();
    const silent = ground(() => new Promise(() => {}));
    const done = silent.reauthentication.again();
    await vi.waitFor(() => expect(vi.getTimerCount()).toBe(1), 10_000);
    vi.advanceTimersByTime(1_000);
    await done;
    for (const [{ sessions, logger }, reason] of [
      [failing, 'no database'],
      [silent, 'no answer within 1000 ms'],
    ] as const) {
      expect(sessions[0]?.end).not.toHaveBeenCalled();
      expect(logger.error).toHaveBeenCalledExactlyOnceWith(
        'a client could not be authenticated again, and goes on as before',
        { client: 'relay/0', identity: 'alice', reason },
      );
    }
    expect(vi.getTimerCount()).toBe(0);
  });

  it('that has not shown anything yet, or came back with something else meanwhile, is left alone', async () => {
    const ask = vi.fn(async (): Promise<Identity | undefined> => {
      const [session] = own.sessions;
      if (session !== undefined) session.credentials = { token: 'another', info: {} };
      return undefined;
    });
    const own = ground(ask);
    await own.reauthentication.again();
    expect(own.sessions[0]?.end).not.toHaveBeenCalled();
    const unknown = ground(ask);
    const [session] = unknown.sessions;
    if (session !== undefined) session.credentials = undefined;
    ask.mockClear();
    await unknown.reauthentication.again();
    expect(ask).not.toHaveBeenCalled();
  });
});

describe('rounds', () => {
  it('ask for 64 clients at once, and for all', async () => {
    const answers: ((identity: Identity) => void)[] = [];
    const { reauthentication } = ground(
      () =>
        new Promise((resolve) => {
          answers.push(resolve);
        }),
      130,
    );
    const done = reauthentication.again();
    for (const count of [64, 128, 130]) {
      await vi.waitFor(() => expect(answers).toHaveLength(count), 10_000);
      for (let turn = 0; turn < 5; turn++) await new Promise(setImmediate);
      expect(answers).toHaveLength(count);
      for (const answer of answers) answer(ALICE);
    }
    await done;
    expect(vi.getTimerCount()).toBe(0);
  });

  it('that are asked for during one are one more, after it', async () => {
    let asked = 0;
    let answer = (_: Identity) => {};
    const { reauthentication, changed } = ground(() => {
      asked++;
      return new Promise((resolve) => {
        answer = resolve;
      });
    });
    const first = reauthentication.again();
    await vi.waitFor(() => expect(asked).toBe(1), 10_000);
    const second = reauthentication.again();
    const third = reauthentication.again();
    expect(second).not.toBe(first);
    expect(third).toBe(second);
    expect(changed).toHaveBeenCalledTimes(3);
    answer(ALICE);
    await first;
    await vi.waitFor(() => expect(asked).toBe(2), 10_000);
    answer(ALICE);
    await second;
    expect(asked).toBe(2);
  });
});
