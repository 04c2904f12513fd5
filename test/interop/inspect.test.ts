/** `frond inspect` on real pylm servers: what they tell, and that a look does them no harm. */
import { describe, expect, it } from 'vitest';
import { bytes, textOf } from '../support/bytes.ts';
import { objectsOf } from '../support/command.ts';
import { here } from '../support/in-process.ts';
import { connectTo } from './connect.ts';
import { type PylmCluster, startCluster, type Topology } from './pylm.ts';

async function lookAt(address: string): Promise<unknown> {
  const { code, stdout, stderr } = await here(['inspect', address, '--json']);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return objectsOf(stdout)[0];
}

/** What every server of a cluster is taken for, by label. */
async function rolesOf(cluster: PylmCluster): Promise<Readonly<Record<string, unknown>>> {
  const roles: Record<string, unknown> = {};
  for (const [label, { name, db, pub }] of Object.entries(cluster.addresses)) {
    const look = await lookAt(db);
    const addresses = { ...(pub !== undefined && { pub_address: pub }) };
    expect(look).toMatchObject({ implementation: 'pylm', name, addresses, functions: null, counters: null });
    roles[label] = (look as { readonly role: unknown }).role;
  }
  return roles;
}

describe('frond inspect on stock pylm', () => {
  it.each([
    ['server', ['Server']],
    ['pipeline', ['Server', 'Pipeline']],
    ['sink', ['Server', 'Sink']],
    ['master', ['Master']],
    ['hub', ['Server', 'Hub']],
  ] as const satisfies readonly (readonly [Topology, readonly string[]])[])(
    '%s: every role is known by its addresses, and goes on working',
    async (topology, expected) => {
      await using cluster = await startCluster(topology);
      const found = new Set(Object.values(await rolesOf(cluster)));
      for (const role of expected) expect(found).toContain(role);
      expect(found).not.toContain(null);
      // Looked at twice, and the first server still answers for its name.
      await rolesOf(cluster);
      const client = await connectTo(cluster);
      await client.set(bytes('still here'), 'after the look');
      expect(textOf((await client.get('after the look')) ?? new Uint8Array())).toBe('still here');
      await client.close();
    },
  );

  it('says in words that it is a pylm server, and what is not known of it', async () => {
    await using cluster = await startCluster('server');
    const { code, stdout } = await here(['inspect', cluster.server('server').db]);
    expect(code).toBe(0);
    expect(stdout.toString()).toMatch(/^server: a pylm Server\n/);
    expect(stdout.toString()).toMatch(/^ {2}functions +unknown: a pylm server does not tell$/m);
  });
});
