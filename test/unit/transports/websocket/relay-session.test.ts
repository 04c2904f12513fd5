/** A page's session with a relay, on a platform whose sockets a test moves: what it gives up and when, and what is left. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { PalmError } from '../../../../src/protocol/errors.ts';
import * as CloseCode from '../../../../transports/relay-protocol/close-codes.ts';
import { loneMessage, readClientMessage, Type } from '../../../../transports/relay-protocol/frames.ts';
import type { WebsocketSettings } from '../../../../transports/websocket/options.ts';
import { RelaySession } from '../../../../transports/websocket/relay-session.ts';
import { fakePlatform } from '../../../relay/life/fake-socket.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

const HEARTBEAT = 20_000;
const RESUME_WINDOW = 5_000;

/** The listeners of a page. */
function fakePage() {
  const listeners = new Map<string, Set<unknown>>();
  vi.stubGlobal('addEventListener', (type: string, listener: unknown) => {
    listeners.set(type, (listeners.get(type) ?? new Set()).add(listener));
  });
  vi.stubGlobal('removeEventListener', (type: string, listener: unknown) => {
    listeners.get(type)?.delete(listener);
  });
  return {
    get count() {
      return [...listeners.values()].reduce((sum, own) => sum + own.size, 0);
    },
    fire: (type: string, event: object = {}) => {
      for (const listener of [...(listeners.get(type) ?? [])])
        (listener as (event: object) => void)({ type, ...event });
    },
  };
}

function ground(settings: Partial<WebsocketSettings> = {}) {
  const page = fakePage();
  const platform = fakePlatform();
  const told: string[] = [];
  const errors: PalmError[] = [];
  const session = new RelaySession(
    {
      url: 'ws://relay.example/',
      token: () => 'token',
      isTokenFresh: false,
      connectTimeout: 1_000,
      maxDelay: 10,
      WebSocket: platform.WebSocket,
      ...settings,
    },
    {
      report: ({ type }) => told.push(type),
      began: () => told.push('began'),
      arrived: () => told.push('arrived'),
      lost: (error) => {
        told.push('lost');
        errors.push(error);
      },
      ended: (error) => {
        told.push('ended');
        errors.push(error);
      },
    },
  );
  session.start();
  /** The socket that was made last, once it is there. */
  const socket = async () => {
    await vi.advanceTimersByTimeAsync(20);
    const made = platform.made.at(-1);
    if (made === undefined) throw new Error('no socket was made');
    return made;
  };
  const welcome = async (isResumed = false) => {
    const own = await socket();
    own.open();
    own.get(
      loneMessage([
        Type.welcome,
        'secret',
        'relay/1',
        isResumed,
        0,
        1_000_000,
        1_000_000,
        HEARTBEAT,
        RESUME_WINDOW,
        '',
      ]).slice().buffer,
    );
    return own;
  };
  const count = (what: string) => told.filter((own) => own === what).length;
  return { session, page, platform, told, errors, socket, welcome, count };
}

describe('a session whose socket broke', () => {
  it('is given up when the relay has forgotten it, not before', async () => {
    const { welcome, count, errors, session } = ground();
    const socket = await welcome();
    socket.end();
    await vi.advanceTimersByTimeAsync(RESUME_WINDOW - 1);
    expect(count('lost')).toBe(0);
    await vi.advanceTimersByTimeAsync(1);
    expect(count('lost')).toBe(1);
    expect(errors[0]).toMatchObject({ code: 'LOST', sent: 'unknown' });
    session.close();
  });

  it('is not given up once it is resumed', async () => {
    const { welcome, count, session } = ground();
    const socket = await welcome();
    socket.end();
    await welcome(true);
    // Well beyond the resume window, and before the relay is silent for too long.
    await vi.advanceTimersByTimeAsync(2 * RESUME_WINDOW);
    expect([count('lost'), count('began'), count('connected'), session.hasSession]).toEqual([0, 1, 2, true]);
    session.close();
  });

  it('is lost at once when the relay has forgotten it, or says that it will', async () => {
    const forgotten = ground();
    (await forgotten.welcome()).end();
    await forgotten.welcome(false);
    expect(forgotten.told.filter((own) => own === 'lost' || own === 'began')).toEqual([
      'began',
      'lost',
      'began',
    ]);
    forgotten.session.close();
    for (const code of [CloseCode.goingAway, CloseCode.slowConsumer, CloseCode.relayFailed]) {
      const { welcome, count, session } = ground();
      (await welcome()).end(code);
      expect(count('lost')).toBe(1);
      session.close();
    }
  });

  it.each([
    [CloseCode.tooBig, 'TOO_LARGE'],
    [CloseCode.badFrame, 'PROTOCOL'],
    [CloseCode.forbidden, 'FORBIDDEN'],
    [CloseCode.unsupportedVersion, 'PROTOCOL'],
    [CloseCode.replaced, 'DISCONNECTED'],
  ])('for good with the code %i ends it with %s, and leaves nothing', async (code, error) => {
    const { welcome, errors, count, page } = ground();
    (await welcome()).end(code, 'why');
    expect([count('ended'), errors.at(-1)?.code, errors.at(-1)?.sent]).toEqual([1, error, 'unknown']);
    expect([vi.getTimerCount(), page.count]).toEqual([0, 0]);
  });
});

describe('a refused token', () => {
  it('is shown once more where it may be another one, and then no more', async () => {
    const { socket, count, platform, page } = ground({ isTokenFresh: true });
    for (let i = 0; i < 2; i++) {
      const own = await socket();
      own.open();
      own.end(CloseCode.unauthorized);
    }
    await vi.advanceTimersByTimeAsync(1_000);
    expect([platform.made.length, count('ended'), page.count, vi.getTimerCount()]).toEqual([2, 1, 0, 0]);
  });

  it('that cannot be another one ends it at once', async () => {
    const { socket, count, errors } = ground();
    const own = await socket();
    own.open();
    own.end(CloseCode.unauthorized);
    expect([count('ended'), errors[0]?.code]).toEqual([1, 'FORBIDDEN']);
  });
});

describe('a session that is closed leaves no timer and no listener of the page', () => {
  const expectNothingLeft = (page: { readonly count: number }) => {
    expect(vi.getTimerCount()).toBe(0);
    expect(page.count).toBe(0);
  };

  it('while its token is awaited', () => {
    const { session, page } = ground({ token: () => new Promise(() => {}) });
    expect([vi.getTimerCount(), page.count]).toEqual([1, 5]);
    session.close();
    expectNothingLeft(page);
  });

  it('while it connects', async () => {
    const { session, page, socket } = ground();
    await socket();
    session.close();
    expectNothingLeft(page);
  });

  it('while it is connected', async () => {
    const { session, page, welcome } = ground();
    const socket = await welcome();
    session.close();
    expectNothingLeft(page);
    expect(socket.closes).toEqual([CloseCode.normal]);
  });

  it('while it waits to connect again', async () => {
    const { session, page, welcome, platform } = ground({ maxDelay: 60_000 });
    (await welcome()).end();
    const made = platform.made.length;
    session.close();
    expectNothingLeft(page);
    await vi.advanceTimersByTimeAsync(120_000);
    expect(platform.made).toHaveLength(made);
  });

  it('after it was lost', async () => {
    const { session, page, welcome } = ground({ maxDelay: 60_000 });
    (await welcome()).end();
    await vi.advanceTimersByTimeAsync(RESUME_WINDOW);
    session.close();
    expectNothingLeft(page);
  });
});

describe('a connected session', () => {
  it('answers pings', async () => {
    const { session, welcome, count } = ground();
    const socket = await welcome();
    const before = socket.sent.length;
    socket.get(loneMessage([Type.ping]).slice().buffer);
    await vi.advanceTimersByTimeAsync(0);
    const frames = socket.sent.slice(before).flatMap((message) => readClientMessage(message as never).frames);
    expect(frames).toContainEqual([Type.pong]);
    expect(count('arrived')).toBe(0);
    session.close();
  });

  it('drops a relay that is silent for two looks, and comes back', async () => {
    const { session, welcome, count, platform } = ground({ connectTimeout: 10 * HEARTBEAT });
    await welcome();
    await vi.advanceTimersByTimeAsync(1.5 * HEARTBEAT);
    expect(count('disconnected')).toBe(0);
    await vi.advanceTimersByTimeAsync(HEARTBEAT);
    expect(count('disconnected')).toBeGreaterThan(0);
    expect(platform.made.length).toBeGreaterThan(1);
    session.close();
  });

  it('asks the relay when the page is shown again, and drops it when no answer comes', async () => {
    const { session, welcome, page, count } = ground();
    await welcome();
    page.fire('pageshow');
    await vi.advanceTimersByTimeAsync(2_999);
    expect(count('disconnected')).toBe(0);
    await vi.advanceTimersByTimeAsync(1);
    expect(count('disconnected')).toBe(1);
    session.close();
  });

  it('lets go when the page is put away and may come back, and not otherwise', async () => {
    const { session, welcome, page, count } = ground();
    await welcome();
    page.fire('pagehide', { persisted: false });
    expect(count('disconnected')).toBe(0);
    page.fire('pagehide', { persisted: true });
    expect(count('disconnected')).toBe(1);
    session.close();
  });
});
