/** What a relay remembers of the calls of its clients, however many there are and however many paths they make up. */
import { expect, it } from 'vitest';
import { Type } from '../../../transports/relay-protocol/frames.ts';
import { bytes } from '../../support/bytes.ts';
import { envelope, type RawPeer } from '../../support/relay-peer.ts';
import { within } from '../../support/wait.ts';
import { MiB, testRelayChildren } from './relay-child.ts';

const children = testRelayChildren();

const CLIENTS = 200;
const PATHS = 256;
/** Characters of a path: as many as are looked into. */
const LENGTH = 4_096;
/** What a relay takes for clients and for calls under way; what it remembers of verdicts is 1 MiB. */
const ROOM = 48 * MiB;

/** A path of functions that may be called, another one for each number. */
function pathOf(number: number): string {
  const choice = number.toString(2).padStart(20, '0');
  const stages = [...choice].map((bit) => (bit === '1' ? 'server.echo' : 'server.same'));
  while ((stages.length + 1) * 12 <= LENGTH) stages.push('server.echo');
  return stages.join(' ');
}

async function callAll(peer: RawPeer, first: number): Promise<void> {
  await peer.openCalls();
  for (let i = 0; i < PATHS; i += 32) {
    const frames = Array.from({ length: 32 }, (_, n) =>
      envelope({ client: `${peer.id}/${i + n}`, function: pathOf(first + i + n), payload: bytes('x') }),
    );
    peer.send([Type.send, 1, 1, frames]);
    await peer.answer(`${peer.id}/${i + 31}`);
    peer.frames.length = 0;
    // Confirmed, or the relay would keep what it sent.
    peer.send([Type.pong]);
  }
}

it(`keeps little of ${PATHS} long paths of each of ${CLIENTS} clients that stay`, async () => {
  const { peer, memory, alive } = await children(
    { same: (payload) => payload },
    { maxConnectionsPerAddress: 2 * CLIENTS },
  );
  const open = async (count: number) => {
    const peers: RawPeer[] = [];
    for (let i = 0; i < count; i++) peers.push(await peer());
    return peers;
  };
  const [warm] = await open(1);
  if (warm !== undefined) await callAll(warm, 1_000_000);
  const peers = await open(CLIENTS);
  const before = await memory();
  for (const [i, own] of peers.entries())
    await within(10_000, callAll(own, i * PATHS), 'the calls of a client');
  await alive();
  const after = await memory();
  const used = ({ heapUsed, external }: typeof after) => heapUsed + external;
  console.log(
    `${((used(after) - used(before)) / MiB).toFixed(1)} MiB more, RSS ${((after.rss - before.rss) / MiB).toFixed(1)} MiB`,
  );
  expect(used(after) - used(before)).toBeLessThan(ROOM);
}, 180_000);
