/** What the links of one connection ask the operating system. */
import { readFile } from 'node:fs/promises';
import { isIPv6 } from 'node:net';
import { endianness } from 'node:os';
import { ownMark } from './process-mark.ts';

/** Milliseconds for which one look at the table of TCP connections serves all links. */
const FRESH = 200;

/** The two ends of a TCP connection, as a socket has them. They are undefined for a Unix socket, and for one that is closed. */
interface TcpEnds {
  readonly localAddress?: string | undefined;
  readonly localPort?: number | undefined;
  readonly remoteAddress?: string | undefined;
  readonly remotePort?: number | undefined;
}

interface Look {
  readonly at: number;
  readonly table: Promise<string>;
}

/** Asks once for all links of a connection. */
export class LocalSystem {
  readonly #looks = new Map<string, Look>();
  #mark: { readonly mark: string | undefined } | undefined;

  /** The name of this process, as `ownMark` gives it. */
  get mark(): string | undefined {
    this.#mark ??= { mark: ownMark() };
    return this.#mark.mark;
  }

  /**
   * Whether the peer's system leaves unacknowledged what this one has sent, and sent again. A process that computes, is stopped or reads nothing
   * has a system that acknowledges. Resolves with false where that is not known: outside of Linux, and in Deno, which would ask its user.
   */
  async isUnacknowledged({ localAddress, localPort, remoteAddress, remotePort }: TcpEnds): Promise<boolean> {
    if (process.platform !== 'linux' || 'Deno' in globalThis) return false;
    if (localAddress === undefined || localPort === undefined) return false;
    if (remoteAddress === undefined || remotePort === undefined) return false;
    const table = await this.#tableOf(isIPv6(localAddress) ? 'tcp6' : 'tcp');
    return isResent(table, tableEnd(localAddress, localPort), tableEnd(remoteAddress, remotePort));
  }

  #tableOf(name: string): Promise<string> {
    const now = performance.now();
    let look = this.#looks.get(name);
    if (look === undefined || now - look.at > FRESH) {
      look = { at: now, table: readFile(`/proc/self/net/${name}`, 'latin1').catch(() => '') };
      this.#looks.set(name, look);
    }
    return look.table;
  }
}

/**
 * Whether a line of the table says that data is unacknowledged and was sent again. A peer that takes nothing more has closed its window: then
 * the system asks it, and sends nothing again. Source: proc_pid_net(5), Documentation/networking/proc_net_tcp.rst of Linux.
 */
export function isResent(table: string, local: string, remote: string): boolean {
  const at = table.indexOf(` ${local} ${remote} `);
  if (at === -1) return false;
  const end = table.indexOf('\n', at);
  const [, , , queues = '', , resent = ''] = table.slice(at + 1, end === -1 ? undefined : end).split(/\s+/);
  return Number.parseInt(queues, 16) > 0 && Number.parseInt(resent, 16) > 0;
}

/** One end of a connection as the table has it: each four bytes of the address are one number of this processor, and the port is a number. */
export function tableEnd(address: string, port: number): string {
  const bytes = isIPv6(address) ? ipv6Bytes(address) : address.split('.').map(Number);
  let text = '';
  for (let at = 0; at < bytes.length; at += 4) {
    const word = bytes.slice(at, at + 4);
    if (endianness() === 'LE') word.reverse();
    text += word.map((byte) => hex(byte, 2)).join('');
  }
  return `${text}:${hex(port, 4)}`;
}

function ipv6Bytes(address: string): number[] {
  // An IPv4 address at its end is two groups.
  const [plain = ''] = address.split('%');
  const groups = plain.replace(/(\d+)\.(\d+)\.(\d+)\.(\d+)$/, (_, a, b, c, d) =>
    [Number(a) * 256 + Number(b), Number(c) * 256 + Number(d)].map((group) => group.toString(16)).join(':'),
  );
  const [head = '', tail] = groups.split('::');
  const first = head === '' ? [] : head.split(':');
  const last = tail === undefined || tail === '' ? [] : tail.split(':');
  const gap = tail === undefined ? 0 : 8 - first.length - last.length;
  return [...first, ...Array<string>(gap).fill('0'), ...last].flatMap((group) => {
    const value = Number.parseInt(group, 16);
    return [value >> 8, value & 0xff];
  });
}

function hex(number: number, digits: number): string {
  return number.toString(16).toUpperCase().padStart(digits, '0');
}
