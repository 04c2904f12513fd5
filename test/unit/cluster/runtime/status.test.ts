import { expect, it } from 'vitest';
import { encodeStatus, type ServerStatus, tally } from '../../../../src/cluster/runtime/status.ts';
import { textOf } from '../../../support/bytes.ts';

it('a status is told as JSON, and new counters are 0 and apart', () => {
  const counters = { ...tally(), inFlight: 2 };
  const status: ServerStatus = {
    role: 'Server',
    name: 'é',
    functions: ['f'],
    addresses: {},
    uptime: 5,
    counters,
  };
  expect(JSON.parse(textOf(encodeStatus(status)))).toEqual(status);
  expect(Object.values(tally())).toEqual([0, 0, 0, 0, 0, 0]);
  expect(tally()).not.toBe(tally());
});
