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
