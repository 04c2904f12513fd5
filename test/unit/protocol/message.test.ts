import { expect, it } from 'vitest';
import { EMPTY_MESSAGE, NO_BYTES, type PalmMessage, palmMessage } from '../../../src/protocol/message.ts';

const EMPTY = {
  pipeline: '',
  client: '',
  stage: 0,
  function: '',
  cache: '',
  payload: NO_BYTES,
  features: 0,
  status: 0,
  error: '',
  errorName: '',
  ordinal: 0,
  unknown: NO_BYTES,
};

it('is empty by default, and so is the message that others are made of', () => {
  expect([palmMessage({}), EMPTY_MESSAGE]).toEqual([EMPTY, EMPTY]);
});

it.each<[keyof PalmMessage, PalmMessage[keyof PalmMessage]]>([
  ['pipeline', 'p'],
  ['client', 'c'],
  ['stage', 3],
  ['function', 's.f'],
  ['cache', 'k'],
  ['payload', new Uint8Array([1])],
  ['features', 5],
  ['status', 2],
  ['error', 'because'],
  ['errorName', 'TypeError'],
  ['ordinal', 7],
  ['unknown', new Uint8Array([2])],
])('a message has the %s that is given, or its default', (field, value) => {
  expect(palmMessage({ [field]: value })).toEqual({ ...EMPTY, [field]: value });
  expect(palmMessage({ [field]: undefined })).toEqual(EMPTY);
});

it('a message has every field, and those that are given', () => {
  expect(palmMessage({})).toEqual(EMPTY);
  const given = { client: 'c', stage: 3, payload: new Uint8Array([1]), unknown: new Uint8Array([2]) };
  expect(palmMessage(given)).toEqual({ ...EMPTY, ...given });
});
