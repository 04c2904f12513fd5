import fc from 'fast-check';
import { expect, it } from 'vitest';
import { decodeZ85, encodeZ85 } from '../../../../transports/shared/z85.ts';

it('writes the example of the RFC', () => {
  const bytes = Uint8Array.of(0x86, 0x4f, 0xd2, 0x6f, 0xb5, 0x59, 0xf7, 0x5b);
  expect(encodeZ85(bytes)).toBe('HelloWorld');
  expect(decodeZ85('HelloWorld')).toEqual(bytes);
});

it('reads what it wrote', () => {
  const words = fc.array(fc.uint8Array({ minLength: 4, maxLength: 4 }), { maxLength: 10 });
  fc.assert(
    fc.property(words, (groups) => {
      const bytes = Uint8Array.from(groups.flatMap((group) => [...group]));
      expect(decodeZ85(encodeZ85(bytes))).toEqual(bytes);
    }),
  );
});

it.each(['Hello ', 'Hell', 'Hell é', 'é'.repeat(5), '#####', '%nSc1'])('gives nothing for %j', (text) => {
  expect(decodeZ85(text)).toBeUndefined();
});
