/** What is small for a client to send and could be dear for the relay: in time, in memory, and in what it does to others. */
import { expect, it } from 'vitest';
import { Type } from '../../../transports/relay-protocol/frames.ts';
import { ALL, type Besieged, testRelays } from '../../support/besieged-relay.ts';
import { bytes } from '../../support/bytes.ts';
import { megabytes } from '../../support/leftovers.ts';
import { envelope } from '../../support/relay-peer.ts';
import { within } from '../../support/wait.ts';

const besieged = testRelays();

/**
 * Milliseconds that the event loop computes without a pause, at most, while `attack` is done. Time in which the machine runs other
 * processes does not count.
 */
async function longestHalt(relay: Besieged, attack: () => Promise<void>): Promise<number> {
  let longest = 0;
  let last = process.cpuUsage();
  const timer = setInterval(() => {
    const { user, system } = process.cpuUsage(last);
    longest = Math.max(longest, (user + system) / 1_000);
    last = process.cpuUsage();
  }, 1);
  await relay.meanwhile(attack);
  clearInterval(timer);
  return longest;
}

const HALT = 500;

it('judges a name that was made to be hard against patterns as fast as any other', async () => {
  const relay = await besieged({
    identities: { one: { ...ALL, functions: ['server.*_*_*_x'], servers: ['*r*r*r*x', 'server'] } },
  });
  const peer = await relay.peer('one');
  await peer.openCalls();
  const halt = await longestHalt(relay, async () => {
    const answer = await peer.call('1', `server.${'_'.repeat(4_000)}`);
    expect(answer.status).toBe(4);
    peer.send([Type.open, 9, 1, 'r'.repeat(1_000_000), '']);
    await within(
      4_000,
      peer.next((frame) => frame[0] === Type.refused),
    );
  });
  expect(halt).toBeLessThan(HALT);
});

it('does not look into a path of a million stages', async () => {
  const relay = await besieged();
  const peer = await relay.peer();
  await peer.openCalls();
  const halt = await longestHalt(relay, async () => {
    const answer = await peer.call('1', new Array(250_000).fill('server.upper').join(' '));
    expect(answer.status).toBe(4);
    expect(answer.error.length).toBeLessThan(1_000);
  });
  expect(halt).toBeLessThan(HALT);
});

it('keeps nothing of long paths', async () => {
  const relay = await besieged();
  const peer = await relay.peer();
  await peer.openCalls();
  const before = await megabytes();
  await relay.meanwhile(async () => {
    for (let i = 0; i < 40; i++) {
      await peer.call(String(i), `server.${i}${'x'.repeat(1_000_000)}`);
      peer.frames.length = 0;
    }
  });
  expect((await megabytes()) - before).toBeLessThan(16);
});

it('ends workers of a client on a server whose cache it does not know', async () => {
  const relay = await besieged({ servers: { mute: { pushAddress: 'memory://nobody' } } });
  await relay.meanwhile(async () => {
    const peer = await relay.peer();
    const frame = envelope({ client: `${peer.id}/w`, function: '_.work', cache: '1', stage: 1, features: 6 });
    expect(await peer.ask(1, 'mute', frame)).toBe('INVALID_CALL');
    peer.socket.close(1000);
    await peer.end();
  });
  expect(await relay.figure('sessions')).toBe(1);
});

it('remembers only so many workers of a client', async () => {
  const relay = await besieged({ servers: { dead: { dbAddress: 'memory://nowhere' } } });
  const peer = await relay.peer();
  const before = await megabytes();
  await relay.meanwhile(async () => {
    const long = 'w'.repeat(20_000);
    for (let i = 1; i <= 1_000; i++) {
      const client = `${peer.id}/${i}`;
      const frame = envelope({
        client,
        pipeline: long + i,
        function: '_.work',
        cache: '1',
        stage: 1,
        features: 6,
      });
      peer.send([Type.request, i, 'dead', frame], [Type.cancel, i]);
      if (i % 100 === 0)
        await peer
          .ask(10_000 + i, 'server', envelope({ client: peer.id, function: '_.get', payload: bytes('name') }))
          .catch(() => {});
    }
  });
  peer.frames.length = 0;
  expect((await megabytes()) - before).toBeLessThan(16);
});

it('keeps nothing of channels to a server that is not there, however many were opened and closed', async () => {
  const relay = await besieged({ servers: { dead: { dbAddress: 'memory://nowhere' } } });
  const peer = await relay.peer();
  const name = envelope({ client: peer.id, function: '_.get', payload: bytes('name') });
  const openAndClose = async (count: number) => {
    for (let i = 0; i < count; i++) {
      for (let kind = 1; kind <= 2; kind++) {
        peer.send([Type.open, i, kind, 'dead', kind === 2 ? `${peer.id}/` : ''], [Type.close, i]);
      }
      if (i % 500 === 0) await peer.ask(++asked, 'server', name);
    }
    await peer.ask(++asked, 'server', name);
  };
  let asked = 0;
  await openAndClose(100);
  const before = await megabytes();
  await relay.meanwhile(() => openAndClose(5_000));
  expect((await megabytes()) - before).toBeLessThan(8);
});
