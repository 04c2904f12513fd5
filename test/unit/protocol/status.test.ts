import { expect, it } from 'vitest';
import { Status } from '../../../src/protocol/message.ts';

it('a call failed unless it succeeded or gave its last result', () => {
  const failures = [
    Status.failed,
    Status.unknownFunction,
    Status.missing,
    Status.refused,
    Status.cancelled,
    Status.invalid,
  ];
  for (const status of [...failures, -1, 9, 1_000])
    expect([status, Status.isFailure(status)]).toEqual([status, true]);
  for (const status of [Status.ok, Status.ended, Status.progress])
    expect([status, Status.isFailure(status)]).toEqual([status, false]);
});
