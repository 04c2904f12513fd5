/** Starts each role by its definition. */
import { afterEach, expect, it, vi } from 'vitest';
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
import { metricsText } from '../../../../src/metrics.ts';
import { memory } from '../../../../transports/memory/index.ts';

afterEach(() => {
  vi.restoreAllMocks();
});

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

it('says on the console what each is, and what it lacks, and measures it under its name', async () => {
  const printed = (['info', 'log', 'warn', 'error'] as const).map((name) =>
    vi.spyOn(console, name).mockImplementation(() => {}),
  );
  const transport = memory();
  const subAddress = 'memory://before';
  const away = ['the previous server "before" is not there (memory://before)'];
  const definitions: readonly [RoleDefinition & { role: string }, readonly string[]][] = [
    [{ name: 'own', role: 'server' }, []],
    [{ name: 'own', role: 'pipeline', subAddress, previous: 'before' }, away],
    [{ name: 'own', role: 'sink', subAddresses: [subAddress], previous: ['before'] }, away],
    [{ name: 'own', role: 'master' }, []],
    [{ name: 'own', role: 'hub', subAddress, previous: 'before' }, away],
  ];
  for (const [definition, missing] of definitions) {
    const { role } = definition;
    const started = (await startRole(definition, transport)) as Server;
    const closed = vi.fn();
    const closing = started.closed.then(closed);
    try {
      expect(started.missing, role).toEqual(missing);
      const metrics = metricsText(started.metrics());
      const ready = missing.length === 0 ? 1 : 0;
      expect(metrics).toContain(`frond_ready{role="${role}",name="own"} ${ready}\n`);
      expect(metrics).toContain(`frond_messages_in_flight{role="${role}",name="own"} 0\n`);
      expect(metrics).toContain(`frond_waiting_limit_bytes{role="${role}",name="own"} 67108864\n`);
      const hasFunctions = role !== 'master' && role !== 'hub';
      expect(metrics.includes('function="echo"'), role).toBe(hasFunctions);
      const said = printed.flatMap((spy) => spy.mock.calls.flat()).join(' ');
      expect(said).toContain(`frond ${role} own`);
      expect(closed).not.toHaveBeenCalled();
    } finally {
      await started.close();
    }
    expect(started.missing, role).toEqual(['it is closing']);
    await closing;
    expect(closed).toHaveBeenCalledExactlyOnceWith(undefined);
    for (const spy of printed) spy.mockClear();
  }
});

it('opens nothing where one of the addresses cannot be read', async () => {
  const transport = memory();
  const open = vi.spyOn(transport, 'open');
  const quiet = { loggingLevel: 'silent', name: 'own' } as const;
  const behind = { subAddress: 'memory://before', previous: 'before' };
  const roles: readonly [object, readonly string[]][] = [
    [{ role: 'server' }, ['dbAddress', 'pullAddress', 'pubAddress']],
    [{ role: 'pipeline', ...behind }, ['dbAddress', 'subAddress', 'pubAddress']],
    [{ role: 'master' }, ['pullAddress', 'pubAddress', 'workerPullAddress', 'workerPushAddress']],
    [{ role: 'hub', ...behind }, ['subAddress', 'pubAddress', 'workerPullAddress', 'workerPushAddress']],
  ];
  for (const [definition, keys] of roles) {
    for (const key of keys) {
      const wrong = { ...quiet, ...definition, [key]: 'nowhere' } as unknown as RoleDefinition;
      await expect(startRole(wrong, transport), key).rejects.toMatchObject({ code: 'INVALID_CALL' });
    }
  }
  expect(open).not.toHaveBeenCalled();
});
