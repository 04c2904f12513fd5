/** The address of a client, as the proxies in front of a relay report it. */
import { BlockList, isIP, isIPv4, isIPv6 } from 'node:net';
import { inspectValue, invalidCall } from '../../../src/protocol/errors.ts';

/** Headers of an HTTP request, by name in lower case. */
export type RequestHeaders = Readonly<Record<string, string | string[] | undefined>>;

/** Which proxies are trusted: none or one, how many there are, or the networks that they are in. */
export type TrustProxy = boolean | number | readonly string[];

/** Names for well-known networks. */
const NAMED: Readonly<Record<string, readonly string[]>> = {
  loopback: ['127.0.0.0/8', '::1/128'],
  private: ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', 'fc00::/7', 'fe80::/10'],
};

/** What {@link TrustProxy} must be, for errors. */
export const TRUST_FORM =
  'true, the number of proxies, or a list of networks such as 10.0.0.0/8, loopback or private';

/** The proxies whose X-Forwarded-For is trusted. */
export class Proxies {
  /** How many proxies are in front of the relay; undefined where they are known by their networks. */
  readonly #hops: number | undefined;
  readonly #networks = new BlockList();

  /** @throws PalmError `INVALID_CALL` for any other value. */
  constructor(trust: TrustProxy) {
    if (typeof trust === 'boolean') this.#hops = trust ? 1 : 0;
    else if (typeof trust === 'number') {
      if (!Number.isSafeInteger(trust) || trust < 0) throw malformed(trust);
      this.#hops = trust;
    } else if (Array.isArray(trust)) {
      for (const network of trust) for (const one of NAMED[network] ?? [network]) this.#add(one);
    } else throw malformed(trust);
  }

  /** Whether no proxy is trusted. */
  get areNone(): boolean {
    return this.#hops === 0;
  }

  /** Whether the address is a proxy's, so that its connections come from many clients. */
  has(address: string): boolean {
    if (this.#hops !== undefined) return this.#hops > 0;
    const [bare = ''] = bareAddress(address).split('%', 1);
    return isIP(bare) !== 0 && this.#networks.check(bare, isIPv6(bare) ? 'ipv6' : 'ipv4');
  }

  /**
   * The address that the last trusted proxy saw. The client may have written anything to the left of it in the header. An entry that
   * is not an address ends the search at the proxy that passed it on.
   */
  addressOf(headers: RequestHeaders, socketAddress: string): string {
    const hops = [headers['x-forwarded-for'] ?? ''].flat().join(',').split(',');
    let address = socketAddress;
    let passed = 0;
    while (this.#hops === undefined ? this.has(address) : passed < this.#hops) {
      const before = bareAddress(hops.pop() ?? '');
      if (isIP(before) === 0) return address;
      address = before;
      passed++;
    }
    return address;
  }

  #add(network: unknown): void {
    const [, address = '', prefix] = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(String(network)) ?? [];
    const family = isIPv4(address) ? 'ipv4' : 'ipv6';
    const most = family === 'ipv4' ? 32 : 128;
    const bits = prefix === undefined ? most : Number(prefix);
    if (typeof network !== 'string' || isIP(address) === 0 || bits > most) throw malformed(network);
    this.#networks.addSubnet(address, bits, family);
  }
}

function malformed(given: unknown): Error {
  return invalidCall(`trustProxy must be ${TRUST_FORM}, not ${inspectValue(given)}`);
}

/** The address without brackets, without the port that some proxies add, and without IPv6 around IPv4. */
function bareAddress(text: string): string {
  const trimmed = text.trim();
  const [, bracketed] = /^\[([^\]]*)\](?::\d+)?$/.exec(trimmed) ?? [];
  const [, plain] = /^([\d.]+):\d+$/.exec(trimmed) ?? [];
  const address = bracketed ?? plain ?? trimmed;
  return /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1] ?? address;
}

/** Groups of 16 bits that identify an IPv6 network: one customer has a /64 or more. */
const NETWORK_GROUPS = 4;

/**
 * The network that an address counts for: an IPv4 address for itself, also when it is written within IPv6; an IPv6 address
 * for its /64, since one host can use all addresses in it. Any other string counts for itself.
 */
export function networkOf(address: string): string {
  const bare = address.split('%', 1)[0] ?? '';
  if (!isIPv6(bare)) return address;
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(bare);
  if (mapped?.[1] !== undefined) return mapped[1];
  const [head = '', tail] = bare.split('::', 2);
  const first = groupsOf(head);
  const last = tail === undefined ? [] : groupsOf(tail);
  const zeros = Array.from({ length: Math.max(0, 8 - first.length - last.length) }, () => '0');
  const groups = [...first, ...zeros, ...last].slice(0, NETWORK_GROUPS);
  return `${groups.map((group) => Number.parseInt(group, 16).toString(16)).join(':')}::/64`;
}

/** An IPv4 address at the end stands for two groups, which are not part of the network. */
function groupsOf(part: string): string[] {
  if (part === '') return [];
  return part.split(':').flatMap((group) => (group.includes('.') ? ['0', '0'] : [group]));
}
