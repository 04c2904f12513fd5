/** A peer that confirms what it never read: what its socket has not taken is the relay's to hold all the same. */
import { expect, it } from 'vitest';
import { Type } from '../../../transports/relay-protocol/frames.ts';
import { bytes } from '../../support/bytes.ts';
import { envelope } from '../../support/relay-peer.ts';
import { within } from '../../support/wait.ts';
import { MiB, testRelayChildren } from './relay-child.ts';

const children = testRelayChildren();

const REPLIES = 100;

it(`closes a peer with 4413 that confirms ${REPLIES} MiB of replies and reads none`, async () => {
  const { peer, meanwhile, memory, figure } = await children();
  const own = await peer();
  const set = { client: own.id, function: 'server.set', cache: 'big', payload: new Uint8Array(MiB) };
  expect(await own.ask(1, 'server', envelope(set))).toEqual(bytes('big'));
  const get = envelope({ client: own.id, function: 'server.get', payload: bytes('big') });
  const bytesOut = () => figure('bytes_total{direction="out"}');
  const isClosed = async () => (await figure('closes_total{code="4413"}')) > 0;
  own.socket.pause();
  await meanwhile(async () => {
    for (let id = 2; id < REPLIES && !(await isClosed()); id++) {
      const before = await bytesOut();
      own.send([Type.request, id, 'server', get]);
      const replied = async () => {
        while ((await bytesOut()) < before + MiB && !(await isClosed())) await new Promise(setImmediate);
      };
      await within(5_000, replied(), `reply ${id}`);
      own.received++;
    }
  });
  expect(await isClosed()).toBe(true);
  expect((await memory()).arrayBuffers).toBeLessThan(40 * MiB);
}, 40_000);
