/** The addresses of ZeroMQ, for `zeromq()` and `zmtp()`. */
import { inspectValue, invalidCall } from '../../src/protocol/errors.ts';
import { randomId } from '../../src/protocol/ids.ts';
import { escaped } from '../../src/protocol/printable.ts';

const TCP = /^tcp:\/\/(\[[0-9a-fA-F:.]+(?:%\w+)?\]|[^\s:/[\]]+):(\d{1,5}|\*)$/;
/** Most characters of an address. Host names have at most 253, and paths of sockets 107. */
const LONGEST = 512;
const LOCAL = /^ipc:\/\/\S+$/;

export interface TcpAddress {
  readonly host: string;
  readonly port: string;
}

export function parseTcp(address: string): TcpAddress | undefined {
  const [, host, port] = TCP.exec(address) ?? [];
  if (host === undefined || port === undefined) return undefined;
  return port === '*' || Number(port) <= 65_535 ? { host, port } : undefined;
}

/** @throws PalmError `INVALID_CALL` when it is not `tcp://host:port` or `ipc://path`. */
export function checkZeromqAddress(address: unknown): void {
  if (
    typeof address === 'string' &&
    isPlain(address) &&
    (parseTcp(address) !== undefined || LOCAL.test(address))
  )
    return;
  const text = typeof address === 'string' ? address : '';
  const hint = text.startsWith('inproc:')
    ? "; within a process use the transport memory(), whose addresses are 'memory://name'"
    : parseTcp(`tcp://${text}`) === undefined
      ? ''
      : `; did you mean ${inspectValue(`tcp://${text}`)}?`;
  throw invalidCall(
    `over ZeroMQ an address is 'tcp://host:port' (IPv6 as 'tcp://[::1]:port') or 'ipc://path', not ${inspectValue(address)}${hint}`,
  );
}

/** @throws PalmError `INVALID_CALL` when it cannot be dialled: as {@link checkZeromqAddress}, or when it lacks one host or port. */
export function checkDialAddress(address: unknown): void {
  checkZeromqAddress(address);
  const tcp = parseTcp(String(address));
  if (tcp !== undefined && (tcp.host === '*' || tcp.port === '*' || Number(tcp.port) === 0)) {
    throw invalidCall(
      `${inspectValue(address)} can be bound but not dialled: it does not name one host and port`,
    );
  }
}

/** Whether an address is fit for errors and logs, where the addresses that servers advertise end up. */
function isPlain(address: string): boolean {
  return address.length <= LONGEST && escaped(address) === address;
}

export function isIpv6(address: string): boolean {
  return parseTcp(address)?.host.startsWith('[') === true;
}

const EVERYWHERE = /^(\*|0\.0\.0\.0|\[::\])$/;
const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/i;

/** An address to bind with a port that the system chooses, on the host of `beside`, or a path beside its path. Default: loopback. */
export function freeZeromqAddress(beside = 'tcp://127.0.0.1:*'): string {
  const host = parseTcp(beside)?.host;
  if (host !== undefined) return `tcp://${host}:*`;
  return beside === 'ipc://*' ? beside : `${beside}.${randomId().slice(0, 8)}`;
}

/**
 * Gives the address to dial for an address that a server advertises, when its cache was reached at `via`. A server that binds
 * `tcp://0.0.0.0:5556` advertises exactly that, which on a client's machine means the client itself.
 */
export function resolveZeromqAddress(advertised: string, via: string): string {
  const own = parseTcp(advertised);
  const reached = parseTcp(via);
  if (own === undefined || reached === undefined) return advertised;
  const isFar = !LOOPBACK.test(reached.host);
  if (EVERYWHERE.test(own.host) || (LOOPBACK.test(own.host) && isFar))
    return `tcp://${reached.host}:${own.port}`;
  return advertised;
}
