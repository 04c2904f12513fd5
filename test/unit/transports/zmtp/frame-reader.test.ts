/** Limits on frames, at their value and one beyond it. */
import { describe, expect, it } from 'vitest';
import { CONTROL_SIZE } from '../../../../transports/zmtp/commands.ts';
import { COMMAND, FrameReader, LONG, MORE } from '../../../../transports/zmtp/frame-reader.ts';

function read(largest: number, flags: number, size: number): number[] {
  const sizes: number[] = [];
  const reader = new FrameReader({ frame: (_, __, start, end) => sizes.push(end - start) }, largest);
  const head = Buffer.alloc(9);
  head[0] = flags | LONG;
  head.writeBigUInt64BE(BigInt(size), 1);
  reader.read(Buffer.concat([head, Buffer.alloc(size)]));
  return sizes;
}

const violation = (code: string) => expect.objectContaining({ name: 'Violation', code });

describe('a frame', () => {
  it.each([0, 1, 255, 256, 70_000])(
    'may have as many bytes as the limit, %i, and not one more',
    (largest) => {
      expect(read(largest, 0, largest)).toEqual([largest]);
      expect(() => read(largest, 0, largest + 1)).toThrow(violation('TOO_LARGE'));
    },
  );

  it('may have any number of bytes where there is no limit', () => {
    expect(read(-1, MORE, 2_000_000)).toEqual([2_000_000]);
  });

  it('has no bit that the RFC reserves', () => {
    for (let bit = 8; bit < 256; bit *= 2) expect(() => read(-1, bit, 0)).toThrow(violation('PROTOCOL'));
  });
});

describe('a command', () => {
  it('has a limit of its own, whatever that of frames is', () => {
    for (const largest of [0, -1]) {
      expect(read(largest, COMMAND, CONTROL_SIZE)).toEqual([CONTROL_SIZE]);
      expect(() => read(largest, COMMAND, CONTROL_SIZE + 1)).toThrow(violation('TOO_LARGE'));
    }
  });

  it('has one part', () => {
    expect(() => read(-1, COMMAND | MORE, 1)).toThrow(violation('PROTOCOL'));
  });
});
