/** Which network a peer counts for: nobody gets more places than others by taking another address of its own network. */
import { expect, it } from 'vitest';
import { peerNetwork } from '../../../../transports/zmtp/peer-network.ts';

it.each([
  ['a Unix socket', undefined, undefined],
  ['a Unix socket of some systems', '', undefined],
  ['an IPv4 address', '192.0.2.7', '192.0.2.7'],
  ['an IPv4 address in IPv6', '::ffff:192.0.2.7', '192.0.2.7'],
  ['one with capitals', '::FFFF:192.0.2.7', '192.0.2.7'],
  ['an IPv6 address', '2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
  ['another of its network', '2001:db8:1:2::9', '2001:db8:1:2::/64'],
  ['an IPv6 address with a gap in its network', '2001:db8::3:4:5:6', '2001:db8:0:0::/64'],
  ['an IPv6 address that begins with a gap', '::1', '0:0:0:0::/64'],
  ['an IPv6 address that ends with a gap', '2001:db8:1:2::', '2001:db8:1:2::/64'],
  ['an IPv6 address with a zone', 'fe80::1%eth0', 'fe80:0:0:0::/64'],
  ['an IPv4 address that is only like one in IPv6', '2001::ffff:192.0.2.7', '2001:0:0:0::/64'],
])('%s: %s', (_, address, network) => {
  expect(peerNetwork(address)).toBe(network);
});
