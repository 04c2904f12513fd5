import { expect, it } from 'vitest';
import { fn, functions, isErrorOf, json, remote, text } from '../../../src/functions/index.ts';
import type { Client } from '../../../src/index.ts';
import { PalmError, type PalmErrorCode } from '../../../src/protocol/errors.ts';

const shop = functions({
  price: fn({ input: text(), output: text(), errors: { SOLD_OUT: json<number>() } }, (name) => name),
});
const { price } = remote({ serverName: 'shop' } as unknown as Client, 'shop', shop);
const error = (code: PalmErrorCode, data?: unknown, remoteName = 'SOLD_OUT') =>
  new PalmError(code, 'none is left', { sent: true, remoteName, ...(data !== undefined && { data }) });

it('an error is one that a function declares when it is of the function, and has data', () => {
  expect([isErrorOf(error('REMOTE', 7), price), isErrorOf(error('REMOTE', 7), price, 'SOLD_OUT')]).toEqual([
    true,
    true,
  ]);
  expect(isErrorOf(error('REMOTE', 7, 'OTHER'), price, 'SOLD_OUT')).toBe(false);
  // Whatever a server says along with other failures.
  for (const other of [error('REMOTE'), error('CANCELLED', 7), error('INVALID_CALL', 7)])
    expect(isErrorOf(other, price)).toBe(false);
  const like = { code: 'REMOTE', remoteName: 'SOLD_OUT', data: 7 };
  for (const other of [undefined, null, 'SOLD_OUT', like, Object.assign(new Error('x'), like)])
    expect(isErrorOf(other, price)).toBe(false);
});
