import { expect, it } from 'vitest';
import { placeOf, Reading } from '../../../../src/client/stream/reading.ts';
import type { Delivery } from '../../../../src/transport.ts';
import { bytes } from '../../../support/bytes.ts';

const delivery = (position: number | undefined, count: number): Delivery => ({
  topic: 'me/1',
  frames: Array.from({ length: count }, (_, i) => bytes(String(i))),
  ...(position !== undefined && { position }),
});

/** All frames of a delivery come as results. */
function come(reading: Reading, given: Delivery, isFailure = false) {
  for (const _ of given.frames) {
    reading.frame(given);
    reading.add(isFailure);
  }
}

const NOWHERE = { count: 0, position: undefined, frames: 0 };

it.each([
  [0, NOWHERE],
  [7, { ...NOWHERE, count: 7 }],
  ['7@41', { count: 7, position: 41, frames: 0 }],
  ['7@41.3', { count: 7, position: 41, frames: 3 }],
])('%j is the place %j', (after, place) => {
  expect(placeOf(after)).toEqual(place);
});

it.each([-1, 1.5, Number.NaN, '', '7', '7@', '@7', '7@1.', 'x@1', '7@1.2.3', `${'9'.repeat(16)}@1`, null])(
  '%j is no place',
  (after) => {
    expect(() => placeOf(after)).toThrow(expect.objectContaining({ code: 'INVALID_CALL' }));
  },
);

it('a reader is behind the last result that it has read, within a delivery and behind it', () => {
  const reading = new Reading(placeOf(2), 10, false);
  come(reading, delivery(5, 2));
  come(reading, delivery(9, 1));
  expect([reading.came, reading.position]).toEqual([5, undefined]);
  const positions = [0, 1, 2].map(() => {
    reading.read();
    return reading.position;
  });
  expect(positions).toEqual(['3@5.1', '4@5', '5@9']);
  expect(placeOf(positions[0])).toEqual({ count: 3, position: 5, frames: 1 });
});

it('a frame that is no result counts in its delivery, and not as a result', () => {
  const reading = new Reading(placeOf(0), 10, false);
  const own = delivery(5, 3);
  reading.frame(own);
  reading.add(false);
  reading.frame(own);
  reading.frame(own);
  reading.add(false);
  reading.read();
  expect(reading.position).toBe('1@5.1');
  reading.read();
  expect(reading.position).toBe('2@5');
});

it('failures that a listener takes are passed when those before them are read', () => {
  const reading = new Reading(placeOf(0), 10, true);
  come(reading, delivery(1, 1), true);
  expect(reading.position).toBe('1@1');
  come(reading, delivery(2, 1));
  come(reading, delivery(3, 1), true);
  expect(reading.position).toBe('1@1');
  reading.read();
  expect(reading.position).toBe('3@3');
});

it('a failure that is thrown is passed when it is, and another error passes nothing', () => {
  const reading = new Reading(placeOf(0), 10, false);
  come(reading, delivery(1, 1));
  come(reading, delivery(2, 1), true);
  reading.failed();
  expect(reading.position).toBeUndefined();
  reading.read();
  expect(reading.position).toBe('1@1');
  reading.failed();
  expect(reading.position).toBe('2@2');
});

it('where nothing has a position there is none', () => {
  const reading = new Reading(placeOf(0), 10, false);
  come(reading, delivery(undefined, 1));
  reading.read();
  expect(reading.position).toBeUndefined();
});

it('has room again when half of the window is read, and at the end', async () => {
  const reading = new Reading(placeOf(0), 4, false);
  come(reading, delivery(1, 3));
  expect(reading.room()).toBeUndefined();
  come(reading, delivery(2, 1));
  let hasRoom = false;
  reading.room()?.then(() => {
    hasRoom = true;
  });
  reading.read();
  await Promise.resolve();
  expect(hasRoom).toBe(false);
  reading.read();
  await Promise.resolve();
  expect(hasRoom).toBe(true);
  come(reading, delivery(3, 2));
  const waiting = reading.room();
  reading.end();
  await waiting;
});
