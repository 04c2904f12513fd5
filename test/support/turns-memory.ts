/** Prints how many queues are in memory for turns whose items were taken, or taken out, and for some that are kept. */
import { queryObjects } from 'node:v8';
import { Fifo } from '../../src/async/fifo.ts';
import { Turns } from '../../src/async/turns.ts';

/** Each owner has a queue for each of its priorities. This collects garbage first. */
const queuesInMemory = () => Number(queryObjects(Fifo));

const [taken, takenOut, kept] = [new Turns<number>(), new Turns<number>(), new Turns<number>()];
const before = queuesInMemory();
for (let i = 0; i < 50; i++) {
  // With two priorities: the turn of usual items takes the urgent ones of its owner, too.
  for (const owner of [`a${i}`, `b${i}`])
    for (const priority of [0, 1]) for (const turns of [taken, takenOut]) turns.push(owner, i, priority);
  while (taken.shift() !== undefined);
  for (const own of [`a${i}`, `b${i}`]) {
    takenOut.remove(
      (owner) => owner === own,
      () => true,
    );
  }
  kept.push('a', i, i % 2);
}
// Nobody asks for an item meanwhile.
const queues = queuesInMemory() - before;
const empty = [taken, takenOut].map((turns) => [turns.size, turns.owners, turns.isReady]);
console.log(JSON.stringify({ queues, empty, kept: kept.size }));
