/** What may change while a relay serves. */
import { expect, it } from 'vitest';
import { testRelays } from '../../support/besieged-relay.ts';
import { until } from '../../support/wait.ts';

const besieged = testRelays();
const ANONYMOUS = { servers: ['server'], functions: ['server.upper'] };

it('closes those who may not come in any more, and nobody else', async () => {
  const { relay, peer, meanwhile } = await besieged({ anonymous: ANONYMOUS });
  await meanwhile(async () => {
    const nobody = await peer(null);
    relay.reconfigure({ anonymous: { ...ANONYMOUS, functions: [] } });
    await relay.reauthenticate();
    expect(relay.connections).toBe(2);
    relay.reconfigure({});
    expect(await nobody.end()).toMatchObject({ code: 4401 });
    await until(() => relay.connections === 1);
  });
});

it.each([
  [{ anonymous: { servers: 'server' } }],
  [{ anonymous: ANONYMOUS, servers: { 'a.b': { dbAddress: 'memory://1' } } }],
  [{ anonymous: ANONYMOUS, servers: { other: { dbAddress: 'nonsense' } } }],
])('refuses %j, and changes nothing', async (changes) => {
  const { relay, peer, meanwhile } = await besieged({ anonymous: ANONYMOUS });
  await meanwhile(async () => {
    const nobody = await peer(null);
    expect(() => relay.reconfigure(changes as never)).toThrow(
      expect.objectContaining({ code: 'INVALID_CALL' }),
    );
    await relay.reauthenticate();
    expect(relay.connections).toBe(2);
    nobody.close();
  });
});
