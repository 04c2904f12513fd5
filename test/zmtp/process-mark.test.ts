/** Whether a process has ended, as others on its machine see it. */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { propertiesOf, readIntroduction } from '../../transports/zmtp/commands.ts';
import { LocalSystem } from '../../transports/zmtp/local-system.ts';
import { foldMachine, hasEnded, ownMark } from '../../transports/zmtp/process-mark.ts';
import { until, within } from '../support/wait.ts';

describe.runIf(process.platform === 'linux')('the mark of a process', () => {
  const [machine = '', pid = '', started = ''] = (ownMark() ?? '').split('.');

  it('says that one which runs has not ended', () => {
    expect(Number(pid)).toBe(process.pid);
    expect(hasEnded(ownMark() ?? '')).toBe(false);
  });

  it('says that one has ended which is gone, or not yet collected, or whose number another has now', async () => {
    // The shell does not collect its child, so that remains as a zombie.
    const shell = spawn('sh', ['-c', 'sleep 60 & echo $!; exec sleep 60'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const zombie = await within(
      5_000,
      new Promise<string>((resolve) => shell.stdout.once('data', (line) => resolve(String(line).trim()))),
    );
    const statOf = (of: string) =>
      readFileSync(`/proc/${of}/stat`, 'latin1').split(') ')[1]?.split(' ') ?? [];
    const nameOf = (of: string) => readFileSync(`/proc/${of}/comm`, 'latin1').trim();
    // As the shell it would still collect its child.
    await within(
      5_000,
      until(() => nameOf(String(shell.pid)) === 'sleep'),
    );
    process.kill(Number(zombie), 'SIGKILL');
    await within(
      5_000,
      until(() => statOf(zombie)[0] === 'Z'),
    );
    expect(hasEnded(`${machine}.${zombie}.${statOf(zombie)[19]}`)).toBe(true);
    const ended = new Promise((resolve) => shell.once('close', resolve));
    shell.kill('SIGKILL');
    await within(5_000, ended);
    expect(hasEnded(`${machine}.${shell.pid}.1`)).toBe(true);
    expect(hasEnded(`${machine}.${pid}.${Number(started) + 1}`)).toBe(true);
  });

  it.each([
    ['of another machine', `${'0'.repeat(16)}.1.1`],
    ['that is a path', `${machine}.../1.1`],
    ['that is empty', ''],
    ['without a number', `${machine}..1`],
    ['of too many digits', `${machine}.${'1'.repeat(400)}.1`],
  ])('%s says nothing', (_, mark) => {
    expect(hasEnded(mark)).toBe(false);
  });

  it('names the boot, and the space of process numbers within it', () => {
    const boot = '0f61aba2-c9d4-4d44-9a5c-2b1f6e0a8d37\n';
    expect(machine).toMatch(/^[0-9a-f]{16}$/);
    // The second half of the boot's id turned over by the first: 953d80bda7dec073, turned over by 0xf0000000.
    expect(foldMachine(boot, 'pid:[4026531840]')).toBe('953d80bd57dec073');
    expect(foldMachine(boot, 'pid:[4026531841]')).toBe('953d80bd57dec072');
    expect(foldMachine('00000000-0000-0000-0000-000000000000\n', 'pid:[1]')).toBe('0000000000000001');
    for (const [odd, space] of [
      ['', 'pid:[1]'],
      ['no uuid', 'pid:[1]'],
      [boot, ''],
    ] as const)
      expect(() => foldMachine(odd, space)).toThrow();
  });

  it('is sent by those whose requests others may have to answer, and by no others', () => {
    const sent = (type: 'DEALER' | 'PUSH', to: 'ROUTER' | 'PULL') =>
      readIntroduction(propertiesOf(type, 0, new LocalSystem()), to).process;
    expect(sent('DEALER', 'ROUTER')).toBe(ownMark());
    expect(sent('PUSH', 'PULL')).toBeUndefined();
  });
});
