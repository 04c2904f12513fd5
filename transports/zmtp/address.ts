import dns from 'node:dns/promises';
import { mkdtemp } from 'node:fs/promises';
import { isIP } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspectValue, invalidCall } from '../../src/protocol/errors.ts';
import { checkDialAddress, checkZeromqAddress } from '../shared/zeromq-address.ts';

/** @throws PalmError `INVALID_CALL` when it is not `tcp://host:port` or `ipc://path`, or its path is too long for a Unix socket. */
export function checkZmtpAddress(address: unknown): void {
  checkZeromqAddress(address);
  if (typeof address !== 'string' || !address.startsWith('ipc:')) return;
  if (Buffer.byteLength(address) > LONGEST_PATH + 'ipc://'.length) {
    throw invalidCall(
      `the path of a Unix socket has at most ${LONGEST_PATH} bytes, unlike ${inspectValue(address)}`,
    );
  }
}

/** @throws PalmError `INVALID_CALL` when it cannot be dialled. */
export function checkZmtpDialAddress(address: string): void {
  checkZmtpAddress(address);
  checkDialAddress(address);
  if (address === 'ipc://*')
    throw invalidCall(`${inspectValue(address)} can be bound but not dialled: it does not name a path`);
}

/** Most bytes of the path of a Unix socket. Some systems allow a few less. */
const LONGEST_PATH = 107;

/** One place to dial or bind, in the form that `node:net` takes. */
export type Place = { readonly host: string; readonly port: number } | { readonly path: string };

const TCP = /^tcp:\/\/\[?(.+?)\]?:(\d+|\*)$/;

/**
 * Looks up all places that an address stands for now, in the order in which to dial them.
 * @throws Error when its name cannot be resolved.
 */
export async function placesOf(address: string): Promise<Place[]> {
  const tcp = parseTcp(address);
  if (tcp === undefined) return [{ path: pathOf(address) }];
  const { host, port } = tcp;
  // An address with a zone is not a name.
  if (isIP(host) !== 0 || host.includes('%')) return [{ host, port }];
  const found = await dns.lookup(host, { all: true, verbatim: true });
  return found.map((own) => ({ host: own.address, port }));
}

/** Where to bind an address. */
export async function bindPlaceOf(address: string): Promise<Place> {
  if (address === 'ipc://*') return { path: join(await mkdtemp(join(tmpdir(), 'frond-')), 'socket') };
  const tcp = parseTcp(address);
  if (tcp?.host === '*') return { host: '0.0.0.0', port: tcp.port };
  const places = await placesOf(address);
  // ZeroMQ binds the IPv4 address of a name.
  const place = places.find((own) => 'host' in own && isIP(own.host) === 4) ?? places[0];
  if (place === undefined) throw new Error('the name has no address');
  return place;
}

/** The address that peers dial for what is bound at a place. */
export function addressAt(place: Place): string {
  if ('path' in place) return `ipc://${place.path.replace(/^\0/, '@')}`;
  return place.host.includes(':')
    ? `tcp://[${place.host}]:${place.port}`
    : `tcp://${place.host}:${place.port}`;
}

function parseTcp(address: string): { readonly host: string; readonly port: number } | undefined {
  const [, host, port] = TCP.exec(address) ?? [];
  if (host === undefined || port === undefined) return undefined;
  return { host, port: port === '*' ? 0 : Number(port) };
}

/** The path of a Unix socket; `@name` is in Linux's abstract namespace. */
function pathOf(address: string): string {
  return address.slice('ipc://'.length).replace(/^@/, '\0');
}
