import { expect, it } from 'vitest';
import { afterEvents } from '../../../src/client/after-events.ts';
import type { CallLink } from '../../../src/client/call-link.ts';

const nextTurn = () => new Promise(setImmediate);

it('runs after the events that wait, and what is of one link in its order', async () => {
  const [link, other] = [{}, {}] as CallLink[] as [CallLink, CallLink];
  const ran: string[] = [];
  afterEvents(link, () => {
    ran.push('first');
    afterEvents(link, () => ran.push('of the first'));
  });
  afterEvents(other, () => ran.push('of another'));
  afterEvents(link, () => ran.push('second'));
  const { macrotasks } = link;
  await Promise.resolve();
  expect(ran).toEqual([]);
  while (ran.length < 4) await nextTurn();
  const ofLink = ran.filter((name) => name !== 'of another');
  expect(ofLink).toEqual(['first', 'second', 'of the first']);
  // A link has one queue, and no other link has it.
  afterEvents(link, () => {});
  expect([link.macrotasks === macrotasks, other.macrotasks === macrotasks]).toEqual([true, false]);
  await nextTurn();
});
