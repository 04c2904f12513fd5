/** A page's connection: what slow readers hold up, and until when. */
import { expect, it, vi } from 'vitest';
import { RELAYED_DELIVERIES } from '../../../../src/flow-control.ts';
import {
  loneMessage,
  MessageWriter,
  setNumbers,
  Type,
} from '../../../../transports/relay-protocol/frames.ts';
import { websocket } from '../../../../transports/websocket/index.ts';
import { RelaySession } from '../../../../transports/websocket/relay-session.ts';
import { fakePlatform } from '../../../relay/life/fake-socket.ts';
import { bytes } from '../../../support/bytes.ts';
import { within } from '../../../support/wait.ts';

it('goes on with a relay when the last of its slow readers has caught up, not when the first has', async () => {
  const held: boolean[] = [];
  const isHeld = vi
    .spyOn(RelaySession.prototype, 'isHeld', 'set')
    .mockImplementation((own) => held.push(own));
  const platform = fakePlatform((socket) => {
    socket.open();
    const welcome = [
      Type.welcome,
      's',
      'relay/1',
      false,
      0,
      1_000_000,
      1_000_000,
      60_000,
      60_000,
      '',
    ] as const;
    socket.get(loneMessage(welcome).slice().buffer);
  });
  const connection = await websocket('ws://relay.example/', { WebSocket: platform.WebSocket }).open();
  try {
    await within(2_000, connection.identify(), 'the welcome');
    const subscriptions = ['first', 'second'].map((server) => connection.subscribe(server, 'relay/1/'));
    const deliveries = Array.from({ length: RELAYED_DELIVERIES }, () => ({
      topic: 'relay/1/a',
      frames: [bytes('x')],
    }));
    const writer = new MessageWriter();
    for (const number of [1, 2]) writer.add([Type.results, number, deliveries]);
    const message = writer.take().slice();
    setNumbers(message, 1, 0);
    platform.made[0]?.get(message.buffer);
    expect(held).toEqual([true, true]);
    const [first, second] = subscriptions.map((own) => own[Symbol.asyncIterator]());
    await first?.next();
    expect(held).toEqual([true, true]);
    await second?.next();
    await vi.waitFor(() => expect(held).toEqual([true, true, false]));
  } finally {
    isHeld.mockRestore();
    await connection.close({ timeout: 0 });
  }
});
