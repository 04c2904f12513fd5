import { expect, it } from 'vitest';
import { AnsweredError, answerOf } from '../../../../src/functions/contract/answered-error.ts';

it('an error says how its call is answered, and no other does', () => {
  const answer = { status: 3, payload: new Uint8Array([1]) };
  const cause = new Error('deeper');
  const error = new AnsweredError('TOO_BIG', 'it is too big', answer, cause);
  expect([error.name, error.message, error.cause, answerOf(error)]).toEqual([
    'TOO_BIG',
    'it is too big',
    cause,
    answer,
  ]);
  expect(JSON.stringify(error)).toBe('{"name":"TOO_BIG"}');
  for (const other of [undefined, null, 'TOO_BIG', new Error('x'), {}])
    expect(answerOf(other)).toBeUndefined();
});
