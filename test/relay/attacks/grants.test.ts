/** Servers, functions and work that are not granted. */
import { expect, it } from 'vitest';
import { Type } from '../../../transports/relay-protocol/frames.ts';
import { ALL, type Besieged, testRelays } from '../../support/besieged-relay.ts';
import { bytes, textOf } from '../../support/bytes.ts';
import { envelope, type RawPeer } from '../../support/relay-peer.ts';

const besieged = testRelays();

const identities = {
  few: { ...ALL, functions: ['server.upper', 'other.up*'], work: false },
  none: { servers: ['server'] },
  elsewhere: { ...ALL, servers: ['other'] },
  some: { ...ALL, servers: ['ser*r'], functions: ['*.upper'] },
};

const withOthers = async (): Promise<Besieged> =>
  besieged({ identities, servers: { other: { pushAddress: 'memory://nowhere' } } });

/** What a call comes to: its answer, or why there is none. */
async function outcome(peer: RawPeer, call: string, path: string): Promise<string> {
  const { status, payload, error } = await peer.call(call, path);
  return status === 0 ? textOf(payload) : `${status}: ${error}`;
}

it.each([
  'server.big',
  'server.boom',
  'server.Upper',
  'server.upper2',
  'server.uppe',
  'xserver.upper',
  'server.echo',
  'server.__proto__',
  'server.constructor',
  '__proto__.upper',
  'server.upper server.big',
  'server.upper other.down',
  'server.upper unknown.upper',
  'server.upper server.upper unknown.upper',
])("answers a call of '%s', which is not granted, in the server's place", async (path) => {
  const relay = await withOthers();
  const before = relay.server.counters.received;
  const peer = await relay.peer('few');
  await peer.openCalls();
  expect(await outcome(peer, '1', path)).toMatch(/^4: few may not call /);
  await relay.meanwhile(async () => {
    expect(await outcome(peer, '2', 'server.upper')).toBe('X');
  });
  const client = await relay.connect('few');
  await expect(client.eval(path, bytes('x'))).rejects.toMatchObject({
    code: expect.stringMatching(/FORBIDDEN|REMOTE|INVALID_CALL/),
  });
  expect(relay.server.counters.failed ?? 0).toBe(0);
  expect(relay.server.counters.received).toBeGreaterThan(before);
});

it('answers calls whose later stage is of a server that it does not know', async () => {
  const relay = await besieged();
  await relay.meanwhile(async () => {
    const peer = await relay.peer();
    await peer.openCalls();
    expect(await outcome(peer, '1', 'server.upper unknown.upper')).toMatch(/^4: .*knows no server/);
    expect(await outcome(peer, '2', 'server.upper __proto__.upper')).toMatch(/^4: .*knows no server/);
    expect(await outcome(peer, '3', 'unknown.upper')).toMatch(/^4: the first function/);
  });
});

it.each([
  '',
  '.',
  'nodot',
  'server.',
  '.upper',
  'server.a.b',
  ' server.upper',
  'server.upper ',
  'server.upper  server.upper',
  'server\u0000.upper',
  'server.upper\n',
  'x'.repeat(100_000),
])("answers the path '%s', which is none", async (path) => {
  const relay = await besieged();
  await relay.meanwhile(async () => {
    const peer = await relay.peer();
    await peer.openCalls();
    expect(await outcome(peer, '1', path)).toMatch(/^4: /);
  });
});

it.each([{ stage: 1 }, { stage: -1 }, { stage: 2 ** 53 - 1 }, { status: 1 }, { status: -1 }])(
  'answers a call that would come in elsewhere: %j',
  async (fields) => {
    const relay = await besieged();
    await relay.meanwhile(async () => {
      const peer = await relay.peer();
      await peer.openCalls();
      const answer = await peer.call('1', 'server.upper server.upper', fields);
      expect(answer.status).toBe(4);
    });
  },
);

it.each(['other', 'unknown', '__proto__', 'constructor', 'serve', 'server2', 'Server'])(
  'refuses channels and requests to %s, which is not granted or not there',
  async (name) => {
    const relay = await withOthers();
    await relay.meanwhile(async () => {
      for (const token of ['none', 'some']) {
        const peer = await relay.peer(token);
        for (const [index, kind] of [1, 2, 3].entries()) {
          peer.send([Type.open, index, kind, name, kind === 2 ? `${peer.id}/` : '']);
          const refused = await peer.next((own) => own[0] === Type.refused && own[1] === index);
          expect(refused[2]).toBe('FORBIDDEN');
        }
        expect(
          await peer.ask(1, name, envelope({ client: peer.id, function: '_.get', payload: bytes('name') })),
        ).toBe('FORBIDDEN');
      }
    });
  },
);

it.each([
  '',
  'a.b',
  'tcp://127.0.0.1:5555',
  'memory://1',
  'server/',
  '/results',
  'server/results/results',
  'a b',
  'a\u0000',
])("closes with 4400 who dials '%s', which is no name", async (address) => {
  const relay = await besieged();
  await relay.meanwhile(async () => {
    for (const frame of [
      [Type.open, 1, 1, address, ''],
      [Type.request, 1, address, new Uint8Array(0)],
    ] as const) {
      const peer = await relay.peer();
      peer.send(frame);
      expect((await peer.end()).code).toBe(4400);
    }
  });
});

it('refuses work to who may not work', async () => {
  const relay = await withOthers();
  await relay.meanwhile(async () => {
    const peer = await relay.peer('few');
    peer.send([Type.open, 1, 3, 'server', ''], [Type.open, 2, 1, 'server/results', '']);
    for (const channel of [1, 2]) {
      const refused = await peer.next((own) => own[0] === Type.refused && own[1] === channel);
      expect(refused[2]).toBe('FORBIDDEN');
    }
    const frame = envelope({ client: peer.id, function: '_.work', cache: '1', stage: 1 });
    expect(await peer.ask(1, 'server', frame)).toBe('FORBIDDEN');
  });
});

it('counts what is refused', async () => {
  const relay = await withOthers();
  const peer = await relay.peer('few');
  await relay.meanwhile(async () => {
    await peer.openCalls();
    await outcome(peer, '1', 'server.big');
    await peer.ask(1, 'unknown', envelope({ client: peer.id }));
  });
  expect(await relay.figure('refusals_total{what="call"}')).toBe(1);
  expect(await relay.figure('refusals_total{what="server"}')).toBe(1);
});
