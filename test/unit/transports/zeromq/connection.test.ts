/** With which options a connection opens its sockets, what it shares, and what it refuses. */
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { LONGEST_TOPIC } from '../../../../src/protocol/topics.ts';
import type { ClientKeys } from '../../../../transports/zeromq/client-keys.ts';
import { ZeromqConnection } from '../../../../transports/zeromq/connection.ts';
import { zeromq } from '../../../../transports/zeromq/index.ts';
import { resolveOptions, type ZeromqOptions } from '../../../../transports/zeromq/options.ts';
import type { Addon } from '../../../../transports/zeromq/sockets.ts';
import { loadAddon } from '../../../../transports/zeromq/sockets.ts';
import { collect, first, until, within } from '../../../support/wait.ts';

const NONE_LEFT = 'no sockets today';

/** A connection whose sockets cannot be opened. It notes with which options that was tried. */
function noting(options: ZeromqOptions = {}, keys?: ClientKeys) {
  const opened: [kind: string, options: Record<string, unknown>][] = [];
  const kinds = ['Dealer', 'Push', 'Pull', 'Subscriber', 'Router', 'XPublisher'] as const;
  const classes = kinds.map((kind) => [
    kind,
    class {
      constructor(given: Record<string, unknown>) {
        opened.push([kind, given]);
        throw new Error(NONE_LEFT);
      }
    },
  ]);
  const addon = { ...loadAddon(), ...Object.fromEntries(classes) } as Addon;
  return { connection: new ZeromqConnection(addon, resolveOptions(options), keys), opened };
}

const PORT = 'tcp://127.0.0.1:5';
const ANY = 'tcp://127.0.0.1:*';
/** Those of a link on which a slow peer may have to wait: the system probes it, and ZeroMQ does not. */
const PATIENT = {
  heartbeatInterval: 0,
  heartbeatTimeout: 0,
  heartbeatTimeToLive: 0,
  tcpKeepaliveIdle: 2,
  tcpKeepaliveInterval: 1,
  tcpKeepaliveCount: 3,
};
const HEARTBEATS = { heartbeatInterval: 2_000, heartbeatTimeout: 2_000, heartbeatTimeToLive: 4_000 };
const MOST = 67_108_864;

describe('the sockets of a connection', () => {
  const dials: [string, (own: ZeromqConnection) => unknown, string, Record<string, unknown>][] = [
    [
      'request',
      (own) => own.request(PORT, new Uint8Array(0)),
      'Dealer',
      { ...HEARTBEATS, immediate: true, maxMessageSize: MOST },
    ],
    [
      'push',
      (own) => own.push(PORT),
      'Push',
      { ...PATIENT, immediate: true, maxMessageSize: 1_152, sendHighWaterMark: 16 },
    ],
    ['pull', (own) => own.pull(PORT), 'Pull', { ...PATIENT, immediate: false, maxMessageSize: MOST }],
    [
      'subscribe',
      (own) => own.subscribe(PORT, 'a'),
      'Subscriber',
      { ...PATIENT, immediate: false, maxMessageSize: MOST, receiveHighWaterMark: 100_000 },
    ],
    [
      'subscribe to few',
      (own) => own.subscribe(PORT, 'a', { maxUnread: 7 }),
      'Subscriber',
      { receiveHighWaterMark: 7 },
    ],
  ];

  it.each(dials)('that %s are opened with what they need', (_, dial, kind, options) => {
    const { connection, opened } = noting();
    expect(() => dial(connection)).toThrow(`cannot dial ${PORT}: ${NONE_LEFT}`);
    expect(opened).toEqual([[kind, expect.objectContaining(options)]]);
  });

  const binds: [string, (own: ZeromqConnection) => Promise<unknown>, string, Record<string, unknown>][] = [
    [
      'answer',
      (own) => own.bindReply(ANY, (request) => request),
      'Router',
      { ...HEARTBEATS, sendTimeout: 0, maxMessageSize: MOST },
    ],
    [
      'pull',
      (own) => own.bindPull(ANY),
      'Pull',
      { ...PATIENT, receiveHighWaterMark: 128, maxMessageSize: MOST },
    ],
    ['push', (own) => own.bindPush(ANY), 'Push', { ...PATIENT, maxMessageSize: 1_152 }],
    [
      'publish',
      (own) => own.bindPublish(ANY),
      'XPublisher',
      {
        ...PATIENT,
        sendHighWaterMark: 1_000,
        receiveHighWaterMark: 2,
        maxMessageSize: 1_152,
        sendTimeout: 0,
        noDrop: true,
      },
    ],
  ];

  it.each(binds)('that are bound to %s are opened with what they need', async (_, bind, kind, options) => {
    const { connection, opened } = noting();
    await expect(bind(connection)).rejects.toThrow(`cannot bind ${ANY}: ${NONE_LEFT}`);
    expect(opened).toEqual([[kind, expect.objectContaining(options)]]);
    // Nothing waits for peers that are to come.
    expect('immediate' in (opened[0]?.[1] ?? {})).toBe(false);
  });

  it('have the marks that the user gave, but for those of subscriptions that come in', async () => {
    const { connection, opened } = noting({ sendHighWaterMark: 5, receiveHighWaterMark: 6 });
    for (const [, dial] of dials.slice(0, 4)) expect(() => dial(connection)).toThrow(NONE_LEFT);
    for (const [, bind] of binds) await expect(bind(connection)).rejects.toThrow(NONE_LEFT);
    expect(opened.map(([, { sendHighWaterMark }]) => sendHighWaterMark)).toEqual(opened.map(() => 5));
    expect(opened.map(([, { receiveHighWaterMark }]) => receiveHighWaterMark)).toEqual([
      6, 6, 6, 6, 6, 6, 6, 2,
    ]);
  });

  it.each([
    [0, 10, 4],
    [1, 1, 1],
    [2_000, 2, 1],
    [3_001, 4, 2],
    [9_000, 9, 3],
    [100_000_000, 32_767, 32_767],
  ])(
    'are probed by the system for heartbeats of %d ms after %d s, and each %d s',
    (heartbeatInterval, idle, interval) => {
      const { connection, opened } = noting({ heartbeatInterval });
      expect(() => connection.push(PORT)).toThrow(NONE_LEFT);
      expect(opened[0]?.[1]).toMatchObject({ tcpKeepaliveIdle: idle, tcpKeepaliveInterval: interval });
    },
  );

  it('that are bound with a check of keys have its context and domain, and give it back', async () => {
    const release = vi.fn();
    const context = {};
    const use = vi.fn(() => ({ context, zapDomain: 'frond-7', release }));
    const { connection, opened } = noting({}, { use } as never);
    for (const [, bind] of binds) await expect(bind(connection)).rejects.toThrow(NONE_LEFT);
    for (const [, options] of opened)
      expect(options).toMatchObject({ context, zapDomain: 'frond-7', zapEnforceDomain: true });
    expect([use.mock.calls.length, release.mock.calls.length]).toEqual([4, 4]);
    const without = noting();
    await expect(without.connection.bindPull(ANY)).rejects.toThrow(NONE_LEFT);
    expect(without.opened[0]?.[1]).toMatchObject({ zapDomain: 'frond' });
    expect('zapEnforceDomain' in (without.opened[0]?.[1] ?? {})).toBe(false);
  });
});

describe('a connection', () => {
  const open: { close(options: { timeout: number }): Promise<void> }[] = [];
  afterEach(async () => {
    for (const own of open.splice(0)) await within(3_000, own.close({ timeout: 0 }));
  });
  const opened = async (options: ZeromqOptions = {}) => {
    const connection = await zeromq(options).open();
    open.push(connection);
    return connection;
  };

  it('refuses a topic that is empty or too long, in bytes', async () => {
    const connection = await opened();
    expect(() => connection.subscribe(PORT, '')).toThrow('a topic must not be empty');
    const long = 'é'.repeat(LONGEST_TOPIC / 2);
    expect(() => connection.subscribe(PORT, `${long}x`)).toThrowError(
      expect.objectContaining({
        code: 'INVALID_CALL',
        message: 'a topic over ZeroMQ has at most 1024 bytes, not 1025',
      }),
    );
    await connection.subscribe(PORT, long).close();
  });

  it('refuses an address that cannot be dialled or bound before it opens a socket', async () => {
    const { connection, opened: sockets } = noting();
    for (const address of ['http://x:1', ANY, 'tcp://127.0.0.1:0', 'tcp://*:5']) {
      const refused = expect.objectContaining({ code: 'INVALID_CALL' });
      expect(() => connection.request(address, new Uint8Array(0))).toThrowError(refused);
      expect(() => connection.push(address)).toThrowError(refused);
      expect(() => connection.pull(address)).toThrowError(refused);
      expect(() => connection.subscribe(address, 'a')).toThrowError(refused);
    }
    await expect(connection.bindPull('http://x:1')).rejects.toMatchObject({ code: 'INVALID_CALL' });
    expect(sockets).toEqual([]);
  });

  it('refuses everything once it is closed', async () => {
    const connection = await opened();
    await connection.close();
    const closed = { code: 'CLOSED' };
    expect(() => connection.push(PORT)).toThrowError(expect.objectContaining(closed));
    expect(() => connection.request(PORT, new Uint8Array(0))).toThrowError(expect.objectContaining(closed));
    await expect(connection.bindPull(ANY)).rejects.toMatchObject(closed);
  });

  it('asks each address over one link', async () => {
    const server = await opened();
    const links = new Set<unknown>();
    const bound = await server.bindReply(ANY, (request, { link }) => {
      links.add(link);
      return request;
    });
    const client = await opened();
    for (let i = 0; i < 3; i++) {
      const { reply } = client.request(bound.address, new Uint8Array([i]));
      expect(await within(3_000, reply)).toEqual(new Uint8Array([i]));
    }
    expect(links.size).toBe(1);
  });

  it('binds ends that push and publish', async () => {
    const connection = await opened();
    const [push, publish] = [await connection.bindPush(ANY), await connection.bindPublish(ANY)];
    const puller = connection.pull(push.address);
    await push.send([new Uint8Array([7])]);
    expect(await collect(puller, 1)).toEqual([new Uint8Array([7])]);
    const subscription = connection.subscribe(publish.address, 'a/');
    await within(
      3_000,
      until(() => subscription.isProved),
    );
  });

  it('confirms each subscription, also to a topic that another has', async () => {
    const publish = await (await opened()).bindPublish(ANY);
    for (const connection of [await opened(), await opened()]) {
      const subscription = connection.subscribe(publish.address, 'a/');
      await within(
        3_000,
        until(() => subscription.isProved),
      );
    }
  });

  it.each([
    [0, 150],
    [150, 0],
  ])(
    'counts a subscription as there after a margin of %d ms or a wait of %d, the longer of both',
    async (subscriptionMargin, proofTimeout) => {
      // It confirms nothing.
      const publisher = new (loadAddon().Publisher)({ linger: 0 });
      await publisher.bind(ANY);
      const connection = await opened({ subscriptionMargin });
      const start = performance.now();
      await within(3_000, connection.subscribe(publisher.lastEndpoint ?? '', 'a', { proofTimeout }).ready());
      expect(performance.now() - start).toBeGreaterThanOrEqual(149);
      publisher.close();
    },
  );

  it('takes a server that hangs up for one with another key, and only where it has keys itself', async () => {
    let count = 0;
    const server = createServer((socket) => {
      count++;
      socket.on('error', () => {}).once('data', () => socket.end());
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = `tcp://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const plain = (await opened({ reconnectInterval: 1 })).push(address);
    const refused = vi.fn();
    plain.ready().catch(refused);
    await within(
      3_000,
      until(() => count >= 4),
    );
    expect(refused).not.toHaveBeenCalled();
    await plain.close();
    const curve = { serverKey: 'rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7' };
    const pusher = (await opened({ reconnectInterval: 1, curve })).push(address);
    await expect(within(3_000, pusher.ready())).rejects.toMatchObject({
      code: 'FORBIDDEN',
      message: expect.stringContaining('curve.serverKey is not its key'),
    });
    await new Promise((resolve) => server.close(resolve));
  });

  it('tells of clients whose key is refused, and gives the check back with the bound end', async () => {
    let refused: (reason: string) => void = () => {};
    const release = vi.fn();
    const use = (_: Addon, told: (reason: string) => void) => {
      refused = told;
      // Before there is an end, nobody is told.
      told('early');
      return { context: new (loadAddon().Context)(), zapDomain: 'frond-7', release };
    };
    const connection = new ZeromqConnection(loadAddon(), resolveOptions({}), { use } as never);
    open.push(connection);
    const bound = await connection.bindPull(ANY);
    const next = first(connection.status(), ({ type }) => type === 'refused');
    refused('its key is not allowed');
    expect(await within(1_000, next)).toEqual({
      type: 'refused',
      address: bound.address,
      reason: 'its key is not allowed',
      count: 1,
    });
    expect(release).not.toHaveBeenCalled();
    await bound.close();
    expect(release).toHaveBeenCalledTimes(1);
  });

  it('closes its bound ends and its channels', async () => {
    const connection = await opened();
    const bound = await connection.bindPull(ANY);
    const pusher = connection.push(bound.address);
    await within(3_000, pusher.ready());
    await within(3_000, connection.close());
    await expect(pusher.ready()).rejects.toMatchObject({ code: 'CLOSED' });
    const again = await opened();
    await again.bindPull(bound.address);
  });
});
