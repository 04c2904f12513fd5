/** A name of a process by which others on its machine see that it has ended. */
import { readFileSync, readlinkSync } from 'node:fs';

const MARK = /^([0-9a-f]{16})\.(\d{1,10})\.(\d{1,20})$/;
/** Bit of a process's flags in Linux that is set before its sockets are closed. */
const EXITING = 4;

/** Gives the name of this process; undefined where processes cannot be looked at: outside of Linux, and in Deno, which would ask its user. */
export function ownMark(): string | undefined {
  const machine = machineOf();
  const started = machine === undefined ? undefined : lookAt(process.pid)?.started;
  return started === undefined ? undefined : `${machine}.${process.pid}.${started}`;
}

/**
 * Whether a process is known to have ended.
 * @param mark - its {@link ownMark}, as it says itself. One of another machine or container is not known.
 */
export function hasEnded(mark: string): boolean {
  const [, machine, pid, started] = MARK.exec(mark) ?? [];
  if (machine === undefined || machine !== machineOf()) return false;
  const found = lookAt(Number(pid));
  if (found === undefined) return isMissing(Number(pid));
  return found.started !== started || found.isEnding;
}

/** Whether no process has this number. /proc may hide processes of other users (`hidepid`), so its silence proves nothing. */
function isMissing(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return false;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'ESRCH';
  }
}

/** Names this boot of this machine, and the space in which its processes have their numbers. */
function machineOf(): string | undefined {
  if (process.platform !== 'linux' || 'Deno' in globalThis) return undefined;
  try {
    return foldMachine(
      readFileSync('/proc/sys/kernel/random/boot_id', 'latin1'),
      readlinkSync('/proc/self/ns/pid'),
    );
  } catch {
    return undefined;
  }
}

/**
 * Names a boot and a space of numbers in 64 bits, as 16 hexadecimal digits. Not by a hash, since `node:crypto` takes 3 ms to load: the halves
 * of the boot's random id are as good as one, and two spaces of one boot have two names.
 * @param boot - a UUID.
 * @param space - as `pid:[4026531836]`.
 * @throws SyntaxError when they are not of that form.
 */
export function foldMachine(boot: string, space: string): string {
  const id = BigInt(`0x${boot.trim().replaceAll('-', '')}`);
  const name = (id >> HALF) ^ id ^ BigInt(/\d+/.exec(space)?.[0] ?? '?');
  return BigInt.asUintN(Number(HALF), name).toString(16).padStart(16, '0');
}

/** Bits of half of a UUID. */
const HALF = 64n;

/** What the system says of a process; undefined when it shows none of this number. Source: proc_pid_stat(5). */
function lookAt(
  pid: number,
): { readonly started: string | undefined; readonly isEnding: boolean } | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // The name of the program comes first, in brackets, and may contain anything.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const [state = ''] = fields;
    return { started: fields[19], isEnding: 'ZXx'.includes(state) || (Number(fields[6]) & EXITING) !== 0 };
  } catch {
    return undefined;
  }
}
