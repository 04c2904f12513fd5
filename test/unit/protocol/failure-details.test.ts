/** What the payload of a failed answer says, and that what another server puts there harms nothing. */
import { expect, it } from 'vitest';
import { decodeFailure, encodeFailure } from '../../../src/protocol/failure-details.ts';

const bytes = (text: string) => new Uint8Array(new TextEncoder().encode(text));

it('details are JSON, and come back', () => {
  const details = { data: { left: 3 }, issues: [{ path: ['a', 0], message: 'is not a number' }] };
  expect(JSON.parse(new TextDecoder().decode(encodeFailure(details)))).toEqual(details);
  expect(decodeFailure(encodeFailure(details))).toEqual(details);
  expect(decodeFailure(encodeFailure({}))).toEqual({ data: undefined, issues: undefined });
});

it('nothing else of the object is taken', () => {
  expect(Object.keys(decodeFailure(bytes('{"data":1,"other":2}')))).toEqual(['data', 'issues']);
});

it.each(['0', '', '"text"', '{', 'null', '[1]'])('%o of another server has no details', (text) => {
  expect(decodeFailure(bytes(text)).data).toBeUndefined();
  expect(decodeFailure(bytes(text)).issues).toBeUndefined();
});

it('bytes that are not UTF-8 have no details', () => {
  expect(decodeFailure(new Uint8Array([0xff]))).toEqual({});
});
