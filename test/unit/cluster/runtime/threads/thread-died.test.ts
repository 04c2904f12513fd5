import { expect, it } from 'vitest';
import { Again, ThreadDied } from '../../../../../src/cluster/runtime/threads/thread-died.ts';

it('a thread that has died is an error by that name, which says whether its call may be to blame', () => {
  for (const isSuspect of [true, false]) {
    const error = new ThreadDied('it ended', isSuspect);
    expect(error).toBeInstanceOf(Error);
    expect([error.name, error.message, error.isSuspect]).toEqual(['ThreadDied', 'it ended', isSuspect]);
  }
});

it('a message that is run again knows how many threads ended with it, and how many results left', () => {
  expect(new Again(2, 5)).toMatchObject({ deaths: 2, passed: 5 });
});
