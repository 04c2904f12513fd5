/** What clients that come and go do to those who stay. */
import { expect, it } from 'vitest';
import { Type } from '../../../transports/websocket/frames.ts';
import { bytes } from '../../bytes.ts';
import { ALL, testRelays } from './ground.ts';
import { envelope } from './raw-peer.ts';

const besieged = testRelays();

it('forgets those first who have been away for longest, where there is no more room for sessions', async () => {
  const { peer, dial, meanwhile, figure } = await besieged({ limits: { maxConnections: 10 } });
  const first = await peer();
  await meanwhile(async () => {
    // They come after it, and go before it.
    const vanished = [];
    for (let i = 0; i < 6; i++) {
      const own = await peer();
      own.socket.terminate();
      await own.end();
      vanished.push(own);
    }
    first.socket.terminate();
    await first.end();
    for (let i = 0; i < 5; i++) {
      const own = await peer();
      own.socket.terminate();
      await own.end();
    }
    expect(await figure('sessions')).toBe(10);
    const back = await dial();
    expect((await back.greet('attacker-token', first.session))[3]).toBe(true);
    const oldest = await dial();
    expect((await oldest.greet('attacker-token', vanished[0]?.session))[3]).toBe(false);
  });
});

it('takes what is no longer granted away from who comes back with a token that says so', async () => {
  const less = { ...ALL, name: 'visitor', servers: ['other'], work: false };
  const identities = { before: { ...ALL, name: 'visitor' }, after: less };
  const { peer, dial, meanwhile } = await besieged({ identities });
  await meanwhile(async () => {
    const visitor = await peer('before');
    await visitor.openCalls();
    visitor.send([Type.open, 3, 1, 'server', '']);
    await visitor.next((frame) => frame[0] === Type.ready && frame[1] === 3);
    const again = await dial();
    expect((await again.greet('after', visitor.session, visitor.received))[3]).toBe(true);
    for (const channel of [1, 2, 3]) {
      const refused = await again.next((frame) => frame[0] === Type.refused && frame[1] === channel);
      expect(refused[2]).toBe('FORBIDDEN');
    }
    again.sent = visitor.sent;
    const end = again.ask(
      1,
      'server',
      envelope({ client: again.id, function: '_.get', payload: bytes('name') }),
    );
    expect(await end).toBe('FORBIDDEN');
  });
});
