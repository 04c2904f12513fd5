/** Peers that each have a little held for them, and together more than there is room for. */
import { expect, it } from 'vitest';
import { Type } from '../../../transports/relay-protocol/frames.ts';
import { ALL, testRelays } from '../../support/besieged-relay.ts';
import { bytes } from '../../support/bytes.ts';
import { envelope } from '../../support/relay-peer.ts';
import { within } from '../../support/wait.ts';
import { MiB } from './relay-child.ts';

const besieged = testRelays();

const PEERS = 8;
const MOST = 3 * MiB;

it('ends those that the most is held for, and serves the others', async () => {
  const { peer, meanwhile, figure } = await besieged({
    identities: { one: ALL },
    limits: { maxHeld: 4 * MiB, maxHeldTotal: MOST },
  });
  const first = await peer('one');
  const payload = new Uint8Array(MiB / 4);
  const set = { client: first.id, function: 'server.set', cache: 'large', payload };
  expect(await first.ask(1, 'server', envelope(set))).toEqual(bytes('large'));
  await meanwhile(async () => {
    const peers = await Promise.all(Array.from({ length: PEERS }, () => peer('one')));
    for (const own of peers) {
      const get = envelope({ client: own.id, function: 'server.get', payload: bytes('large') });
      // It confirms nothing of what comes.
      own.send(...Array.from({ length: 8 }, (_, i) => [Type.request, i, 'server', get] as const));
    }
    const ends = await within(4_000, Promise.any(peers.map((own) => own.closed)), 'an end');
    expect(ends).toMatchObject({ code: 4413 });
    expect(ends.reason).toContain('for all clients');
  });
  expect(await figure('held_bytes')).toBeLessThanOrEqual(MOST);
  const left = await figure('sessions');
  expect(left).toBeGreaterThan(1);
  expect(left).toBeLessThan(PEERS + 2);
});
