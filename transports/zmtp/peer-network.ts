/** Groups of 16 bits of an IPv6 address. The first half identifies the network: one customer has a /64 or more. */
const GROUPS = 8;
const NETWORK_GROUPS = 4;

/**
 * The network that a peer counts for: an IPv4 address for itself, also when it is written within IPv6; an IPv6 address for its /64.
 * @param address - as the system gives it; undefined for a Unix socket, whose peers have none.
 */
export function peerNetwork(address: string | undefined): string | undefined {
  if (address === undefined || address === '') return undefined;
  const [bare = ''] = address.split('%', 1);
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(bare)?.[1];
  if (mapped !== undefined) return mapped;
  if (!bare.includes(':')) return bare;
  const [head = '', tail] = bare.split('::', 2);
  const first = groupsOf(head);
  const last = groupsOf(tail ?? '');
  const zeros = Array.from({ length: Math.max(0, GROUPS - first.length - last.length) }, () => '0');
  return `${[...first, ...zeros, ...last].slice(0, NETWORK_GROUPS).join(':')}::/64`;
}

function groupsOf(part: string): string[] {
  return part === '' ? [] : part.split(':');
}
