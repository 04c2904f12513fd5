/** Requests that wait in the relay until the client has room for their replies. */
import { expect, it } from 'vitest';
import { Type } from '../../../transports/relay-protocol/frames.ts';
import { ALL, testRelays } from '../../support/besieged-relay.ts';
import { bytes } from '../../support/bytes.ts';
import { envelope } from '../../support/relay-peer.ts';

const besieged = testRelays();

const KiB = 1_024;

it('are done in turn, and are not when they were given up meanwhile', async () => {
  const relay = await besieged({ identities: { one: ALL }, limits: { maxHeld: 256 * KiB } });
  const peer = await relay.peer('one');
  const other = await relay.peer('one');
  const set = (client: string, key: string, payload: Uint8Array<ArrayBuffer>) =>
    envelope({ client, function: 'server.set', cache: key, payload });
  const get = (client: string, key: string) =>
    envelope({ client, function: 'server.get', payload: bytes(key) });
  await other.ask(1, 'server', set(other.id, 'large', new Uint8Array(50 * KiB)));
  // It confirms none of these.
  peer.send([Type.request, 1, 'server', get(peer.id, 'large')]);
  await peer.next((frame) => frame[0] === Type.reply && frame[1] === 1);
  peer.received = 0;
  peer.send(
    [Type.request, 2, 'server', set(peer.id, 'kept', bytes('first'))],
    [Type.request, 3, 'server', set(peer.id, 'kept', bytes('second'))],
    [Type.request, 4, 'server', set(peer.id, 'given up', bytes('x'))],
    [Type.request, 5, 'server', get(peer.id, 'kept')],
    [Type.cancel, 4],
  );
  expect(await other.ask(2, 'server', get(other.id, 'kept'))).toEqual(new Uint8Array(0));
  peer.received = 1;
  peer.send([Type.cancel, 99]);
  const kept = await peer.next((frame) => frame[0] === Type.reply && frame[1] === 5);
  expect(kept[2]).toEqual(bytes('second'));
  expect(await other.ask(3, 'server', get(other.id, 'given up'))).toEqual(new Uint8Array(0));
});
