/** How the end of a pipeline is written, and what is read as none. */
import { expect, it } from 'vitest';
import { readEnd, writeEnd } from '../../../src/protocol/pipeline-end.ts';

it('an end is a name and an address, with a space between', () => {
  const end = { server: 'last', address: 'tcp://127.0.0.1:5555' };
  expect(writeEnd(end)).toBe('last tcp://127.0.0.1:5555');
  expect(readEnd(writeEnd(end))).toEqual(end);
  expect(readEnd('a b')).toEqual({ server: 'a', address: 'b' });
});

it('an end that is not known is a question mark', () => {
  expect(writeEnd(undefined)).toBe('?');
  for (const text of ['?', '', 'last', ' tcp://127.0.0.1:5555']) expect(readEnd(text)).toBeUndefined();
});
