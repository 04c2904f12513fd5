/** Who may connect to a bound end, and how often. */
import { connect } from 'node:net';
import { afterEach, expect, it } from 'vitest';
import type { ConnectionStatus } from '../../src/transport.ts';
import { zmtp } from '../../transports/zmtp/index.ts';
import { peerNetwork } from '../../transports/zmtp/peer-network.ts';
import { bytes, textOf } from '../support/bytes.ts';
import { until, within } from '../support/wait.ts';
import { GREETING, RawPeer } from '../support/zmtp.ts';

const open: AsyncDisposable[] = [];

afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one[Symbol.asyncDispose]();
});

async function bindReply(address: string, options = {}) {
  const connection = await zmtp(options).open();
  open.push({ [Symbol.asyncDispose]: () => connection.close({ timeout: 0 }) });
  const refused: Extract<ConnectionStatus, { type: 'refused' }>[] = [];
  void (async () => {
    for await (const status of connection.status()) if (status.type === 'refused') refused.push(status);
  })();
  const bound = await connection.bindReply(address, (request) => request);
  return { address: bound.address, refused };
}

/** Dials, and waits until the other end has greeted or hung up. */
async function dial(address: string, localAddress = '127.0.0.1'): Promise<RawPeer> {
  const path = address.startsWith('ipc://') ? address.slice('ipc://'.length) : undefined;
  const port = path === undefined ? Number(new URL(address.replace('tcp', 'http')).port) : 0;
  const socket = connect(path === undefined ? { port, host: '127.0.0.1', localAddress } : { path });
  const peer = new RawPeer(socket);
  open.push(peer);
  await peer.write(GREETING);
  await within(
    5_000,
    until(() => peer.isClosed || peer.received > 0),
    'a greeting',
  );
  return peer;
}

it('one address cannot take the places of others, and gets back a place that it leaves', async () => {
  const { address, refused } = await bindReply('tcp://127.0.0.1:*', { maxPeersPerAddress: 2 });
  const first = await dial(address);
  expect([first, await dial(address), await dial(address)].map(({ isClosed }) => isClosed)).toEqual([
    false,
    false,
    true,
  ]);
  expect((await dial(address, '127.0.0.2')).isClosed).toBe(false);
  await until(() => refused.length > 0);
  expect(refused[0]).toMatchObject({
    address,
    count: 1,
    reason: expect.stringMatching(/2 peers from 127\.0\.0\.1 already.*maxPeersPerAddress/),
  });
  await first[Symbol.asyncDispose]();
  // The bound end learns of the end a little later.
  for (let isIn = false; !isIn; ) isIn = !(await dial(address)).isClosed;
  expect((await dial(address)).isClosed).toBe(true);
});

it('peers of a Unix socket have no address, and are not counted', async () => {
  const { address } = await bindReply('ipc://*', { maxPeersPerAddress: 1 });
  for (let i = 0; i < 4; i++) expect((await dial(address)).isClosed).toBe(false);
});

it('a client whose address is full is served once there is a place', async () => {
  const { address, refused } = await bindReply('tcp://127.0.0.1:*', { maxPeersPerAddress: 1 });
  const stranger = await dial(address);
  const client = await zmtp({ reconnectInterval: 5, reconnectMaxInterval: 10 }).open();
  open.push({ [Symbol.asyncDispose]: () => client.close({ timeout: 0 }) });
  const { reply } = client.request(address, bytes('hello'));
  await until(() => refused.length > 0);
  await stranger[Symbol.asyncDispose]();
  expect(textOf(await within(5_000, reply, 'the reply'))).toBe('hello');
});

it.each([
  ['127.0.0.1', '127.0.0.1'],
  ['::ffff:10.1.2.3', '10.1.2.3'],
  ['::1', '0:0:0:0::/64'],
  ['2001:db8::1', '2001:db8:0:0::/64'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
  ['2001:db8:1:2::9', '2001:db8:1:2::/64'],
  ['fe80::1%eth0', 'fe80:0:0:0::/64'],
  [undefined, undefined],
])('%s counts for %s', (address, network) => {
  expect(peerNetwork(address)).toBe(network);
});
