/** A dialling end and servers that do what a test says: when it dials again, and what it says of a server that does not fit. */
import { createServer, type Server, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { ZmtpPusher } from '../../../../transports/zmtp/pusher.ts';
import { within } from '../../../support/wait.ts';
import { GREETING, readyOf } from '../../../support/zmtp.ts';
import { endContext } from '../../../support/zmtp-peer.ts';

const open: { close(): unknown }[] = [];
afterEach(async () => {
  for (const own of open.splice(0)) await own.close();
});

async function serve(
  behave: (socket: Socket) => void,
): Promise<{ server: Server; address: string; sockets: Socket[] }> {
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    socket.on('error', () => {});
    sockets.push(socket);
    behave(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  open.push({
    close: () => {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  });
  const bound = server.address();
  return { server, sockets, address: `tcp://127.0.0.1:${typeof bound === 'object' && bound?.port}` };
}

function dial(address: string) {
  const context = endContext({ reconnectInterval: 1, reconnectMaxInterval: 1 });
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
