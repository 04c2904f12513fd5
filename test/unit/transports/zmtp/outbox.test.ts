/** What waits for a peer: the bytes of its frames, in order, and how many they are. */
import { describe, expect, it } from 'vitest';
import { MORE } from '../../../../transports/zmtp/frame-reader.ts';
import { LARGEST_COPY, Outbox } from '../../../../transports/zmtp/outbox.ts';

const whole = (outbox: Outbox) => Buffer.concat(outbox.take());

describe('an outbox', () => {
  it.each([
    [0, '0000'],
    [255, '00ff'],
    [256, '020000000000000100'],
    [LARGEST_COPY, '020000000000002000'],
    [LARGEST_COPY + 1, '020000000000002001'],
  ])('writes a frame of %i bytes behind the head %s, as the RFC has it', (size, head) => {
    const outbox = new Outbox();
    outbox.add(0, new Uint8Array(size).fill(7));
    expect(outbox.bytes).toBe(head.length / 2 + size);
    expect(whole(outbox).toString('hex')).toBe(head + '07'.repeat(size));
  });

  it('keeps the order of frames that it copies and of those that it does not', () => {
    const outbox = new Outbox();
    outbox.add(MORE, Uint8Array.of(1));
    outbox.add(MORE, new Uint8Array(LARGEST_COPY + 1).fill(2));
    outbox.addRaw(Uint8Array.of(3));
    outbox.add(0, Uint8Array.of(4));
    const bytes = whole(outbox);
    expect([...bytes.subarray(0, 3)]).toEqual([MORE, 1, 1]);
    expect([...bytes.subarray(-4)]).toEqual([3, 0, 1, 4]);
  });

  it('is empty once it was taken', () => {
    const outbox = new Outbox();
    outbox.add(0, Uint8Array.of(1));
    expect(outbox.bytes).toBe(3);
    whole(outbox);
    expect([outbox.bytes, outbox.take()]).toEqual([0, []]);
  });

  it('loses nothing that waits when it is to rest', () => {
    const outbox = new Outbox();
    outbox.add(0, Uint8Array.of(1));
    outbox.rest();
    outbox.add(0, Uint8Array.of(2));
    expect([...whole(outbox)]).toEqual([0, 1, 1, 0, 1, 2]);
    // With nothing in it, it gives its block back and goes on.
    outbox.rest();
    outbox.add(0, Uint8Array.of(3));
    expect([...whole(outbox)]).toEqual([0, 1, 3]);
  });
});

it('what waits is counted in bytes, heads and all, and no longer once it is taken', () => {
  const outbox = new Outbox();
  outbox.addRaw(new Uint8Array(64));
  expect(outbox.bytes).toBe(64);
  outbox.add(0, new Uint8Array(10));
  outbox.add(0, new Uint8Array(300));
  outbox.add(0, new Uint8Array(20_000));
  outbox.add(0, new Uint8Array(5));
  expect(outbox.bytes).toBe(64 + 12 + 309 + 20_009 + 7);
  const taken = outbox.take().reduce((sum, { length }) => sum + length, 0);
  expect([taken, outbox.bytes]).toEqual([64 + 12 + 309 + 20_009 + 7, 0]);
});

it.each([3, 47, 48, 8_192])(
  'a frame of %i bytes may be used again at once, and a larger one is not copied',
  (size) => {
    const outbox = new Outbox();
    const frame = new Uint8Array(size).fill(1);
    outbox.add(0, frame);
    frame.fill(2);
    const large = new Uint8Array(8_193);
    outbox.add(0, large);
    const pieces = outbox.take();
    expect(Buffer.concat(pieces).subarray(size < 256 ? 2 : 9, size)).not.toContain(2);
    expect(pieces.at(-1)).toBe(large);
  },
);
