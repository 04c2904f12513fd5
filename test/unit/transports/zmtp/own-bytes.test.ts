/** Copies of frames out of the buffer that a socket reads into, which is used again. */
import { describe, expect, it } from 'vitest';
import { OwnBytes, Views } from '../../../../transports/zmtp/own-bytes.ts';

/** A buffer of a socket, within a larger one, with bytes that differ. */
function bufferOf(size: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(size + 16).subarray(8, 8 + size);
  for (let i = 0; i < size; i++) bytes[i] = (i * 31 + 7) % 251;
  return bytes;
}

const SIZES = [0, 1, 7, 8, 9, 47, 48, 49, 255, 511, 512, 513, 4_095, 4_096, 4_097, 10_000];

describe('a copy', () => {
  it('has the bytes of its frame, and keeps them when the buffer is used again and others are copied', () => {
    const own = new OwnBytes();
    const source = bufferOf(20_000);
    const expected = source.slice();
    const copies: [start: number, copy: Uint8Array][] = [];
    for (let round = 0; round < 4; round++)
      for (const size of SIZES) {
        const start = 13 * round + 5;
        copies.push([start, own.copy(source, start, start + size)]);
      }
    source.fill(0);
    for (const [start, copy] of copies)
      expect(Buffer.compare(copy, expected.subarray(start, start + copy.length))).toBe(0);
    expect(copies.map(([, copy]) => copy.length)).toEqual([...SIZES, ...SIZES, ...SIZES, ...SIZES]);
  });

  it('of up to 512 bytes shares a block of 4 KiB with others, and a larger one has a buffer of its own', () => {
    const own = new OwnBytes();
    const source = bufferOf(5_000);
    const small = Array.from({ length: 8 }, () => own.copy(source, 0, 512));
    expect(new Set(small.map(({ buffer }) => buffer)).size).toBe(1);
    expect(small[0]?.buffer.byteLength).toBe(4_096);
    expect(own.copy(source, 0, 1).buffer).not.toBe(small[0]?.buffer);
    expect(own.copy(source, 0, 513).buffer.byteLength).toBe(513);
  });

  it('begins where numbers of eight bytes may begin', () => {
    const own = new OwnBytes();
    const source = bufferOf(600);
    for (let size = 0; size < 40; size++) expect(own.copy(source, 3, 3 + size).byteOffset % 8).toBe(0);
    // It wastes no more than that.
    const places = [own.copy(source, 0, 8), own.copy(source, 0, 1), own.copy(source, 0, 1)];
    const [first = 0, second = 0, third = 0] = places.map(({ byteOffset }) => byteOffset);
    expect([second - first, third - second]).toEqual([8, 8]);
  });
});

it('a view is of the buffer itself', () => {
  const source = bufferOf(100);
  const view = new Views().copy(source, 10, 20);
  expect(view).toEqual(source.slice(10, 20));
  source[10] = 99;
  expect([view[0], view.length]).toEqual([99, 10]);
});

describe.each([
  ['views', () => new Views()],
  ['copies', () => new OwnBytes()],
])('%s', (_, make) => {
  it('are of the buffer that they are asked for, one after another, also within one memory', () => {
    const own = make();
    const whole = bufferOf(1_000);
    const [one, two] = [whole.subarray(100, 400), whole.subarray(500, 900)];
    const other = bufferOf(300).map((byte) => byte ^ 0xff);
    for (const source of [one, two, other, one, other, two]) {
      expect(own.copy(source, 20, 120)).toEqual(source.slice(20, 120));
      own.rest();
      expect(own.copy(source, 7, 70)).toEqual(source.slice(7, 70));
    }
  });
});
