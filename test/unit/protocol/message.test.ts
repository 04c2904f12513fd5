import { expect, it } from 'vitest';
import { NO_BYTES, palmMessage } from '../../../src/protocol/message.ts';

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

it('a message has every field, and those that are given', () => {
  expect(palmMessage({})).toEqual(EMPTY);
  const given = { client: 'c', stage: 3, payload: new Uint8Array([1]), unknown: new Uint8Array([2]) };
  expect(palmMessage(given)).toEqual({ ...EMPTY, ...given });
});
