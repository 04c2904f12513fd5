/** A client's channels in the relay: what may be opened, what stays open, and what goes where. */
import { describe, expect, it, vi } from 'vitest';
import { SMALLEST_CALL } from '../../../../../src/flow-control.ts';
import type { Delivery } from '../../../../../src/transport.ts';
import { type Grants, Identity } from '../../../../../transports/relay/auth/identity.ts';
import type { ChannelContext } from '../../../../../transports/relay/session/channel.ts';
import { SessionChannels } from '../../../../../transports/relay/session/channels.ts';
import type { ClientMemory } from '../../../../../transports/relay/session/client-memory.ts';
import type { PushChannel } from '../../../../../transports/relay/session/push-channel.ts';
import type { Upstream } from '../../../../../transports/relay/upstream/upstream.ts';
import type { WorkTaker } from '../../../../../transports/relay/upstream/work-pool.ts';
import { ChannelKind, type Frame, Type } from '../../../../../transports/relay-protocol/frames.ts';
import { bytes } from '../../../../support/bytes.ts';

const ID = 'relay/1';
/** Divided by the least bytes that a call counts, it is a whole number. */
const WINDOW = 64 * SMALLEST_CALL;
const MOST_CHANNELS = 3;

type Deliver = (deliveries: readonly Delivery[]) => void;

/** A server as channels see it: it counts who uses it. */
function upstream(name: string) {
  const users = {
    calls: new Set<unknown>(),
    answers: new Set<unknown>(),
    results: new Set<unknown>(),
    pool: new Set<unknown>(),
  };
  const channel = (of: Set<unknown>) => ({
    add: (user: unknown) => of.add(user),
    remove: (user: unknown) => of.delete(user),
  });
  /** Of one client alone: who uses it, and what comes over it. */
  const adopted: { users: Set<unknown>; deliver: (deliveries: readonly Delivery[]) => void }[] = [];
  const adopt = vi.fn((_topic: string, _from: number | undefined, deliver: Deliver) => {
    const own = new Set<unknown>();
    adopted.push({ users: own, deliver });
    return channel(own);
  });
  return {
    name,
    users,
    adopted,
    adopt,
    release: vi.fn(),
    calls: channel(users.calls),
    answers: channel(users.answers),
    results: channel(users.results),
    pool: {
      join: (user: unknown) => users.pool.add(user),
      leave: (user: unknown) => users.pool.delete(user),
      share: () => {},
    },
    callQueue: {},
    resultQueue: {},
  };
}

function ground(
  grants: Partial<Grants> = {},
  { isAdoptable = false, isAdopted = false }: { isAdoptable?: boolean; isAdopted?: boolean } = {},
) {
  const servers = [upstream('first'), upstream('second')] as const;
  const posted: Frame[] = [];
  const refused = vi.fn();
  const memory = { channels: 0, bytes: 0 };
  const client = {
    id: ID,
    isAdopted,
    identity: new Identity({ name: 'alice', servers: ['*'], functions: ['*'], work: true, ...grants }),
    window: WINDOW,
    post: (frame: Frame) => posted.push(frame),
    takes: () => true,
    counted: ({ length }: Uint8Array) => length,
    holds: () => {},
    came: vi.fn(),
    violated: vi.fn(),
    called: () => {},
    assignments: { of: () => ({ assign: () => {}, takeBack: () => {} }) },
  };
  const channels = new SessionChannels(
    client as unknown as ChannelContext,
    {
      opened: (size: number) => {
        memory.channels++;
        memory.bytes += size;
      },
      closed: (size: number) => {
        memory.channels--;
        memory.bytes -= size;
      },
    } as unknown as ClientMemory,
    {
      limits: { window: WINDOW, maxChannels: MOST_CHANNELS } as never,
      find: (name) => servers.find((own) => own.name === name) as unknown as Upstream | undefined,
      onRefused: refused,
      onLostWork: () => {},
      isAdoptable,
    },
  );
  const open = (number: number, kind: number, address = 'first', topic = `${ID}/`) =>
    channels.open([Type.open, number, kind, address, topic]);
  const openFrom = (number: number, kind: number, from: number, address = 'first', topic = `${ID}/`) =>
    channels.open([Type.openFrom, number, kind, address, topic, from]);
  const regrant = (more: Partial<Grants>) => {
    client.identity = new Identity({ name: 'alice', servers: ['*'], functions: ['*'], work: true, ...more });
    channels.review();
  };
  return { channels, client, servers, posted, refused, memory, open, openFrom, regrant };
}

const error = (code: string, message: string) => expect.objectContaining({ code, message });
const protocol = (message: string) => error('PROTOCOL', message);

describe('a channel', () => {
  it('is refused to a server, or for work, that is not granted, and the refusal is counted', () => {
    const none = (name: string) => `alice may not use a server "${name}" here, or there is none`;
    for (const [grants, kind, address, reason] of [
      [{ servers: ['second'] }, ChannelKind.push, 'first', none('first')],
      [{ servers: ['second'] }, ChannelKind.subscribe, 'first', none('first')],
      [{}, ChannelKind.push, 'unknown', none('unknown')],
      [{ work: false }, ChannelKind.pull, 'first', 'alice may not work for first'],
      [{ work: false }, ChannelKind.push, 'first/results', 'alice may not work for first'],
    ] as const) {
      const { open, posted, refused, memory, servers } = ground(grants);
      open(1, kind, address);
      expect(posted).toEqual([[Type.refused, 1, 'FORBIDDEN', reason]]);
      expect(refused.mock.calls).toEqual([['channel']]);
      expect(memory.channels).toBe(0);
      for (const { users } of servers) for (const own of Object.values(users)) expect(own.size).toBe(0);
    }
  });

  it('for work takes part in the work of its server, until it is closed', () => {
    const { open, servers, channels, memory } = ground();
    open(1, ChannelKind.pull);
    expect([servers[0].users.pool.size, servers[1].users.pool.size, memory.channels]).toEqual([1, 0, 1]);
    channels.close(1);
    channels.close(1);
    expect([servers[0].users.pool.size, memory.channels]).toEqual([0, 0]);
  });

  it('is one of as many as a client may have', () => {
    const { open, channels } = ground();
    for (let number = 1; number <= MOST_CHANNELS; number++) open(number, ChannelKind.push);
    expect(() => open(9, ChannelKind.push)).toThrow(
      protocol('the client opened more channels than it may have'),
    );
    channels.close(1);
    open(9, ChannelKind.push);
  });

  it('has a number of its own, and a kind that there is', () => {
    const { open } = ground();
    open(1, ChannelKind.push);
    expect(() => open(1, ChannelKind.subscribe)).toThrow(protocol('channel 1 is open already'));
    expect(() => open(2, 9)).toThrow(protocol('a channel cannot be of kind 9'));
  });

  it("subscribes to its client's topics, of up to 1,024 characters", () => {
    for (const topic of ['relay/2/', 'relay/10/', 'relay/', 'relay/1', '', 'x']) {
      const { open, servers } = ground();
      expect(() => open(1, ChannelKind.subscribe, 'first', topic)).toThrow(
        error('FORBIDDEN', "a subscription is to another client's topics"),
      );
      expect(servers[0].users.answers.size).toBe(0);
    }
    const { open } = ground();
    const topic = (length: number) => `${ID}/`.padEnd(length, 'x');
    open(1, ChannelKind.subscribe, 'first', topic(1_023));
    open(2, ChannelKind.subscribe, 'first', topic(1_024));
    expect(() => open(3, ChannelKind.subscribe, 'first', topic(1_025))).toThrow(
      protocol('a topic has 1025 characters, and may have at most 1024'),
    );
  });
});

describe('a channel that goes on', () => {
  const adoptable = { isAdoptable: true };

  it('is opened only where relays adopt sessions, of whatever kind', () => {
    for (const kind of [ChannelKind.push, ChannelKind.subscribe, ChannelKind.pull]) {
      const none = ground();
      expect(() => none.openFrom(1, kind, 0)).toThrow(
        protocol('a channel is to go on, and no relay adopts sessions of this one'),
      );
      expect(none.memory.channels).toBe(0);
      const own = ground({}, adoptable);
      own.openFrom(1, kind, 0);
      expect(own.memory.channels).toBe(1);
    }
  });

  it('is held to what any channel is', () => {
    const { openFrom, posted, refused } = ground({ servers: ['first'] }, adoptable);
    openFrom(1, ChannelKind.push, 5, 'second');
    expect([posted.map((frame) => frame.slice(0, 3)), refused.mock.calls]).toEqual([
      [[Type.refused, 1, 'FORBIDDEN']],
      [['channel']],
    ]);
    expect(() => openFrom(1, ChannelKind.subscribe, 5, 'first', 'relay/2/')).toThrow(
      error('FORBIDDEN', "a subscription is to another client's topics"),
    );
    openFrom(1, ChannelKind.push, 5);
    expect(() => openFrom(1, ChannelKind.push, 5)).toThrow(protocol('channel 1 is open already'));
    expect(() => openFrom(2, 9, 5)).toThrow(protocol('a channel cannot be of kind 9'));
  });

  it.each([
    [1, 0],
    [2, 1],
    [8, 7],
  ])('has answers from position %i on, behind %i, and places for each', (from, behind) => {
    const { openFrom, servers, posted, channels, client } = ground({}, { ...adoptable, isAdopted: true });
    const [server] = servers;
    openFrom(4, ChannelKind.subscribe, from);
    expect(server.adopt.mock.calls.map((call) => call.slice(0, 2))).toEqual([[`${ID}/`, behind]]);
    expect([server.users.answers.size, server.adopted[0]?.users.size]).toEqual([0, 1]);
    const deliveries = [{ topic: `${ID}/a`, frames: [bytes('a')], position: 9 }];
    server.adopted[0]?.deliver(deliveries);
    const [subscription] = server.adopted[0]?.users ?? [];
    expect(client.came.mock.calls).toEqual([[deliveries, subscription]]);
    // What the relay reads for all clients is not for it: it would come twice.
    channels.deliver(server as unknown as Upstream, deliveries, (own) => own);
    expect(posted).toEqual([]);
    // The relay's own answers are.
    channels.deliver(undefined, [{ topic: `${ID}/a`, frames: [bytes('no')] }], (own) => own);
    expect(posted).toEqual([[Type.placed, 4, 1, behind, [0], [{ topic: `${ID}/a`, frames: [bytes('no')] }]]]);
  });

  it('from 0 has the answers that come, which the relay reads for all', () => {
    const { openFrom, servers, posted, channels } = ground({}, adoptable);
    const [server] = servers;
    openFrom(4, ChannelKind.subscribe, 0);
    expect([server.adopt.mock.calls, server.users.answers.size]).toEqual([[], 1]);
    const deliveries = [{ topic: `${ID}/a`, frames: [bytes('a')], position: 9 }];
    channels.deliver(server as unknown as Upstream, deliveries, (own) => own);
    expect(posted).toEqual([[Type.placed, 4, 1, 9, [9], deliveries]]);
  });

  it('begins behind no place in a session that is new', () => {
    const { openFrom, servers } = ground({}, adoptable);
    expect(() => openFrom(4, ChannelKind.subscribe, 1)).toThrow(
      protocol('a channel is to begin behind a place, and the session is new'),
    );
    expect([servers[0].adopt.mock.calls, servers[0].users.answers.size]).toEqual([[], 0]);
  });

  it('in a session that was adopted has a subscription of its own, also where it begins anew', () => {
    for (const own of ['open', 'openFrom'] as const) {
      const { servers, posted, channels, ...opens } = ground({}, { isAdoptable: true, isAdopted: true });
      const [server] = servers;
      if (own === 'open') opens.open(4, ChannelKind.subscribe);
      else opens.openFrom(4, ChannelKind.subscribe, 0);
      expect(server.adopt.mock.calls.map((call) => call.slice(0, 2))).toEqual([[`${ID}/`, undefined]]);
      const deliveries = [{ topic: `${ID}/a`, frames: [bytes('a')], position: 9 }];
      channels.deliver(server as unknown as Upstream, deliveries, (delivery) => delivery);
      expect(posted).toEqual([]);
      channels.close(4);
      expect([server.release.mock.calls.length, server.adopted[0]?.users.size]).toEqual([1, 0]);
    }
  });

  it('releases its own subscription when it is closed, ready or not, and by every end', () => {
    const ends = {
      closed: ({ channels }: ReturnType<typeof ground>) => channels.close(4),
      all: ({ channels }: ReturnType<typeof ground>) => channels.closeAll(),
      refused: ({ regrant }: ReturnType<typeof ground>) => regrant({ servers: ['second'] }),
    };
    for (const end of Object.values(ends))
      for (const isReady of [true, false]) {
        const own = ground({}, { ...adoptable, isAdopted: true });
        own.openFrom(4, ChannelKind.subscribe, 3);
        const [server] = own.servers;
        const [subscription] = server.adopted[0]?.users ?? [];
        if (isReady) (subscription as PushChannel).becameReady();
        end(own);
        expect(server.release).toHaveBeenCalledExactlyOnceWith(server.adopt.mock.results[0]?.value);
        expect([server.adopted[0]?.users.size, own.memory.channels]).toEqual([0, 0]);
      }
  });

  it('tells up to where it has all, and no other channel does', () => {
    const { openFrom, open, servers, posted, channels } = ground({}, adoptable);
    openFrom(1, ChannelKind.subscribe, 0);
    open(2, ChannelKind.subscribe);
    openFrom(3, ChannelKind.push, 0);
    const shared = { channel: { isProved: true, position: 8 } };
    for (const user of [...servers[0].users.answers, ...servers[0].users.calls])
      (user as PushChannel).joined(shared as never);
    channels.tellReached();
    channels.tellReached();
    expect(posted).toEqual([[Type.placed, 1, 1, 8, [], []]]);
  });
});

describe('grants that have changed', () => {
  it('close and refuse the channels that are not granted any more, and no others', () => {
    const { open, servers, posted, memory, regrant } = ground();
    open(1, ChannelKind.push, 'first');
    open(2, ChannelKind.subscribe, 'first');
    open(3, ChannelKind.push, 'second');
    regrant({ servers: ['second'] });
    expect(posted.map(([type, number]) => [type, number])).toEqual([
      [Type.refused, 1],
      [Type.refused, 2],
    ]);
    expect(servers.map(({ users }) => [users.calls.size, users.answers.size])).toEqual([
      [0, 0],
      [1, 0],
    ]);
    expect(memory.channels).toBe(1);
  });

  it('for work close the channels of workers alone', () => {
    const { open, servers, regrant, memory } = ground();
    open(1, ChannelKind.push, 'first/results');
    open(2, ChannelKind.push, 'first');
    regrant({ work: false });
    expect([servers[0].users.results.size, servers[0].users.calls.size, memory.channels]).toEqual([0, 1, 1]);
  });
});

describe('frames', () => {
  const message = { retain: () => {}, release: () => {} } as never;
  /** The client's channels to the server can be used: for the first time. */
  const ready = ({ servers }: ReturnType<typeof ground>) => {
    for (const user of servers[0].users.calls) (user as { becameReady(): void }).becameReady();
  };

  it('are taken up to the window, in bytes and in number', () => {
    const full = protocol('the client sent more bytes than its window allows');
    const few = ground();
    few.open(1, ChannelKind.push);
    ready(few);
    const send = (frames: readonly Uint8Array[]) =>
      few.channels.send([Type.send, 1, 1, frames as never], message);
    send([new Uint8Array(WINDOW - 1)]);
    // As long as the window is not full, a frame may be larger than what is left.
    send([new Uint8Array(1)]);
    expect(() => send([new Uint8Array(1)])).toThrow(full);

    const many = ground();
    many.open(1, ChannelKind.push);
    ready(many);
    const most = WINDOW / SMALLEST_CALL;
    const sendMany = (count: number) =>
      many.channels.send([Type.send, 1, 1, Array.from({ length: count }, () => new Uint8Array(1))], message);
    sendMany(most - 1);
    sendMany(1);
    expect(() => sendMany(1)).toThrow(full);
  });

  it('have numbers on a channel that goes on, and on no other', () => {
    const none = (number: number) =>
      protocol(`channel ${number} takes no frames, or the list of frames is empty`);
    const own = ground({}, { isAdoptable: true });
    const { channels, servers } = own;
    own.openFrom(1, ChannelKind.push, 7);
    own.open(2, ChannelKind.push);
    // Results are not stored once: their channel breaks with its relay.
    own.openFrom(3, ChannelKind.push, 7, 'first/results');
    const [numbered] = servers[0].users.calls as Set<PushChannel>;
    expect(numbered?.isNumbered).toBe(true);
    const take = vi.spyOn(numbered as PushChannel, 'take');
    const send = (number: number, frames = [bytes('x')]) =>
      channels.send([Type.send, number, 1, frames], message);
    const store = (number: number, frames = [bytes('x')]) =>
      channels.store([Type.store, number, 1, 0, frames], message);
    expect(() => send(1)).toThrow(none(1));
    expect(() => store(2)).toThrow(none(2));
    expect(() => store(3)).toThrow(none(3));
    expect(() => store(1, [])).toThrow(none(1));
    expect(() => store(4)).toThrow(none(4));
    expect(take).not.toHaveBeenCalled();
    const frames = [bytes('a'), bytes('b')];
    channels.store([Type.store, 1, 1, 0, frames], message);
    expect(take.mock.calls).toEqual([[1, frames, message, 0]]);
    send(2);
    send(3);
    // What was under way when the channel was closed.
    channels.close(1);
    store(1);
  });

  it('to a channel that takes none, or that there never was, end the session', () => {
    const { open, channels } = ground();
    open(5, ChannelKind.subscribe);
    const send = (number: number, frames = [bytes('x')]) =>
      channels.send([Type.send, number, 0, frames], message);
    const none = (number: number) =>
      protocol(`channel ${number} takes no frames, or the list of frames is empty`);
    expect(() => send(5)).toThrow(none(5));
    expect(() => send(6)).toThrow(none(6));
    // One that is closed may still get what was under way.
    channels.close(5);
    send(5);
    open(7, ChannelKind.push);
    expect(() => send(7, [])).toThrow(none(7));
  });

  it('of work are confirmed, no more than were given, on a channel for work', () => {
    const { open, channels, servers } = ground();
    open(1, ChannelKind.pull);
    open(2, ChannelKind.push);
    const taken = (number: number, count: number) => channels.taken([Type.taken, number, count]);
    const tooMany = protocol('the client confirmed more work than it was given');
    expect(() => taken(1, 1)).toThrow(tooMany);
    for (const user of servers[0].users.pool) (user as WorkTaker).give([bytes('a'), bytes('b'), bytes('c')]);
    taken(1, 2);
    expect(() => taken(1, 2)).toThrow(tooMany);
    taken(1, 1);
    expect(() => taken(2, 0)).toThrow(tooMany);
    expect(() => taken(9, 0)).toThrow(tooMany);
  });

  it('that were cancelled are those to one server, and credit is paid to all', () => {
    const { open, channels, servers } = ground();
    open(1, ChannelKind.push, 'first');
    open(2, ChannelKind.push, 'second');
    open(3, ChannelKind.subscribe, 'first');
    const [first, second] = servers.map(({ users }) => {
      const [channel] = users.calls as Set<PushChannel>;
      return channel === undefined
        ? undefined
        : { cancel: vi.spyOn(channel, 'cancel'), payCredit: vi.spyOn(channel, 'payCredit') };
    });
    const notice = { client: ID, calls: [], code: 'CANCELLED', reason: '' } as const;
    channels.cancel(servers[0] as unknown as Upstream, notice);
    expect([first?.cancel.mock.calls, second?.cancel.mock.calls]).toEqual([[[notice]], []]);
    channels.payCredit();
    expect([first?.payCredit.mock.calls, second?.payCredit.mock.calls]).toEqual([[[]], [[]]]);
  });
});

describe('answers', () => {
  it('go to subscriptions to the server that published them, under their topics', () => {
    const { open, channels, servers, posted } = ground();
    open(1, ChannelKind.subscribe, 'first', `${ID}/`);
    open(2, ChannelKind.subscribe, 'second', `${ID}/`);
    open(3, ChannelKind.subscribe, 'first', `${ID}/x`);
    const deliver = (from: Upstream | undefined, topic: string) => {
      posted.length = 0;
      channels.deliver(from, [{ topic, frames: [bytes('a')] }], (own) => own);
      return posted.map(([type, number]) => [type, number]);
    };
    const [first, second] = servers as unknown as readonly [Upstream, Upstream];
    expect(deliver(first, `${ID}/a`)).toEqual([[Type.results, 1]]);
    expect(deliver(first, `${ID}/xy`)).toEqual([
      [Type.results, 1],
      [Type.results, 3],
    ]);
    expect(deliver(second, `${ID}/a`)).toEqual([[Type.results, 2]]);
    // The relay's own refusals are for all.
    expect(deliver(undefined, `${ID}/a`)).toEqual([
      [Type.results, 1],
      [Type.results, 2],
    ]);
  });
});

it('all channels leave nothing when they are closed', () => {
  const { open, channels, servers, memory } = ground();
  open(1, ChannelKind.push, 'first');
  open(2, ChannelKind.subscribe, 'first');
  open(3, ChannelKind.push, 'first/results');
  expect(memory.channels).toBe(3);
  channels.closeAll();
  expect(memory).toEqual({ channels: 0, bytes: 0 });
  for (const { users } of servers) for (const own of Object.values(users)) expect(own.size).toBe(0);
});
