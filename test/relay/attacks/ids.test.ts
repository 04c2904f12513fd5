/** Clients that would be others: in calls, requests, work and subscriptions. */
import { expect, it } from 'vitest';
import { Type } from '../../../transports/relay-protocol/frames.ts';
import { type Besieged, testRelays } from '../../support/besieged-relay.ts';
import { bytes } from '../../support/bytes.ts';
import { envelope, type RawPeer } from '../../support/relay-peer.ts';

const besieged = testRelays();

/** Ids that are not the attacker's, some of them nearly. */
function foreignIds(own: string, victim: string): readonly string[] {
  const [relayId = ''] = own.split('/');
  return [
    victim,
    `${victim}/1`,
    relayId,
    `${relayId}/`,
    '',
    '/',
    own.slice(0, -1),
    `${own}0/1`,
    `x${own}/1`,
    ` ${own}/1`,
  ];
}

async function attackers(relay: Besieged, attack: (peer: RawPeer, id: string) => Promise<void>) {
  const victim = await relay.peer();
  const { length } = foreignIds(victim.id, victim.id);
  await relay.meanwhile(async () => {
    for (let i = 0; i < length; i++) {
      const peer = await relay.peer();
      await attack(peer, foreignIds(peer.id, victim.id)[i] ?? '');
    }
    expect(
      await victim.ask(
        1,
        'server',
        envelope({ client: victim.id, function: 'server.get', payload: bytes('name') }),
      ),
    ).toEqual(bytes('server'));
  });
  expect(victim.frames.filter(([type]) => type === Type.results)).toEqual([]);
}

it("closes with 4403 who calls under another's id", async () => {
  await attackers(await besieged(), async (peer, id) => {
    await peer.openCalls();
    peer.send([Type.send, 1, 1, [envelope({ client: id, function: 'server.upper', payload: bytes('x') })]]);
    expect([id, (await peer.end()).code]).toEqual([id, 4403]);
  });
  await attackers(await besieged(), async (peer, id) => {
    await peer.openCalls();
    // Its own id, without what is behind it in every call, is no topic of its own either.
    const client = id === '' ? peer.id : id;
    const good = envelope({ client: `${peer.id}/1`, function: 'server.upper' });
    peer.send([Type.send, 1, 1, [good, envelope({ client, function: 'server.upper' })]]);
    expect((await peer.end()).code).toBe(4403);
  });
});

it("refuses requests to the cache under another's id", async () => {
  await attackers(await besieged(), async (peer, id) => {
    const frame = envelope({ client: id, function: 'server.get', payload: bytes('k') });
    expect([id, await peer.ask(1, 'server', frame)]).toEqual([id, 'FORBIDDEN']);
    const own = envelope({ client: peer.id, function: 'server.get', payload: bytes('name') });
    expect(await peer.ask(2, 'server', own)).toEqual(bytes('server'));
  });
});

it("refuses a worker that is called as another's", async () => {
  await attackers(await besieged(), async (peer, id) => {
    const frame = envelope({ client: id, function: '_.work', cache: '1', stage: 1, features: 6 });
    expect([id, await peer.ask(1, 'server', frame)]).toEqual([id, 'FORBIDDEN']);
  });
});

it("closes with 4403 who subscribes to another's topics", async () => {
  await attackers(await besieged(), async (peer, id) => {
    peer.send([Type.open, 1, 2, 'server', id]);
    expect([id, (await peer.end()).code]).toEqual([id, 4403]);
  });
  const relay = await besieged();
  const peer = await relay.peer();
  // Without the slash it would take what is for those whose ids begin so.
  peer.send([Type.open, 1, 2, 'server', peer.id]);
  expect((await peer.end()).code).toBe(4403);
});

it('gives each the answers to its own calls and no others, whatever they are called', async () => {
  const relay = await besieged();
  const peers = await Promise.all(Array.from({ length: 12 }, () => relay.peer()));
  await relay.meanwhile(async () => {
    await Promise.all(peers.map((peer) => peer.openCalls()));
    const answers = await Promise.all(
      peers.map((peer) => peer.call('same', 'server.upper', { payload: bytes(peer.id) })),
    );
    expect(answers.map(({ payload }) => payload.slice())).toEqual(
      peers.map(({ id }) => bytes(id.toUpperCase())),
    );
  });
  for (const { id, frames } of peers) {
    const topics = frames
      .flatMap((frame) => (frame[0] === Type.results ? frame[2] : []))
      .map(({ topic }) => topic);
    expect(topics).toEqual([`${id}/same`]);
  }
});

it('refuses an id that a client would choose, before anything is sent', async () => {
  const relay = await besieged();
  await relay.meanwhile(async () => {
    await expect(relay.connect('attacker-token', { id: 'mine' })).rejects.toMatchObject({
      code: 'INVALID_CALL',
    });
  });
});
