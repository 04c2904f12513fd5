/** How sockets share the turns of the event loop: what is counted, who waits, and in which order. */
import { expect, it } from 'vitest';
import { ReadTurns } from '../../../src/async/read-turns.ts';

const nextTurn = () => new Promise(setImmediate);

it('all sockets together read for the budget, and no longer', async () => {
  const turns = new ReadTurns(10);
  expect([turns.spend(4), turns.spend(5), turns.spend(1), turns.spend(0)]).toEqual([
    true,
    true,
    false,
    false,
  ]);
  await nextTurn();
  expect([turns.spend(9), turns.spend(1)]).toEqual([true, false]);
});

it('a budget of which nothing was spent is not saved up', async () => {
  const turns = new ReadTurns(10);
  await nextTurn();
  await nextTurn();
  expect([turns.spend(9), turns.spend(1)]).toEqual([true, false]);
});

it('sockets that wait read on in the next turn, in their order, until the budget is spent', async () => {
  const turns = new ReadTurns(10);
  const read: string[] = [];
  for (const name of ['a', 'b', 'c', 'd'])
    turns.wait(() => {
      read.push(name);
      turns.spend(5);
    });
  expect(read).toEqual([]);
  await nextTurn();
  expect(read).toEqual(['a', 'b']);
  await nextTurn();
  expect(read).toEqual(['a', 'b', 'c', 'd']);
  await nextTurn();
  expect(read).toHaveLength(4);
});

it('a socket that has not finished waits behind the others, until a later turn', async () => {
  const turns = new ReadTurns(10);
  const read: string[] = [];
  const flood = () => {
    read.push('flood');
    turns.spend(1);
    if (read.length < 6) turns.wait(flood);
  };
  turns.wait(flood);
  turns.wait(() => read.push('other'));
  await nextTurn();
  expect(read).toEqual(['flood', 'other']);
  await nextTurn();
  expect(read).toEqual(['flood', 'other', 'flood']);
});

it('what is read in a turn counts with what was waited for', async () => {
  const turns = new ReadTurns(10);
  const may: boolean[] = [];
  turns.wait(() => may.push(turns.spend(6)));
  await nextTurn();
  may.push(turns.spend(6));
  expect(may).toEqual([true, false]);
});
