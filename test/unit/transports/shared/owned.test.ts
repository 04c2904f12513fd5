import { expect, it } from 'vitest';
import { owned } from '../../../../transports/shared/owned.ts';

it('a frame that is less than half of its buffer is copied, so that the buffer can go', () => {
  const buffer = new Uint8Array(100).fill(7);
  const small = owned(buffer.subarray(10, 59));
  expect([small, small.buffer.byteLength]).toEqual([new Uint8Array(49).fill(7), 49]);
  const half = buffer.subarray(10, 60);
  expect(owned(half)).toBe(half);
  expect(owned(buffer)).toBe(buffer);
});
