/** A page's session with a relay, on a platform whose sockets a test moves: what it gives up and when, and what is left. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { keyRequest } from '../../../../src/protocol/cache-request.ts';
import { EnvelopeCodec } from '../../../../src/protocol/envelope.ts';
import type { PalmError } from '../../../../src/protocol/errors.ts';
import type { ChannelStatus } from '../../../../src/transport.ts';
import * as CloseCode from '../../../../transports/relay-protocol/close-codes.ts';
import {
  ADOPTS,
  ChannelKind,
  FEATURES,
  loneMessage,
  MessageWriter,
  type RelayFrame,
  readClientMessage,
  setNumbers,
  Type,
} from '../../../../transports/relay-protocol/frames.ts';
import type { WebsocketSettings } from '../../../../transports/websocket/options.ts';
import { onWake, RelaySession } from '../../../../transports/websocket/relay-session.ts';
import type { SessionTerms } from '../../../../transports/websocket/shared-session.ts';
import { type FakeSocket, fakePlatform } from '../../../relay/life/fake-socket.ts';
import { bytes } from '../../../support/bytes.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
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
  const statuses: ChannelStatus[] = [];
  const terms: SessionTerms[] = [];
  const arrived: RelayFrame[] = [];
  const beginnings: (() => void)[] = [];
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
      report: (status) => {
        told.push(status.type);
        statuses.push(status);
      },
      began: (own) => {
        told.push('began');
        terms.push(own);
        for (const hear of beginnings) hear();
      },
      arrived: (frames) => {
        told.push('arrived');
        arrived.push(...frames);
      },
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
  /** Has a relay greet. */
  const greet = (
    own: FakeSocket,
    {
      id = 'secret',
      client = 'relay/1',
      isResumed = false,
      received = 0,
      maxFrame = 1_000_000,
      window = 500_001,
      keyPrefix = 'key/',
      features = 0,
    } = {},
  ) => {
    own.open();
    const limits = [maxFrame, window, HEARTBEAT, RESUME_WINDOW] as const;
    const frame = [Type.welcome, id, client, isResumed, received, ...limits, keyPrefix] as const;
    own.get(loneMessage(frame, features).slice().buffer);
  };
  const welcome = async (isResumed = false, received = 0, features = 0) => {
    const own = await socket();
    greet(own, { isResumed, received, features });
    return own;
  };
  /** Resolves once so many sessions have begun: those that others can adopt when a module is loaded. */
  const begun = (times = 1) =>
    new Promise<void>((resolve) => {
      const hear = () => {
        if (terms.length >= times) resolve();
      };
      beginnings.push(hear);
      hear();
    });
  const count = (what: string) => told.filter((own) => own === what).length;
  return {
    session,
    page,
    platform,
    told,
    errors,
    statuses,
    terms,
    arrived,
    socket,
    greet,
    welcome,
    begun,
    count,
  };
}

/** A message of the relay. */
function said(sequence: number, ...frames: RelayFrame[]): ArrayBuffer {
  const writer = new MessageWriter();
  for (const frame of frames) writer.add(frame);
  const message = writer.take().slice();
  setNumbers(message, sequence, 0);
  return message.buffer;
}

/** A message of the relay that confirms so many. */
function confirmation(count: number): ArrayBuffer {
  const message = new MessageWriter().take().slice();
  setNumbers(message, 0, count);
  return message.buffer;
}

/** The messages that a socket has sent, each as numbers and frames. */
const sentOn = (socket: { readonly sent: readonly Uint8Array[] }) =>
  socket.sent.map((message) => readClientMessage(message as never));

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
    expect([count('lost'), count('began'), count('connected')]).toEqual([0, 1, 2]);
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

describe('a relay that says that it has resumed what the client does not have', () => {
  it.each([0, 7])('has begun a session, whatever it says to have received: %i', async (received) => {
    const { welcome, told, terms, session, count } = ground();
    const socket = await welcome(true, received);
    expect(told.filter((own) => own === 'lost' || own === 'began' || own === 'ended')).toEqual(['began']);
    expect(terms[0]?.client).toBe('relay/1');
    socket.end();
    await welcome(true);
    expect([count('began'), count('lost')]).toEqual([1, 0]);
    session.close();
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

describe('the first message of a client', () => {
  it('has its token, no session yet, and what it understands', async () => {
    const { session, socket } = ground();
    const own = await socket();
    own.open();
    expect(sentOn(own)).toEqual([
      { sequence: 0, confirmed: FEATURES, frames: [[Type.hello, 'token', null, 0]] },
    ]);
    session.close();
  });

  it('has no token where there is none, and a new one for each connection', async () => {
    const tokens = [undefined, 'second'];
    const { session, socket } = ground({ token: async () => tokens.shift() });
    for (const token of [null, 'second']) {
      const own = await socket();
      own.open();
      expect(sentOn(own)[0]?.frames).toEqual([[Type.hello, token, null, 0]]);
      own.end();
    }
    session.close();
  });

  it('names the session that it had, and how many messages it has of it', async () => {
    const { session, welcome, socket } = ground();
    const first = await welcome();
    for (const sequence of [1, 2]) first.get(said(sequence, [Type.taken, 1, 1]));
    first.end();
    const second = await socket();
    second.open();
    expect(sentOn(second)[0]?.frames).toEqual([[Type.hello, 'token', 'secret', 2]]);
    session.close();
  });

  it('is not sent before the token is there, and the platform gets no socket before either', async () => {
    let give = (_: string) => {};
    const { session, platform, socket } = ground({
      token: () =>
        new Promise((resolve) => {
          give = resolve;
        }),
    });
    await vi.advanceTimersByTimeAsync(500);
    expect(platform.made).toHaveLength(0);
    give('late');
    const own = await socket();
    own.open();
    expect(sentOn(own)[0]?.frames).toEqual([[Type.hello, 'late', null, 0]]);
    session.close();
  });
});

describe('a token provider', () => {
  it('that fails is asked again, and the reason is told', async () => {
    let calls = 0;
    const { session, statuses, welcome, count } = ground({
      token: async () => {
        if (++calls === 1) throw new Error('no login');
        return 'token';
      },
    });
    await welcome();
    expect(statuses.slice(0, 3)).toEqual([
      { type: 'connecting', address: 'ws://relay.example/' },
      {
        type: 'disconnected',
        address: 'ws://relay.example/',
        reason: 'the token provider failed: no login',
      },
      {
        type: 'reconnecting',
        address: 'ws://relay.example/',
        attempt: 1,
        delay: expect.any(Number),
      },
    ]);
    expect([calls, count('began')]).toEqual([2, 1]);
    session.close();
  });

  it('that throws at once is asked again, too', async () => {
    let calls = 0;
    const { session, welcome, count } = ground({
      token: () => {
        if (++calls === 1) throw new Error('no login');
        return 'token';
      },
    });
    await welcome();
    expect([calls, count('began')]).toEqual([2, 1]);
    session.close();
  });

  it('that takes longer than it may is asked again', async () => {
    const { session, statuses, count } = ground({ token: () => new Promise(() => {}) });
    await vi.advanceTimersByTimeAsync(999);
    expect(count('disconnected')).toBe(0);
    await vi.advanceTimersByTimeAsync(1);
    expect(statuses).toContainEqual({
      type: 'disconnected',
      address: 'ws://relay.example/',
      reason: 'the token provider failed: nothing within 1000 ms',
    });
    session.close();
  });

  it('leaves no timer once it has given a token', async () => {
    const { session, platform } = ground({ connectTimeout: 1e10 });
    await vi.advanceTimersByTimeAsync(0);
    expect([platform.made.length, vi.getTimerCount()]).toEqual([1, 0]);
    session.close();
  });

  it.each([
    ['gives', (give: (token: string) => void) => give('late')],
    ['fails', (_: unknown, fail: (error: Error) => void) => fail(new Error('late'))],
  ])('that %s after the end makes no socket, no timer and no noise', async (_, settle) => {
    const outcome: Parameters<ConstructorParameters<typeof Promise<string>>[0]>[] = [];
    const { session, platform, statuses } = ground({
      token: () => new Promise<string>((...both) => outcome.push(both)),
    });
    session.close();
    const [both] = outcome;
    if (both === undefined) throw new Error('the token was not asked for');
    settle(...both);
    await vi.advanceTimersByTimeAsync(0);
    expect([platform.made.length, vi.getTimerCount(), statuses.length]).toEqual([0, 0, 1]);
  });
});

it('a platform that refuses the URL ends it with FORBIDDEN', async () => {
  class Refused {
    constructor() {
      throw new Error('not by this policy');
    }
  }
  const { errors, told, page } = ground({ WebSocket: Refused as never });
  await vi.advanceTimersByTimeAsync(0);
  expect(told).toEqual(['connecting', 'ended']);
  expect(errors[0]).toMatchObject({
    code: 'FORBIDDEN',
    message: expect.stringMatching(/^no WebSocket to ws:\/\/relay\.example\/.*not by this policy/),
  });
  expect([vi.getTimerCount(), page.count]).toEqual([0, 0]);
});

describe('a relay', () => {
  it('that begins with something else than a welcome is not spoken with', async () => {
    const { session, socket, count, errors } = ground();
    const own = await socket();
    own.open();
    own.get(said(0, [Type.ping]));
    expect(own.closes).toEqual([CloseCode.badFrame]);
    expect([count('began'), count('ended')]).toEqual([0, 1]);
    expect(errors[0]).toMatchObject({
      code: 'PROTOCOL',
      message: expect.stringContaining('no welcome'),
    });
    session.close();
  });

  it('that greets with nothing, or sends what is no message, is not spoken with', async () => {
    for (const data of [said(0), new Uint8Array([1, 2, 3]).buffer]) {
      const { session, socket, errors } = ground();
      const own = await socket();
      own.open();
      own.get(data);
      expect(own.closes).toEqual([CloseCode.badFrame]);
      expect(errors[0]?.code).toBe('PROTOCOL');
      session.close();
    }
  });

  it('tells the terms of a session, with envelopes of half a window where it takes pieces', async () => {
    for (const [features, heaviest] of [
      [0, 500_001],
      [1, 250_001],
      [2, 500_001],
      [3, 250_001],
    ] as const) {
      const { session, welcome, begun, terms, statuses } = ground();
      await welcome(false, 0, features);
      await begun();
      expect(terms).toEqual([
        { client: 'relay/1', maxFrame: 1_000_000, window: 500_001, heaviest, keyPrefix: 'key/' },
      ]);
      expect(statuses.at(-1)).toEqual({ type: 'connected', address: 'ws://relay.example/' });
      session.close();
    }
  });

  it('is pinged on waking where it answers pings, and not otherwise', async () => {
    for (const [features, count] of [
      [0, 0],
      [1, 1],
      [3, 1],
    ]) {
      const { session, welcome, page } = ground();
      const own = await welcome(false, 0, features);
      page.fire('online');
      const pings = sentOn(own).filter(({ frames }) => frames[0]?.[0] === Type.ping);
      expect(pings).toHaveLength(count ?? 0);
      session.close();
    }
  });

  it('has its frames heard once, also when it sends them again', async () => {
    const { session, welcome, arrived } = ground();
    const own = await welcome();
    const taken = (count: number) => [Type.taken, 1, count] as const;
    own.get(said(1, taken(1), taken(2)));
    own.get(said(1, taken(1), taken(2)));
    own.get(said(0, [Type.pong]));
    own.get(said(0));
    own.get(said(2, taken(3)));
    expect(arrived).toEqual([taken(1), taken(2), taken(3)]);
    session.close();
  });

  it('gets what it has not received again, and nothing that it has', async () => {
    const { session, welcome } = ground();
    session.post([Type.cancel, 9]);
    const first = await welcome();
    for (const id of [1, 2, 3]) {
      session.post([Type.cancel, id]);
      await vi.advanceTimersByTimeAsync(0);
    }
    expect(sentOn(first).flatMap(({ frames }) => frames.slice(-1))).toEqual([
      [Type.hello, 'token', null, 0],
      [Type.cancel, 1],
      [Type.cancel, 2],
      [Type.cancel, 3],
    ]);
    first.end();
    session.post([Type.cancel, 4]);
    const second = await welcome(true, 2);
    await vi.advanceTimersByTimeAsync(0);
    expect(sentOn(second).flatMap(({ frames }) => frames.slice(-1))).toEqual([
      [Type.hello, 'token', 'secret', 0],
      [Type.cancel, 3],
      [Type.cancel, 4],
    ]);
    session.close();
  });

  it('that has forgotten the session gets nothing of it, whatever it says to have received', async () => {
    const { session, welcome, errors } = ground();
    (await welcome()).end();
    session.post([Type.cancel, 1]);
    const second = await welcome(false, 7);
    await vi.advanceTimersByTimeAsync(0);
    expect([sentOn(second).length, second.closes]).toEqual([1, []]);
    expect(errors[0]).toMatchObject({
      code: 'LOST',
      sent: 'unknown',
      message: expect.stringContaining('the relay forgot the session'),
    });
    session.close();
  });
});

describe('a session that other relays can adopt', () => {
  const features = FEATURES + ADOPTS;
  const push = [Type.open, 1, ChannelKind.push, 'demo', ''] as const;
  const opened = (from: number) => [Type.openFrom, 1, ChannelKind.push, 'demo', '', from];
  const one = (text: string) => [Type.send, 1, 1, [bytes(text)]] as const;
  const ready = [Type.ready, 1, 1, true] as const;
  const codec = new EnvelopeCodec();
  const asks = (operation: string, id: number) => {
    const frame = keyRequest(operation, { server: 'demo', client: 'relay/1' }, 'key', 0);
    return [Type.request, id, 'demo', codec.encode(frame)] as const;
  };
  const failed = (id: number) => [Type.failed, id, 'DISCONNECTED', expect.any(String)];
  /** What a relay was sent in messages that count, after some turns. */
  const framesOf = async (own: FakeSocket) => {
    await vi.advanceTimersByTimeAsync(0);
    return sentOn(own)
      .filter(({ sequence }) => sequence > 0)
      .flatMap(({ frames }) => frames);
  };
  const changes = (told: readonly string[]) => told.filter((own) => own === 'lost' || own === 'began');

  /** One with a channel that pushes, which is ready. */
  async function begin(first = features) {
    const own = ground();
    const socket = await own.welcome(false, 0, first);
    await own.begun();
    own.session.post(push);
    socket.get(said(1, ready));
    await framesOf(socket);
    /** Another relay greets, after the connection is gone. */
    const move = async (greeting: Parameters<typeof own.greet>[1] = {}) => {
      own.platform.made.at(-1)?.end();
      const next = await own.socket();
      own.greet(next, { id: 'other', features, ...greeting });
      return next;
    };
    return { ...own, first: socket, move };
  }

  it('has its channels opened once what that takes is loaded', async () => {
    const { session, socket, greet, begun, terms, told, count } = ground();
    const own = await socket();
    greet(own, { features });
    expect([count('began'), count('connected')]).toEqual([0, 1]);
    await begun();
    expect(terms).toHaveLength(1);
    session.post(push);
    expect(await framesOf(own)).toEqual([opened(0)]);
    expect(changes(told)).toEqual(['began']);
    session.close();
  });

  it.each([
    ['is closed', (session: RelaySession) => session.close()],
    ['is lost', (_: RelaySession, own: FakeSocket) => own.end(CloseCode.goingAway)],
    ['is ended', (_: RelaySession, own: FakeSocket) => own.end(CloseCode.forbidden)],
  ])('does not begin when it %s before that', async (_, end) => {
    const { session, socket, greet, told } = ground();
    const own = await socket();
    greet(own, { features });
    end(session, own);
    await import('../../../../transports/websocket/adoptable.ts');
    await vi.advanceTimersByTimeAsync(0);
    expect(told).not.toContain('began');
    session.close();
  });

  it('begins for itself when it follows one that was lost before that', async () => {
    const { session, socket, greet, begun, terms, told } = ground();
    const own = await socket();
    greet(own, { features });
    own.end(CloseCode.goingAway);
    const next = await socket();
    greet(next, { features, client: 'relay/2' });
    await begun();
    await vi.advanceTimersByTimeAsync(0);
    expect(terms.map(({ client }) => client)).toEqual(['relay/2']);
    expect(changes(told)).toEqual(['lost', 'began']);
    session.post(push);
    expect(await framesOf(next)).toEqual([opened(0)]);
    session.close();
  });

  it('begins once when its connection breaks before that, and goes on over the next', async () => {
    const { session, socket, greet, begun, told } = ground();
    const own = await socket();
    greet(own, { features });
    own.end();
    await begun();
    const next = await socket();
    greet(next, { features, isResumed: true });
    session.post(push);
    expect(await framesOf(next)).toEqual([opened(0)]);
    expect(changes(told)).toEqual(['began']);
    session.close();
  });

  it('goes on at the relay that has adopted it: nobody hears of it, and what may not be stored is sent again', async () => {
    const { session, first, move, told, arrived, statuses } = await begin();
    session.post(one('a'));
    session.post(one('b'));
    await framesOf(first);
    first.get(said(2, [Type.stored, 1, 1, [0, 1]]));
    expect(arrived.splice(0)).toEqual([ready, [Type.taken, 1, 1]]);
    const second = await move();
    expect(sentOn(second)[0]?.frames).toEqual([[Type.hello, 'token', 'secret', 2]]);
    session.post(one('c'));
    expect(await framesOf(second)).toEqual([opened(0)]);
    second.get(said(1, ready));
    expect(await framesOf(second)).toEqual([opened(0), [Type.store, 1, 1, 1, [bytes('b'), bytes('c')]]]);
    // Messages are counted anew, and nothing that the first relay had not confirmed is among them.
    const numbers = sentOn(second).flatMap(({ sequence }) => (sequence > 0 ? [sequence] : []));
    expect(numbers).toEqual(numbers.map((_, i) => i + 1));
    second.get(said(2, [Type.stored, 1, 2, [1, 2]]));
    expect(arrived).toEqual([[Type.taken, 1, 2]]);
    expect(changes(told)).toEqual(['began']);
    expect(statuses.at(-1)?.type).toBe('connected');
    session.close();
  });

  it('is shown by the name that its last relay has given it, and may move again', async () => {
    const { session, move, told, platform, socket, greet } = await begin();
    const second = await move();
    second.get(said(1, ready));
    second.get(said(2, [Type.stored, 1, 1, []]));
    second.end();
    const again = await socket();
    greet(again, { features, id: 'other', isResumed: true, received: 1 });
    expect(sentOn(again)[0]?.frames).toEqual([[Type.hello, 'token', 'other', 2]]);
    // That relay has it all.
    expect(await framesOf(again)).toEqual([]);
    const third = await move({ id: 'third' });
    expect(sentOn(third)[0]?.frames).toEqual([[Type.hello, 'token', 'other', 2]]);
    expect(await framesOf(third)).toEqual([opened(0)]);
    expect([changes(told), platform.made.length]).toEqual([['began'], 4]);
    session.close();
  });

  it('has what breaks with its relay told, and requests that nobody answers', async () => {
    const { session, first, move, arrived } = await begin();
    session.post([Type.open, 2, ChannelKind.pull, 'demo', '']);
    session.post(asks('set', 1));
    session.post(asks('get', 2));
    await framesOf(first);
    arrived.length = 0;
    const second = await move();
    expect(arrived).toEqual([[Type.broken, 2, 'LOST', 'the relay is gone'], failed(1)]);
    const frames = await framesOf(second);
    expect(frames.filter(([type]) => type === Type.request)).toEqual([asks('get', 2)]);
    session.close();
  });

  it('has nothing of a frame whose other pieces the relay had that is gone', async () => {
    const { session, first, move, arrived } = await begin();
    session.post(asks('get', 1));
    const writer = new MessageWriter();
    writer.add([Type.reply, 1, new Uint8Array(1_000)]);
    const whole = writer.takeBack(0).slice();
    first.get(said(2, [Type.piece, 1, false, whole.subarray(0, 600)]));
    const second = await move();
    arrived.length = 0;
    second.get(said(1, [Type.piece, 1, true, whole]));
    expect([arrived.length, arrived[0]?.[0], second.closes]).toEqual([1, Type.reply, []]);
    session.close();
  });

  it('confirms nothing at the next relay either while its reader cannot keep up', async () => {
    const { session, move } = await begin();
    session.isHeld = true;
    const second = await move();
    second.get(said(1, ready));
    await vi.advanceTimersByTimeAsync(1_000);
    session.post([Type.cancel, 1]);
    await framesOf(second);
    expect(sentOn(second).at(-1)?.confirmed).toBe(0);
    session.isHeld = false;
    await vi.advanceTimersByTimeAsync(1_000);
    expect(sentOn(second).at(-1)).toEqual({ sequence: 0, confirmed: 1, frames: [] });
    session.close();
  });

  it.each([
    ['client', { client: 'relay/2' }],
    ['maxFrame', { maxFrame: 999_999 }],
    // As many bytes as before are the most that an envelope counts for.
    ['window', { window: 500_002 }],
    ['keyPrefix', { keyPrefix: '' }],
    ['heaviest', { features: ADOPTS }],
  ])('is lost where the next relay has another %s, and the next one begins', async (_, greeting) => {
    const { session, move, begun, told, errors, terms } = await begin();
    session.post(one('a'));
    const second = await move(greeting);
    expect(changes(told)).toEqual(['began', 'lost']);
    expect(errors).toEqual([expect.objectContaining({ code: 'LOST', sent: 'unknown' })]);
    await begun(2);
    expect(terms[1]).not.toEqual(terms[0]);
    session.post(push);
    expect(await framesOf(second)).toEqual([opened(0)]);
    expect(changes(told)).toEqual(['began', 'lost', 'began']);
    session.close();
  });

  it('is one that its first relay says it is: other sessions are lost with their relay', async () => {
    const { session, first, move, begun, told } = await begin(FEATURES);
    expect(await framesOf(first)).toEqual([push]);
    await move();
    expect(changes(told)).toEqual(['began', 'lost']);
    await begun(2);
    session.close();
  });

  it('is not adopted any more once it was given up', async () => {
    const { session, first, socket, greet, begun, told } = await begin();
    session.post(one('a'));
    first.end();
    await vi.advanceTimersByTimeAsync(RESUME_WINDOW);
    expect(changes(told)).toEqual(['began', 'lost']);
    const next = await socket();
    greet(next, { features, id: 'other' });
    expect(sentOn(next)[0]?.frames).toEqual([[Type.hello, 'token', null, 0]]);
    await begun(2);
    session.post(push);
    expect(await framesOf(next)).toEqual([opened(0)]);
    session.close();
  });

  it('shows that it is there, asks whether its relay is, and sends nothing without a connection', async () => {
    const { session, first, page, move } = await begin();
    const second = await move();
    for (const own of [first, second]) {
      if (own === second) {
        own.get(loneMessage([Type.ping]).slice().buffer);
        expect(sentOn(own).at(-1)?.frames).toEqual([[Type.pong]]);
        page.fire('online');
        expect(sentOn(own).at(-1)?.frames).toEqual([[Type.ping]]);
        own.get(said(1, ready));
        own.end();
        // One to connect again, and one until the session is given up: nothing is confirmed meanwhile.
        expect(vi.getTimerCount()).toBe(2);
      }
      const count = own.sent.length;
      session.post([Type.cancel, 1]);
      await framesOf(own);
      expect(own.sent).toHaveLength(count);
    }
    session.close();
  });

  it('takes large frames in pieces, as those of other relays do, and each flow in order', async () => {
    const { session, first, move } = await begin();
    /** A relay confirms all, so that the rest leaves: the second frame behind the first. Another flow would have its turn between. */
    const expectInOrder = async (own: FakeSocket) => {
      const sent = await framesOf(own);
      own.get(confirmation(sent.length));
      const [open, ...pieces] = await framesOf(own);
      expect(open).toEqual(opened(0));
      expect(pieces.length).toBeGreaterThan(sent.length);
      expect(pieces.map(([type, stream]) => [type, stream])).toEqual(pieces.map(() => [Type.piece, 0]));
    };
    for (let i = 0; i < 2; i++) session.post([Type.send, 1, 1, [new Uint8Array(50_000)]], () => 'a');
    await expectInOrder(first);
    const second = await move();
    second.get(said(1, ready));
    await expectInOrder(second);
    session.close();
  });
});

describe('a session whose reader cannot keep up', () => {
  /** What a session has confirmed within a second of a message. */
  async function confirmed(session: RelaySession, own: { readonly sent: readonly Uint8Array[] }) {
    await vi.advanceTimersByTimeAsync(1_000);
    session.post([Type.cancel, 1]);
    await vi.advanceTimersByTimeAsync(0);
    return sentOn(own).at(-1)?.confirmed;
  }

  it('confirms nothing until it can, also over another socket', async () => {
    const { session, welcome } = ground();
    const first = await welcome();
    session.isHeld = true;
    first.get(said(1, [Type.taken, 1, 1]));
    expect(await confirmed(session, first)).toBe(0);
    first.end();
    const second = await welcome(true);
    expect(await confirmed(session, second)).toBe(0);
    session.isHeld = false;
    expect(await confirmed(session, second)).toBe(1);
    session.close();
  });

  it('confirms nothing of the next session either', async () => {
    const { session, welcome } = ground();
    session.isHeld = true;
    const own = await welcome();
    own.get(said(1, [Type.taken, 1, 1]));
    expect(await confirmed(session, own)).toBe(0);
    session.isHeld = false;
    expect(await confirmed(session, own)).toBe(1);
    session.close();
  });
});

describe('attempts to connect again', () => {
  /** Reasons and attempts that were told. */
  const toldOf = (statuses: readonly ChannelStatus[]) =>
    statuses.flatMap((status): (string | number)[] =>
      status.type === 'disconnected'
        ? [status.reason]
        : status.type === 'reconnecting'
          ? [status.attempt]
          : [],
    );

  it("tell the relay's reason, or the code where it gives none", async () => {
    const { session, socket, statuses } = ground();
    (await socket()).end(1006);
    (await socket()).end(1013, 'come back \u001b later');
    expect(toldOf(statuses)).toEqual([
      'the connection to the relay broke (close code 1006)',
      1,
      'come back \\u001b later',
      2,
    ]);
    session.close();
  });

  it('are counted from the last connection that held', async () => {
    vi.spyOn(Math, 'random').mockReturnValue(0.5);
    const { session, welcome, socket, statuses } = ground();
    for (let i = 0; i < 3; i++) (await socket()).end();
    const own = await welcome();
    await vi.advanceTimersByTimeAsync(49);
    own.end();
    const next = await welcome(true);
    await vi.advanceTimersByTimeAsync(50);
    next.end();
    const attempts = statuses.filter(({ type }) => type === 'reconnecting');
    expect(attempts.map((status) => ('attempt' in status ? [status.attempt, status.delay] : []))).toEqual([
      [1, 5],
      [2, 5],
      [3, 5],
      [4, 5],
      [1, 5],
    ]);
    session.close();
  });

  it('name the URL and the reason when there will be no more', async () => {
    const { welcome, errors } = ground();
    (await welcome()).end(CloseCode.forbidden, 'not you');
    expect(errors.at(-1)?.message).toBe('the relay at ws://relay.example/ ended the connection: not you');
  });
});

describe('a token that is refused', () => {
  it('after it was good is shown once more, also where there is only one, and anew after each welcome', async () => {
    const { welcome, socket, count } = ground();
    for (let i = 0; i < 3; i++) (await welcome(i > 0)).end(CloseCode.unauthorized, 'the token has expired');
    expect(count('ended')).toBe(0);
    const own = await socket();
    own.open();
    own.end(CloseCode.unauthorized);
    expect(count('ended')).toBe(1);
  });
});

describe('a session that is given up while a socket is about to resume it', () => {
  it('is not resumed by it', async () => {
    const { session, welcome, socket, platform, count, errors } = ground({ connectTimeout: 60_000 });
    (await welcome()).end();
    const own = await socket();
    own.open();
    const made = platform.made.length;
    await vi.advanceTimersByTimeAsync(RESUME_WINDOW);
    expect(errors[0]).toMatchObject({
      code: 'LOST',
      message: expect.stringMatching(/^the session is lost: .*close code 1006/),
    });
    expect(own.closes).toEqual([4408]);
    await welcome();
    expect(platform.made.length).toBe(made + 1);
    expect(count('began')).toBe(2);
    session.close();
  });

  it('is lost once, however often the connection breaks meanwhile', async () => {
    const { session, welcome, socket, count } = ground();
    (await welcome()).end();
    for (let i = 0; i < 3; i++) (await socket()).end();
    await vi.advanceTimersByTimeAsync(RESUME_WINDOW);
    expect(count('lost')).toBe(1);
    session.close();
  });
});

describe('a machine that slept', () => {
  it('has its relay asked as soon as it is awake', async () => {
    const { session, welcome, count } = ground();
    const own = await welcome(false, 0, 1);
    await vi.advanceTimersByTimeAsync(HEARTBEAT / 8 - 1);
    vi.setSystemTime(Date.now() + 5_001);
    await vi.advanceTimersByTimeAsync(1);
    const pings = () => sentOn(own).filter(({ frames }) => frames[0]?.[0] === Type.ping).length;
    expect(pings()).toBe(1);
    await vi.advanceTimersByTimeAsync(2_999);
    expect(count('disconnected')).toBe(0);
    await vi.advanceTimersByTimeAsync(1);
    expect(count('disconnected')).toBe(1);
    session.close();
  });

  it('is not thought of where a timer is late by five seconds', async () => {
    const { session, welcome } = ground();
    const own = await welcome(false, 0, 1);
    await vi.advanceTimersByTimeAsync(HEARTBEAT / 8 - 1);
    vi.setSystemTime(Date.now() + 5_000);
    await vi.advanceTimersByTimeAsync(1);
    expect(sentOn(own)).toHaveLength(1);
    session.close();
  });
});

describe('silence', () => {
  it('is a connection without a message for 1.7 heartbeats, at two looks', async () => {
    const { session, welcome, count, told } = ground();
    const own = await welcome();
    // Looks are at eighths: 14/8 of a heartbeat is the first beyond 1.7, and 15/8 the second.
    await vi.advanceTimersByTimeAsync((15 / 8) * HEARTBEAT - 1);
    expect(count('disconnected')).toBe(0);
    await vi.advanceTimersByTimeAsync(1);
    expect(count('disconnected')).toBe(1);
    expect(own.closes).toEqual([4408]);
    expect(told).not.toContain('lost');
    session.close();
  });

  it('is over with any message, also between the two looks', async () => {
    const { session, welcome, count } = ground({ connectTimeout: 10 * HEARTBEAT });
    const own = await welcome();
    await vi.advanceTimersByTimeAsync((14 / 8) * HEARTBEAT + 1);
    own.get(said(0, [Type.pong]));
    await vi.advanceTimersByTimeAsync((14 / 8) * HEARTBEAT);
    expect(count('disconnected')).toBe(0);
    own.get(said(0, [Type.pong]));
    await vi.advanceTimersByTimeAsync(2 * HEARTBEAT);
    expect(count('disconnected')).toBe(1);
    session.close();
  });

  it('after waking is over with an answer', async () => {
    const { session, welcome, page, count } = ground();
    const own = await welcome(false, 0, 1);
    page.fire('resume');
    own.get(said(0, [Type.pong]));
    await vi.advanceTimersByTimeAsync(10_000);
    expect(count('disconnected')).toBe(0);
    session.close();
  });
});

describe('a page that wakes', () => {
  it('dials at once what waits to connect again, and once', async () => {
    vi.spyOn(Math, 'random').mockReturnValue(0.999);
    const { session, welcome, page, platform } = ground({ maxDelay: 60_000 });
    (await welcome()).end();
    const before = platform.made.length;
    page.fire('online');
    page.fire('pageshow');
    await vi.advanceTimersByTimeAsync(0);
    expect(platform.made.length).toBe(before + 1);
    expect(vi.getTimerCount()).toBe(2);
    session.close();
    expect(vi.getTimerCount()).toBe(0);
  });

  it('leaves alone what connects, or has come to its end', async () => {
    const { session, page, socket, platform } = ground();
    const own = await socket();
    page.fire('online');
    await vi.advanceTimersByTimeAsync(0);
    expect([platform.made.length, own.closes, own.sent]).toEqual([1, [], []]);
    session.close();
    page.fire('online');
    await vi.advanceTimersByTimeAsync(0);
    expect(platform.made.length).toBe(1);
  });
});

describe('without a socket or a session', () => {
  it('leaving the page, and a reader that catches up, are no fault', async () => {
    const { session, page } = ground({ token: () => new Promise(() => {}) });
    expect(() => page.fire('pagehide', { persisted: true })).not.toThrow();
    session.isHeld = true;
    expect(() => {
      session.isHeld = false;
    }).not.toThrow();
    session.close();
  });

  it('a relay that goes down loses nothing', async () => {
    const { session, socket, count } = ground();
    const own = await socket();
    own.open();
    own.end(CloseCode.goingAway);
    expect([count('lost'), count('reconnecting')]).toEqual([0, 1]);
    session.close();
  });
});

describe('what a session takes', () => {
  it('it confirms within a second', async () => {
    const { session, welcome } = ground();
    const own = await welcome();
    own.get(said(1, [Type.taken, 1, 1]));
    await vi.advanceTimersByTimeAsync(1_000);
    expect(sentOn(own).at(-1)).toEqual({ sequence: 0, confirmed: 1, frames: [] });
    session.close();
  });

  it('may be a frame as large as the relay says, in pieces', async () => {
    const { session, welcome, arrived } = ground();
    const own = await welcome(false, 0, 1);
    const reply: RelayFrame = [Type.reply, 1, new Uint8Array(1_000_000)];
    const writer = new MessageWriter();
    writer.add(reply);
    const whole = writer.takeBack(0);
    own.get(said(1, [Type.piece, 1, false, whole.subarray(0, 600_000)]));
    own.get(said(2, [Type.piece, 1, true, whole.subarray(600_000)]));
    expect([arrived.length, arrived[0]?.[0], own.closes]).toEqual([1, Type.reply, []]);
    session.close();
  });

  it('goes on with the pieces of a frame after a break', async () => {
    const { session, welcome, arrived } = ground();
    const own = await welcome(false, 0, 1);
    const writer = new MessageWriter();
    writer.add([Type.reply, 1, new Uint8Array(1_000)]);
    const whole = writer.takeBack(0);
    own.get(said(1, [Type.piece, 1, false, whole.subarray(0, 600)]));
    own.end();
    const next = await welcome(true, 0, 1);
    next.get(said(2, [Type.piece, 1, true, whole.subarray(600)]));
    expect([arrived.length, arrived[0]?.[0], next.closes]).toEqual([1, Type.reply, []]);
    session.close();
  });
});

describe('a connection that is dropped by this side', () => {
  const reasonOf = (statuses: readonly ChannelStatus[]) =>
    statuses.flatMap((status) => (status.type === 'disconnected' ? [status.reason] : []));

  it('has the reason told', async () => {
    const silent = ground({ connectTimeout: 10 * HEARTBEAT });
    await silent.welcome();
    await vi.advanceTimersByTimeAsync(2 * HEARTBEAT);
    expect(reasonOf(silent.statuses)).toEqual(['nothing came']);
    silent.session.close();
    const left = ground();
    await left.welcome();
    left.page.fire('pagehide', { persisted: true });
    expect(reasonOf(left.statuses)).toEqual(['put away']);
    left.session.close();
    const late = ground({ connectTimeout: 60_000 });
    (await late.welcome()).end();
    (await late.socket()).open();
    await vi.advanceTimersByTimeAsync(RESUME_WINDOW);
    expect(reasonOf(late.statuses).slice(1)).toEqual(['given up']);
    late.session.close();
  });
});

describe('waking', () => {
  it('is heard of by each event of a page, and leaving by its end, until it is stopped', () => {
    const page = fakePage();
    const [wake, leave] = [vi.fn(), vi.fn()];
    const stop = onWake(wake, leave);
    for (const type of ['visibilitychange', 'online', 'pageshow', 'resume']) page.fire(type);
    expect([wake.mock.calls.length, leave.mock.calls.length]).toEqual([4, 0]);
    page.fire('pagehide');
    page.fire('pagehide', { persisted: true });
    expect([wake.mock.calls.length, leave.mock.calls.length]).toEqual([4, 1]);
    stop();
    expect(page.count).toBe(0);
  });

  it('takes events of the document too, before others stop them', () => {
    const listen = vi.fn();
    vi.stubGlobal('addEventListener', listen);
    vi.stubGlobal('removeEventListener', listen);
    onWake(
      () => {},
      () => {},
    )();
    expect(listen.mock.calls.map(([, , isCapturing]) => isCapturing)).toEqual(Array(10).fill(true));
  });

  it('is not heard of where there is no page', () => {
    vi.stubGlobal('addEventListener', undefined);
    vi.stubGlobal('removeEventListener', undefined);
    const stop = onWake(
      () => {},
      () => {},
    );
    expect(stop).not.toThrow();
  });
});
