/** What the form of a described function begins with. */
import { expect, it } from 'vitest';
import { formInput } from '../../../../../playground/src/state/described.ts';

const described = {
  path: 'demo.frequent',
  description: undefined,
  schema: {
    type: 'object',
    properties: { text: { type: 'string', default: 'a' }, most: { type: 'integer' } },
    required: ['text'],
  },
  answers: 'json',
} as const;

it.each([
  ['{"text":"b"}', { text: 'b' }],
  ['{"most":2}', { most: 2 }],
  ['{"text":"b","other":1}', { text: 'b', other: 1 }],
  ['{}', {}],
])('is %s where the payload holds it', (payload, value) => {
  expect(formInput(described, { format: 'json', payload })).toEqual({ isGiven: true, value });
});

it.each(['', 'hello', '[1]', '{"cups":2}', '{"toString":1}'])(
  'is what the schema says where the payload is %j',
  (payload) => {
    const begin = { isGiven: false, value: { text: 'a' } };
    expect(formInput(described, { format: 'json', payload })).toEqual(begin);
  },
);

it('is what the schema says where the payload is not JSON', () => {
  const { isGiven } = formInput(described, { format: 'text', payload: '{"text":"b"}' });
  expect(isGiven).toBe(false);
});

it('takes any object where the schema names no fields', () => {
  const open = { ...described, schema: { type: 'object' } };
  expect(formInput(open, { format: 'json', payload: '{"any":1}' }).isGiven).toBe(true);
});
