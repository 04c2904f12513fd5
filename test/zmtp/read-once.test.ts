/** Readers that keep no frames: they get views of what was read, where that is nobody else's, and copies elsewhere. */
import { afterEach, describe, expect, it } from 'vitest';
import type { Bytes } from '../../src/protocol/bytes.ts';
import type { BindingConnection } from '../../src/transport.ts';
import { curveKeyPair, type ZmtpOptions, zmtp } from '../../transports/zmtp/index.ts';
import { within } from '../support/wait.ts';

const FRAMES = 200;
/** Bytes. Larger frames than 512 are never copied into a block with others. */
const SIZE = 100;
const pair = curveKeyPair();

let open: BindingConnection[] = [];
afterEach(async () => {
  for (const connection of open) await within(5_000, connection.close({ timeout: 0 }), 'closing');
  open = [];
});

async function connection(options: ZmtpOptions): Promise<BindingConnection> {
  const opened = await zmtp(options).open();
  open.push(opened);
  return opened;
}

/** Frames that are published together, as a subscription gets them. */
async function published(once: boolean, options: readonly [ZmtpOptions, ZmtpOptions]): Promise<Bytes[]> {
  const publisher = await (await connection(options[0])).bindPublish('tcp://127.0.0.1:*');
  const reader = await connection(options[1]);
  const subscription = reader.subscribe(publisher.address, 'me/', { proofTimeout: 5_000, once });
  await within(5_000, subscription.ready(), 'the subscription');
  const frames = Array.from({ length: FRAMES }, (_, i) => new Uint8Array(SIZE).fill(i));
  await publisher.publish([{ topic: 'me/1', frames }]);
  const iterator = subscription[Symbol.asyncIterator]();
  const came: Bytes[] = [];
  while (came.length < FRAMES) {
    const { value = [] } = await within(5_000, iterator.next(), 'a delivery');
    came.push(...value.flatMap((delivery) => delivery.frames));
  }
  return came;
}

const plain = [{}, {}] as const;
const curve = [
  { curveServer: { secretKey: pair.secretKey } },
  { curve: { serverKey: pair.publicKey } },
] as const;
const buffers = (frames: readonly Bytes[]) => new Set(frames.map(({ buffer }) => buffer)).size;

describe('a subscription', () => {
  it.each([
    ['that reads frames once', true, plain],
    ['that reads frames once, over CURVE', true, curve],
    ['that keeps frames', false, plain],
  ] as const)('%s gets each of them as it was sent', async (_, once, options) => {
    const frames = await published(once, options);
    frames.forEach((frame, i) => {
      expect(frame.constructor).toBe(Uint8Array);
      expect(frame).toEqual(new Uint8Array(SIZE).fill(i));
    });
  });

  it('that reads frames once gets views of what was read together', async () => {
    // One large piece, or a few: the system decides.
    expect(buffers(await published(true, plain))).toBeLessThan((FRAMES * SIZE) / 4_096);
  });

  it('that keeps frames keeps no more than 4 KiB alive with any of them', async () => {
    for (const { buffer } of await published(false, plain))
      expect(buffer.byteLength).toBeLessThanOrEqual(4_096);
  });
});
