/** The relay's table of sessions: who may resume which, who makes room for whom, and what is left. */

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { randomId } from '../../../../../src/protocol/ids.ts';
import { Identity } from '../../../../../transports/relay/auth/identity.ts';
import { resolveLimits } from '../../../../../transports/relay/session/limits.ts';
import { MemoryBudget } from '../../../../../transports/relay/session/memory-budget.ts';
import type { ClientSession, SessionSocket } from '../../../../../transports/relay/session/session.ts';
import { Sessions, type SessionsSettings } from '../../../../../transports/relay/session/sessions.ts';
import type { Upstream } from '../../../../../transports/relay/upstream/upstream.ts';
import * as CloseCode from '../../../../../transports/relay-protocol/close-codes.ts';
import { bytes } from '../../../../support/bytes.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const RESUME_WINDOW = 1_000;
const ADDRESS = '192.0.2.1';

const identityOf = (name: string, expires?: number) => new Identity({ name, servers: [], expires });
const ALICE = identityOf('alice');

function ground({
  isAdoptable = false,
  ...settings
}: Partial<SessionsSettings> & { readonly isAdoptable?: boolean } = {}) {
  const budget = new MemoryBudget(1_000_000_000);
  const sessions = new Sessions({
    relayId: 'relay',
    most: 100,
    mostAbsent: 100,
    nameSession: randomId,
    resumeWindow: RESUME_WINDOW,
    sessions: {
      limits: resolveLimits(),
      budget,
      calls: {},
      requests: {},
      find: () => undefined,
      onRefused: () => {},
      onLostWork: () => {},
      isAdoptable,
    } as unknown as SessionsSettings['sessions'],
    ...settings,
  });
  const socket = () => ({ unsent: 0, send: vi.fn(), close: vi.fn() }) satisfies SessionSocket;
  /** A session whose client is connected. */
  const connected = (identity = ALICE, address = ADDRESS) => {
    const session = sessions.begin(identity, address);
    const own = socket();
    sessions.connect(session, own, identity);
    return { session, socket: own };
  };
  /** A session whose client has lost its connection. */
  const away = (identity = ALICE, address = ADDRESS) => {
    const own = connected(identity, address);
    sessions.disconnected(own.session, own.socket, true);
    return own.session;
  };
  const isKnown = (session: ClientSession) => [...sessions].includes(session);
  return { sessions, budget, socket, connected, away, isKnown };
}

describe('a session', () => {
  it('has an id that begins with that of the relay, and a secret, both its own', () => {
    const { sessions } = ground();
    const all = [1, 2, 3].map(() => sessions.begin(ALICE, ADDRESS));
    expect(new Set(all.map(({ id }) => id)).size).toBe(3);
    expect(new Set(all.map(({ secret }) => secret)).size).toBe(3);
    for (const { id } of all) expect(id).toMatch(/^relay\/./);
  });

  it('is resumed by its secret, by the same identity alone, until it is forgotten', async () => {
    const { sessions, away } = ground();
    const session = away();
    expect(sessions.resume('another secret', ALICE)).toBeUndefined();
    expect(sessions.resume(session.secret, identityOf('bob'))).toBeUndefined();
    await vi.advanceTimersByTimeAsync(RESUME_WINDOW - 1);
    expect(sessions.resume(session.secret, ALICE)).toBe(session);
    // Nothing forgets it now.
    expect(vi.getTimerCount()).toBe(0);
    await vi.advanceTimersByTimeAsync(2 * RESUME_WINDOW);
    expect(sessions.resume(session.secret, ALICE)).toBe(session);
    const late = away();
    await vi.advanceTimersByTimeAsync(RESUME_WINDOW);
    expect(sessions.resume(late.secret, ALICE)).toBeUndefined();
  });

  it('is forgotten at once when its client says that it does not come back', () => {
    const { sessions, connected } = ground();
    const { session, socket } = connected();
    sessions.disconnected(session, socket, false);
    expect([sessions.size, sessions.resume(session.secret, ALICE), vi.getTimerCount()]).toEqual([
      0,
      undefined,
      0,
    ]);
  });

  it('is forgotten when it ends', () => {
    const { sessions, connected } = ground();
    const { session, socket } = connected();
    session.end(CloseCode.slowConsumer, 'too slow');
    expect(socket.close).toHaveBeenCalledExactlyOnceWith(CloseCode.slowConsumer, 'too slow');
    expect([sessions.size, sessions.resume(session.secret, ALICE)]).toEqual([0, undefined]);
    // Its socket ends after it.
    sessions.disconnected(session, socket, true);
    expect([sessions.size, vi.getTimerCount()]).toEqual([0, 0]);
  });

  it('outlives the end of a socket that another one has replaced', () => {
    const { sessions, connected, socket } = ground();
    const { session, socket: before } = connected();
    const after = socket();
    sessions.connect(session, after, ALICE);
    expect(before.close).toHaveBeenCalledExactlyOnceWith(CloseCode.replaced, expect.any(String));
    sessions.disconnected(session, before, false);
    expect([sessions.size, session.isConnected]).toEqual([1, true]);
    expect(after.close).not.toHaveBeenCalled();
  });

  it('keeps nothing when it is forgotten, however often', () => {
    const { sessions, connected, budget } = ground();
    const { session } = connected();
    session.arriving(1_000);
    expect(budget.total).toBe(1_000);
    for (let i = 0; i < 2; i++) sessions.forget(session);
    session.arriving(2_000);
    expect([sessions.size, budget.total, vi.getTimerCount()]).toEqual([0, 0, 0]);
  });
});

describe('a session of another relay', () => {
  const ID = 'other/7';

  it('keeps the id of its client, and gets a name that says whose it is', () => {
    const nameSession = vi.fn(({ id }: { readonly id: string }) => `name of ${id}`);
    const { sessions } = ground({ nameSession });
    const adopted = sessions.begin(ALICE, ADDRESS, ID);
    expect([adopted.id, adopted.secret, adopted.isAdopted]).toEqual([ID, `name of ${ID}`, true]);
    const own = sessions.begin(ALICE, ADDRESS);
    expect([own.id, own.isAdopted]).toEqual(['relay/1', false]);
    expect(nameSession.mock.calls).toEqual([
      [{ id: ID, identity: 'alice' }],
      [{ id: 'relay/1', identity: 'alice' }],
    ]);
    expect(sessions.resume(`name of ${ID}`, ALICE)).toBe(adopted);
    expect(sessions.resume(`name of ${ID}`, identityOf('bob'))).toBeUndefined();
  });

  it('is given the deliveries for its client, and no other is', () => {
    const { sessions } = ground();
    const all = [ID, 'other/70', 'relay/7'].map((id) => sessions.begin(ALICE, ADDRESS, id));
    const given = all.map((session) => vi.spyOn(session, 'deliver').mockReturnValue(undefined));
    const to = (topic: string) => ({ topic, frames: [bytes(topic)] });
    sessions.deliver({} as Upstream, [to(`${ID}/a`), to('other/7'), to('relay/7/b'), to('another/7/c')]);
    const topics = given.map(({ mock }) => mock.calls.map(([, own]) => own.map(({ topic }) => topic)));
    expect(topics).toEqual([[[`${ID}/a`, 'other/7']], [], [['relay/7/b']]]);
  });

  it.each([true, false])(
    'takes the place of one of the same client, connected (%s) or away, whose calls go on',
    (isConnected) => {
      const { sessions, socket, isKnown, connected } = ground({ isAdoptable: true });
      const other = connected().session;
      const before = sessions.begin(ALICE, ADDRESS, ID);
      const own = socket();
      sessions.connect(before, own, ALICE);
      if (!isConnected) sessions.disconnected(before, own, true);
      const cancel = vi.fn(async () => 0);
      before.called(1, { cancel } as unknown as Upstream);
      const after = sessions.begin(ALICE, ADDRESS, ID);
      expect(own.close.mock.calls).toEqual(
        isConnected ? [[CloseCode.replaced, 'the client goes on with its session elsewhere']] : [],
      );
      expect([before, after, other].map(isKnown)).toEqual([false, true, true]);
      expect([sessions.resume(before.secret, ALICE), sessions.size]).toEqual([undefined, 2]);
      expect(cancel).not.toHaveBeenCalled();
      // The end of the socket that it had comes later, and is none of the new one's.
      sessions.disconnected(before, own, false);
      expect([isKnown(after), vi.getTimerCount(), cancel.mock.calls]).toEqual([true, 0, []]);
      const delivered = vi.spyOn(after, 'deliver').mockReturnValue(undefined);
      sessions.deliver({} as Upstream, [{ topic: `${ID}/a`, frames: [] }]);
      expect(delivered).toHaveBeenCalledOnce();
    },
  );

  it('takes that place without making room', () => {
    const { sessions, away, isKnown } = ground({ isAdoptable: true, most: 2 });
    const waits = away();
    sessions.begin(ALICE, ADDRESS, ID);
    sessions.begin(ALICE, ADDRESS, ID);
    expect([isKnown(waits), sessions.size]).toEqual([true, 2]);
  });
});

describe('the calls of a session that is forgotten', () => {
  const ends = {
    'after a while': async ({ away }: ReturnType<typeof ground>) => [away()],
    'for room': async ({ away, sessions }: ReturnType<typeof ground>) => {
      const session = away();
      sessions.begin(ALICE, ADDRESS);
      return [session];
    },
    'for room in its group': async ({ away }: ReturnType<typeof ground>) => [away(), away()],
    'as its client may go on elsewhere': async ({ connected, sessions }: ReturnType<typeof ground>) => {
      const { session } = connected();
      sessions.forget(session, true);
      return [session];
    },
    'as its client is done': async ({ connected, sessions }: ReturnType<typeof ground>) => {
      const { session, socket } = connected();
      sessions.disconnected(session, socket, false);
      return [session];
    },
    'as it breaks the protocol': async ({ connected }: ReturnType<typeof ground>) => {
      const { session } = connected();
      session.violated(new Error('broken'));
      return [session];
    },
    'as it keeps too much': async ({ connected }: ReturnType<typeof ground>) => {
      const { session } = connected();
      session.end(CloseCode.slowConsumer, 'too slow');
      return [session];
    },
    'for no reason that is known': async ({ connected, sessions }: ReturnType<typeof ground>) => {
      const { session } = connected();
      sessions.forget(session);
      return [session];
    },
  };

  it.each([
    ['after a while', true],
    ['for room', true],
    ['for room in its group', true],
    ['as its client may go on elsewhere', true],
    ['as its client is done', false],
    ['as it breaks the protocol', false],
    ['as it keeps too much', false],
    ['for no reason that is known', false],
  ] as const)('%s go on where it is adoptable: %s; and nowhere else', async (how, goOn) => {
    for (const isAdoptable of [true, false]) {
      const own = ground({ isAdoptable, most: how === 'for room' ? 1 : 100, mostAbsent: 1 });
      const cancel = vi.fn(async () => 0);
      const upstream = { cancel } as unknown as Upstream;
      const begin = own.sessions.begin.bind(own.sessions);
      vi.spyOn(own.sessions, 'begin').mockImplementation((...args) => {
        const session = begin(...args);
        session.called(1, upstream);
        return session;
      });
      const [session] = await ends[how](own);
      if (how === 'after a while') await vi.advanceTimersByTimeAsync(RESUME_WINDOW);
      expect(session === undefined || own.isKnown(session)).toBe(false);
      expect(cancel).toHaveBeenCalledTimes(goOn && isAdoptable ? 0 : 1);
      for (const left of [...own.sessions]) own.sessions.forget(left, true);
      vi.clearAllTimers();
    }
  });
});

describe('room for a session', () => {
  it('is made by the one that was away for longest, of the group with the most that are', () => {
    const { away, connected, isKnown, sessions } = ground({ most: 5 });
    const here = connected().session;
    const first = away(identityOf('bob'));
    const [oldest, newer] = [away(), away()];
    const last = away(identityOf('carol'), '192.0.2.2');
    sessions.begin(ALICE, ADDRESS);
    expect([here, first, last, oldest, newer].map(isKnown)).toEqual([true, true, true, false, true]);
    expect(sessions.size).toBe(5);
  });

  it('is never made by one that is connected, nor by one that has come back', () => {
    const { away, connected, isKnown, sessions, socket } = ground({ most: 2 });
    const here = connected().session;
    const back = away();
    expect(sessions.resume(back.secret, ALICE)).toBe(back);
    sessions.connect(back, socket(), ALICE);
    sessions.begin(ALICE, ADDRESS);
    expect([here, back].map(isKnown)).toEqual([true, true]);
  });

  it('of one group is bounded among those that are away, and pushes out none of another', () => {
    const { away, isKnown } = ground({ mostAbsent: 2 });
    const other = away(identityOf('bob'));
    const elsewhere = away(ALICE, '198.51.100.1');
    const own = [away(), away(), away(), away()];
    expect([other, elsewhere].map(isKnown)).toEqual([true, true]);
    expect(own.map(isKnown)).toEqual([false, false, true, true]);
  });
});

describe('deliveries', () => {
  it('go to the client that their topics begin with, together where they came together', () => {
    const { sessions, connected } = ground();
    const [first, second] = [connected().session, connected().session];
    const given = [first, second].map((session) => vi.spyOn(session, 'deliver').mockReturnValue(undefined));
    const upstream = {} as Upstream;
    const to = (topic: string) => ({ topic, frames: [bytes(topic)] });
    const deliveries = [
      to(`${first.id}/1`),
      to(`${first.id}/2`),
      to(`${second.id}/1`),
      to('relay/unknown/1'),
      to('nothing'),
      to(`${first.id}/3`),
    ];
    sessions.deliver(upstream, deliveries);
    const topics = given.map(({ mock }) => mock.calls.map(([, own]) => own.map(({ topic }) => topic)));
    expect(topics).toEqual([[[`${first.id}/1`, `${first.id}/2`], [`${first.id}/3`]], [[`${second.id}/1`]]]);
    sessions.forget(first);
    sessions.deliver(upstream, deliveries);
    expect(given.map(({ mock }) => mock.calls.length)).toEqual([2, 2]);
    // A topic that is nobody's has an end as well.
    sessions.deliver(upstream, [to(`${second.id}/2`), to('relay/')]);
    expect(given[1]?.mock.calls.at(-1)?.[1]).toEqual([to(`${second.id}/2`)]);
  });
});

describe('a token that expires', () => {
  const expiring = (time: number) => identityOf('alice', Date.now() + time);

  it('closes the connection then and not before, and a new one sets a new time', async () => {
    const { sessions, connected } = ground();
    const { session, socket } = connected(expiring(5_000));
    await vi.advanceTimersByTimeAsync(4_999);
    expect(socket.close).not.toHaveBeenCalled();
    sessions.identified(session, expiring(3_000));
    await vi.advanceTimersByTimeAsync(2_999);
    expect(socket.close).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(1);
    expect(socket.close).toHaveBeenCalledExactlyOnceWith(CloseCode.unauthorized, 'the token has expired');
    expect(vi.getTimerCount()).toBe(0);
  });

  it('is not watched when it never expires any more, nor while its client is away or gone', () => {
    const { sessions, connected } = ground();
    const forgets = connected(expiring(5_000));
    expect(vi.getTimerCount()).toBe(1);
    sessions.disconnected(forgets.session, forgets.socket, false);
    expect(vi.getTimerCount()).toBe(0);
    const leaves = connected(expiring(5_000));
    sessions.disconnected(leaves.session, leaves.socket, true);
    // The one that forgets it.
    expect(vi.getTimerCount()).toBe(1);
    sessions.identified(leaves.session, expiring(5_000));
    expect(vi.getTimerCount()).toBe(1);
    sessions.forget(leaves.session);
    expect(vi.getTimerCount()).toBe(0);
  });
});
