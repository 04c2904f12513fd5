import { expect, it } from 'vitest';
import { KeyDecisions } from '../../../../transports/shared/key-decisions.ts';
import { within } from '../../../support/wait.ts';

it('asks about 256 keys at once, refuses further ones, and asks again later', async () => {
  let settle = (_: boolean) => {};
  const answer = new Promise<boolean>((resolve) => {
    settle = resolve;
  });
  let asked = 0;
  const decisions = new KeyDecisions(() => {
    asked++;
    return answer;
  }, 10_000);
  const first = Array.from({ length: 256 }, (_, i) => decisions.refusalOf(String(i)));
  expect(await decisions.refusalOf('one more')).toMatchObject({ status: '500' });
  expect(asked).toBe(256);
  settle(true);
  expect(await Promise.all(first)).toEqual(first.map(() => undefined));
  expect(await decisions.refusalOf('later')).toBeUndefined();
});

it('refuses what is not decided in half of the time of a handshake', async () => {
  const decisions = new KeyDecisions(() => new Promise(() => {}), 60);
  expect(await within(2_000, decisions.refusalOf('key'))).toMatchObject({ status: '500' });
});

it.each([
  ['a list without it', ['other'], '400'],
  ['an empty list', [], '400'],
  ['a function that says no', () => false, '400'],
  ['a function that says something that is only like yes', () => 1 as unknown as boolean, '400'],
  ['a function that throws', () => raise(), '500'],
  ['a function that rejects', () => Promise.reject(new Error('no')), '500'],
])('refuses a key with %s', async (_, allow, status) => {
  expect(await new KeyDecisions(allow).refusalOf('key')).toMatchObject({ status });
});

it.each([
  ['a list with it', ['other', 'key']],
  ['a function that says yes', (key: string) => key === 'key'],
  ['a function that says yes later', async (key: string) => key === 'key'],
])('lets a key in with %s', async (_, allow) => {
  expect(await new KeyDecisions(allow).refusalOf('key')).toBeUndefined();
});

function raise(): never {
  throw new Error('no');
}
