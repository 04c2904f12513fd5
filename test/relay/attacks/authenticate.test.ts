/** A hook that does what it should not: whoever it was asked for is nobody, and the relay goes on. */
import { expect, it } from 'vitest';
import type { Authenticate } from '../../../transports/relay/options.ts';
import { type Besieged, testRelays } from '../../support/besieged-relay.ts';
import { EVERYTHING } from '../../support/relay.ts';

const besieged = testRelays();
const greetingTimeout = 300;

/** A relay whose hook is well for the client that works, and `bad` for anybody else. */
function withHook(bad: Authenticate): Promise<Besieged> {
  const authenticate: Authenticate = (token, visitor) =>
    token === 'honest-token' ? { ...EVERYTHING, name: 'honest' } : bad(token, visitor);
  return besieged({ authenticate, limits: { greetingTimeout }, anonymous: EVERYTHING });
}

const nothing = { name: 'x', servers: [], functions: [] };
const nonsense: readonly unknown[] = [
  null,
  true,
  5,
  'alice',
  [],
  {},
  () => nothing,
  { ...EVERYTHING, name: undefined },
  { ...EVERYTHING, name: 7 },
  { ...EVERYTHING, name: '' },
  { ...EVERYTHING, name: 'a b' },
  { ...EVERYTHING, name: 'alice/bob' },
  { ...EVERYTHING, name: { toString: () => 'alice' } },
  { ...EVERYTHING, servers: undefined },
  { ...EVERYTHING, servers: 'server' },
  { ...EVERYTHING, servers: [7] },
  { ...EVERYTHING, functions: 'server.*' },
  { ...EVERYTHING, functions: [null] },
  { ...EVERYTHING, cache: 'everything' },
  { ...EVERYTHING, cache: ['all'] },
  { ...EVERYTHING, work: 'no' },
  { ...EVERYTHING, expires: 'never' },
  { ...EVERYTHING, expires: new Date(Date.now() + 1e6) },
  { ...EVERYTHING, expires: Number.NaN },
];

it('closes with 4401 who it gives nonsense for', async () => {
  let given: unknown;
  const { dial, meanwhile } = await withHook(() => given as never);
  await meanwhile(async () => {
    for (given of nonsense) {
      const peer = await dial();
      peer.sendLone([1, 'token', null, 0]);
      const { code } = await peer.end();
      expect([given, code]).toEqual([given, 4401]);
    }
  });
});

it('closes with 4401 who it throws for, or whose promise fails', async () => {
  const throwing: Authenticate[] = [
    () => {
      throw new Error('no database');
    },
    () => {
      throw undefined;
    },
    () => Promise.reject(new Error('no database')),
    () => Promise.reject(null),
    () => ({
      get name(): string {
        throw new Error('a getter');
      },
      servers: ['*'],
    }),
  ];
  let bad: Authenticate = () => undefined;
  const { dial, meanwhile, log } = await withHook((token, visitor) => bad(token, visitor));
  await meanwhile(async () => {
    for (bad of throwing) {
      const peer = await dial();
      peer.sendLone([1, 'token', null, 0]);
      expect((await peer.end()).code).toBe(4401);
    }
  });
  // The first, the second, the fourth.
  const logged = log.filter((line) => line.startsWith('authentication failed'));
  expect(logged).toHaveLength(Math.floor(Math.log2(throwing.length)) + 1);
});

it('closes with 4408 who it hangs for, after the time for the greeting, and lets nobody in later', async () => {
  let answer: (identity: typeof EVERYTHING) => void = () => {};
  const { dial, meanwhile, figure } = await withHook(
    () =>
      new Promise((resolve) => {
        answer = resolve;
      }),
  );
  await meanwhile(async () => {
    const peer = await dial();
    const started = performance.now();
    peer.sendLone([1, 'token', null, 0]);
    expect((await peer.end()).code).toBe(4408);
    expect(performance.now() - started).toBeLessThan(greetingTimeout + 1_000);
    answer(EVERYTHING);
    await new Promise(setImmediate);
    expect(peer.frames).toEqual([]);
  });
  expect(await figure('sessions')).toBe(1);
  expect(await figure('connections')).toBe(1);
});
