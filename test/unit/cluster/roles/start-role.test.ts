/** Starts each role by its definition. */
import { expect, it } from 'vitest';
import {
  Hub,
  Master,
  Pipeline,
  type RoleDefinition,
  Server,
  Sink,
  startRole,
  Worker,
} from '../../../../src/cluster/index.ts';
import { memory } from '../../../../transports/memory/index.ts';

it('starts the role that a definition names, and refuses any other', async () => {
  const transport = memory();
  const quiet = { loggingLevel: 'silent', name: 'own' } as const;
  const subAddress = 'memory://before';
  const dbAddress = 'memory://master';
  const definitions: readonly [RoleDefinition, unknown][] = [
    [{ ...quiet, role: 'server' }, Server],
    [{ ...quiet, role: 'pipeline', subAddress, previous: 'before' }, Pipeline],
    [{ ...quiet, role: 'sink', subAddresses: [subAddress], previous: ['before'] }, Sink],
    [{ ...quiet, role: 'master', dbAddress }, Master],
    [{ ...quiet, role: 'hub', subAddress, previous: 'before' }, Hub],
    [{ ...quiet, role: 'worker', dbAddress }, Worker],
  ];
  const started: { close(): Promise<void> }[] = [];
  try {
    for (const [definition, Role] of definitions) {
      const role = await startRole(definition, transport);
      started.push(role);
      expect(role).toBeInstanceOf(Role);
      expect(role.name).toBe('own');
    }
  } finally {
    for (const role of started.reverse()) await role.close();
  }
  for (const role of ['Server', '', undefined]) {
    await expect(startRole({ ...quiet, role } as never, transport)).rejects.toMatchObject({
      code: 'INVALID_CALL',
      message: `role must be server, pipeline, sink, master, hub or worker, not ${role === undefined ? 'undefined' : `"${role}"`}`,
    });
  }
});
