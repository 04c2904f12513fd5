/** A dialling end and servers that do what a test says: when it dials again, and what it says of a server that does not fit. */
import dns from 'node:dns/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { PalmError } from '../../../../src/protocol/errors.ts';
import { greetingOf } from '../../../../transports/zmtp/greeting.ts';
import type { Mechanism } from '../../../../transports/zmtp/mechanism.ts';
import type { ZmtpOptions } from '../../../../transports/zmtp/options.ts';
import { ZmtpPusher } from '../../../../transports/zmtp/pusher.ts';
import { within } from '../../../support/wait.ts';
import { GREETING, readyOf } from '../../../support/zmtp.ts';
import { endContext } from '../../../support/zmtp-peer.ts';

const open: { close(): unknown }[] = [];
afterEach(async () => {
  vi.restoreAllMocks();
  for (const own of open.splice(0)) await own.close();
});

async function serve(
  behave: (socket: Socket) => void,
  host = '127.0.0.1',
  port = 0,
): Promise<{ server: Server; address: string; sockets: Socket[] }> {
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    socket.on('error', () => {});
    sockets.push(socket);
    behave(socket);
  });
  await new Promise<void>((resolve) => server.listen(port, host, resolve));
  open.push({
    close: () => {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  });
  const bound = server.address();
  return { server, sockets, address: `tcp://127.0.0.1:${typeof bound === 'object' && bound?.port}` };
}

function dial(address: string, options: ZmtpOptions = {}, mechanism?: Mechanism) {
  const context = { ...endContext({ reconnectInterval: 1, reconnectMaxInterval: 1, ...options }), mechanism };
  const reported: typeof context.reported = [];
  let look = () => {};
  const pusher = new ZmtpPusher({
    ...context,
    address,
    host: {
      report: (status) => {
        reported.push(status);
        look();
      },
      release: () => {},
    },
  });
  open.push(pusher);
  /** Resolves once so many of a kind were reported. */
  const until = (type: string, count: number) =>
    within(
      10_000,
      new Promise<void>((resolve) => {
        look = () => {
          if (reported.filter((own) => own.type === type).length >= count) resolve();
        };
        look();
      }),
      () => `${count} × ${type} among ${JSON.stringify(reported)}`,
    );
  const of = (type: string) => reported.filter((own) => own.type === type);
  pusher.dial();
  return { pusher, until, of };
}

describe('a server that hangs up', () => {
  it('once is dialled again; one that greets and hangs up twice counts as another service, and is left alone for a while', async () => {
    const { address, sockets } = await serve((socket) => {
      socket.write(GREETING);
      socket.once('data', () => socket.end());
    });
    const { pusher, until, of } = dial(address);
    const refused = expect(pusher.ready()).rejects.toMatchObject({ code: 'PROTOCOL', sent: false });
    await until('disconnected', 1);
    await refused;
    expect(sockets).toHaveLength(2);
    expect(of('disconnected')).toMatchObject([
      { reason: expect.stringMatching(/greets and then hangs up on a PUSH.*another service\?/) },
    ]);
    expect(of('reconnecting').map((own) => 'delay' in own && own.delay >= 1_000)).toEqual([false, true]);
  });

  it('after the handshake is dialled again as if it were the first time', async () => {
    const { address } = await serve((socket) => {
      socket.write(Buffer.concat([GREETING, readyOf('PULL')]));
      socket.once('data', () => socket.end());
    });
    const { until, of } = dial(address);
    await until('reconnecting', 3);
    expect(
      of('reconnecting')
        .map((own) => 'attempt' in own && own.attempt)
        .slice(0, 3),
    ).toEqual([1, 1, 1]);
  });
});

it('a dialling end that is closed while it waits to dial leaves no timer', async () => {
  const { address, server } = await serve((socket) => socket.destroy());
  await new Promise<void>((resolve) => server.close(() => resolve()));
  const { pusher, until } = dial(address);
  await until('reconnecting', 1);
  const timers = () => process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length;
  const before = timers();
  const closing = pusher.close();
  // It may have dialled meanwhile: then it waits for that, and has a timer too.
  expect(timers()).toBeLessThanOrEqual(before - 1);
  await closing;
});

/** An end that greets, takes pushed frames and counts what came. */
async function takes(host?: string, port?: number) {
  let received = 0;
  const own = await serve(
    (socket) => {
      socket.write(Buffer.concat([GREETING, readyOf('PULL')]));
      socket.on('data', ({ length }) => {
        received += length;
      });
    },
    host,
    port,
  );
  return { ...own, received: () => received };
}

/** An address at which nobody listens. */
async function vacant(): Promise<string> {
  const { address, server } = await serve(() => {});
  await new Promise<void>((resolve) => server.close(() => resolve()));
  return address;
}

describe('a dialling end', () => {
  it('tells when it dials, is up and is down, and with what its link broke', async () => {
    const { address, sockets } = await takes();
    const { pusher, until, of } = dial(address);
    const broken = new Promise<PalmError>((resolve) => pusher.onBreak(resolve));
    expect(of('connecting')).toEqual([{ type: 'connecting', address }]);
    await until('connected', 1);
    expect([of('connected'), pusher.isReady]).toEqual([[{ type: 'connected', address }], true]);
    sockets[0]?.end();
    await until('disconnected', 1);
    const reason = `the link to ${address} broke: it hung up`;
    expect(of('disconnected')).toEqual([{ type: 'disconnected', address, reason }]);
    expect(await broken).toMatchObject({ code: 'DISCONNECTED', message: reason, sent: 'unknown' });
    await until('reconnecting', 1);
    expect(of('reconnecting')[0]).toEqual({
      type: 'reconnecting',
      address,
      attempt: 1,
      delay: expect.any(Number),
    });
  });

  it.each([
    [0, [4, 8, 16, 16, 16]],
    [1, [8, 16, 32, 32, 32]],
  ])(
    'waits twice as long each time, up to its most, half of it at random: with %f',
    async (random, delays) => {
      vi.spyOn(Math, 'random').mockReturnValue(random);
      const address = await vacant();
      const { until, of } = dial(address, { reconnectInterval: 8, reconnectMaxInterval: 32 });
      await until('reconnecting', delays.length);
      const first = of('reconnecting').slice(0, delays.length);
      expect(first.map((own) => 'delay' in own && own.delay)).toEqual(delays);
      expect(first.map((own) => 'attempt' in own && own.attempt)).toEqual([1, 2, 3, 4, 5]);
      expect(first[0]).toMatchObject({
        reason: expect.stringMatching(/^tcp:.* cannot be reached: connect ECONNREFUSED/),
      });
    },
  );

  it('waits no less than its first wait, though its most is less', async () => {
    vi.spyOn(Math, 'random').mockReturnValue(1);
    const { until, of } = dial(await vacant(), { reconnectInterval: 20, reconnectMaxInterval: 1 });
    await until('reconnecting', 1);
    expect(of('reconnecting')).toMatchObject([{ delay: 20 }]);
  });

  it('says that its host cannot be found, and looks for it again', async () => {
    vi.spyOn(dns, 'lookup').mockRejectedValue(new Error('getaddrinfo ENOTFOUND'));
    const address = 'tcp://name.example:1';
    const { until, of } = dial(address);
    await until('reconnecting', 2);
    const reason = `the host of ${address} cannot be found: getaddrinfo ENOTFOUND`;
    expect(of('reconnecting')).toMatchObject([{ reason }, { reason }]);
  });

  it('tries all addresses of its host, past one at which another service is', async () => {
    const strange = await serve((socket) => socket.end('220 mail.example\r\n'));
    const port = Number(strange.address.split(':').at(-1));
    const own = await takes('127.0.0.2', port);
    vi.spyOn(dns, 'lookup').mockResolvedValue([
      { address: '127.0.0.3', family: 4 },
      { address: '127.0.0.1', family: 4 },
      { address: '127.0.0.2', family: 4 },
    ] as never);
    const { pusher, until, of } = dial(`tcp://several.example:${port}`);
    await until('connected', 1);
    expect([pusher.isReady, of('disconnected'), of('reconnecting')]).toEqual([true, [], []]);
    expect([strange.sockets.length, own.sockets.length]).toEqual([1, 1]);
  });

  it('introduces itself at once, and after a hang-up only once it was greeted', async () => {
    const first: number[] = [];
    const { address } = await serve((socket) => {
      socket.once('data', ({ length }) => {
        first.push(length);
        socket.end(first.length === 1 ? '' : GREETING);
      });
    });
    const { until } = dial(address);
    await until('reconnecting', 2);
    expect(first[0]).toBeGreaterThan(GREETING.length);
    expect(first[1]).toBe(GREETING.length);
  });

  it('believes that its key is wrong when a server of CURVE hangs up twice before it has proved itself', async () => {
    const greeting = greetingOf('CURVE');
    for (const [isUnproved, code, text] of [
      [true, 'FORBIDDEN', /it hung up during the CURVE handshake: curve.serverKey is not its key; is it/],
      [false, 'PROTOCOL', /greets and then hangs up on a PUSH/],
    ] as const) {
      const { address } = await serve((socket) => {
        socket.write(greeting);
        socket.once('data', () => socket.end());
      });
      const mechanism = {
        greeting,
        overhead: 0,
        handshake: () => ({ isUnproved, begin: () => undefined, end: () => {} }),
      } as unknown as Mechanism;
      const { pusher } = dial(address, {}, mechanism);
      await expect(within(5_000, pusher.ready())).rejects.toMatchObject({
        code,
        message: expect.stringMatching(text),
      });
    }
  });

  it('refuses a message that its peer would not take, with what to do; without a limit none', async () => {
    const { address, received } = await takes();
    const { pusher, until } = dial(address, { maxMessageSize: 10 });
    await until('connected', 1);
    await expect(pusher.send([new Uint8Array(11)])).rejects.toMatchObject({
      code: 'TOO_LARGE',
      sent: false,
      message: `a message of 11 bytes to ${address} is over maxMessageSize, 10: raise it on both sides`,
    });
    const any = dial(address, { maxMessageSize: -1 });
    const before = received();
    await any.pusher.send([new Uint8Array(1_000)]);
    await any.pusher.close({ timeout: 3_000 });
    expect(received() - before).toBeGreaterThanOrEqual(1_000);
  });

  it('that is closed lets leave what it was given, within the time', async () => {
    const { address, received } = await takes();
    const { pusher, until } = dial(address);
    await until('connected', 1);
    const frames = Array.from({ length: 8 }, () => new Uint8Array(1_048_576));
    const sent = pusher.send(frames);
    await within(5_000, pusher.close({ timeout: 5_000 }), 'closing');
    await sent;
    expect(received()).toBeGreaterThan(8 * 1_048_576);
  });

  it('that is closed while it dials leaves no link, and says nothing more', async () => {
    const { address, sockets } = await takes();
    const { pusher, of } = dial(address);
    await within(3_000, pusher.close(), 'closing');
    await expect(pusher.ready()).rejects.toMatchObject({ code: 'CLOSED', sent: false });
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect([of('connected'), of('disconnected'), of('reconnecting')]).toEqual([[], [], []]);
    expect(sockets.filter(({ readableEnded, destroyed }) => !readableEnded && !destroyed)).toEqual([]);
  });

  it('that is closed while its host is looked up dials nobody', async () => {
    const { address, sockets } = await takes();
    const port = Number(address.split(':').at(-1));
    let found = (_: unknown) => {};
    vi.spyOn(dns, 'lookup').mockReturnValue(new Promise((resolve) => (found = resolve)) as never);
    const { pusher, of } = dial(`tcp://later.example:${port}`);
    await pusher.close();
    found([{ address: '127.0.0.1', family: 4 }]);
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect([sockets, of('reconnecting')]).toEqual([[], []]);
  });
});
