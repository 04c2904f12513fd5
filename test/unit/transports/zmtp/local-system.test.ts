import { connect, createServer, type Socket } from 'node:net';
import { endianness } from 'node:os';
import { describe, expect, it } from 'vitest';
import { isResent, LocalSystem, tableEnd } from '../../../../transports/zmtp/local-system.ts';
import { within } from '../../../support/wait.ts';

const HEAD =
  '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n';
const line = (end: string, queues: string, timer: string, resent: string) =>
  `   0: 0100007F:1F90 ${end} 01 ${queues} ${timer} ${resent}     0        0 21 2 000000 20 4 30 10 -1\n`;
const local = '0100007F:1F90';

describe('the table of TCP connections', () => {
  it.each([
    ['nothing was sent', line('0100007F:C350', '00000000:00000000', '00:00000000', '00000000'), false],
    [
      'what was sent is still on its way',
      line('0100007F:C350', '0000000A:00000000', '01:00000014', '00000000'),
      false,
    ],
    ['it was sent again', line('0100007F:C350', '0000000A:00000000', '01:00000014', '00000003'), true],
    [
      'the peer takes nothing more',
      line('0100007F:C350', '00010000:00000000', '04:00000014', '00000000'),
      false,
    ],
    ['it is another peer', line('0100007F:C351', '0000000A:00000000', '01:00000014', '00000003'), false],
    ['the table is empty', '', false],
  ])('%s', (_, lines, is) => {
    expect(isResent(HEAD + lines, local, '0100007F:C350')).toBe(is);
  });
});

it('a line of the table ends where the next one begins, or with the table', () => {
  const peer = '0100007F:C350';
  const quiet = line(peer, '0000000A:00000000', '01:00000014', '00000000');
  const resent = line('0100007F:C351', '0000000A:00000000', '01:00000014', '00000003');
  expect(isResent(HEAD + quiet + resent, local, peer)).toBe(false);
  expect(isResent((HEAD + quiet + resent).trimEnd(), local, '0100007F:C351')).toBe(true);
  // Cut off before it says so.
  const cut = HEAD + resent.slice(0, resent.indexOf(' 01:'));
  expect(isResent(cut, local, '0100007F:C351')).toBe(false);
});

it.runIf(endianness() === 'LE').each([
  ['127.0.0.1', 8_080, '0100007F:1F90'],
  ['192.0.2.33', 1, '210200C0:0001'],
  ['::1', 80, '00000000000000000000000001000000:0050'],
  ['2001:db8::1', 65_535, 'B80D0120000000000000000001000000:FFFF'],
  ['2001:db8:1:2:3:4:5:6', 80, 'B80D0120020001000400030006000500:0050'],
  ['fe80::', 80, '000080FE000000000000000000000000:0050'],
  ['fe80::1%eth0', 80, '000080FE000000000000000001000000:0050'],
  ['::ffff:192.0.2.33', 80, '0000000000000000FFFF0000210200C0:0050'],
  ['64:ff9b::192.12.34.213', 80, '9BFF64000000000000000000D5220CC0:0050'],
])('%s, port %i, is %s in the table', (address, port, end) => {
  expect(tableEnd(address, port)).toBe(end);
});

describe.runIf(process.platform === 'linux')('this system', () => {
  it.each(['127.0.0.1', '::1', '::ffff:127.0.0.1'])(
    'has a connection over %s under the name that is looked for',
    async (host) => {
      const accepted: Socket[] = [];
      const server = createServer((socket) => accepted.push(socket));
      await new Promise<void>((resolve) => server.listen(0, host, resolve));
      const place = server.address();
      const port = typeof place === 'object' ? (place?.port ?? 0) : 0;
      const socket = connect({ host, port });
      try {
        await within(5_000, new Promise((resolve) => socket.once('connect', resolve)));
        const { localAddress = '', localPort = 0, remoteAddress = '', remotePort = 0 } = socket;
        const { readFileSync } = await import('node:fs');
        const table = readFileSync(`/proc/self/net/${localAddress.includes(':') ? 'tcp6' : 'tcp'}`, 'latin1');
        expect(table).toContain(
          ` ${tableEnd(localAddress, localPort)} ${tableEnd(remoteAddress, remotePort)} `,
        );
        // All of it is acknowledged, or on its way.
        socket.write('hello');
        expect(await new LocalSystem().isUnacknowledged(socket)).toBe(false);
      } finally {
        socket.destroy();
        for (const other of accepted) other.destroy();
        server.close();
      }
    },
  );

  it('says nothing of a Unix socket, and of one that is closed', async () => {
    expect(await new LocalSystem().isUnacknowledged({})).toBe(false);
    const half = { localAddress: '127.0.0.1', localPort: 1, remoteAddress: '127.0.0.1' };
    expect(await new LocalSystem().isUnacknowledged(half)).toBe(false);
    const closed = { localAddress: '127.0.0.1', localPort: 1, remoteAddress: '127.0.0.1', remotePort: 2 };
    expect(await new LocalSystem().isUnacknowledged(closed)).toBe(false);
  });

  it('names this process once', () => {
    const system = new LocalSystem();
    expect(system.mark).toMatch(/^[0-9a-f]{16}\.\d+\.\d+$/);
    expect(system.mark).toBe(system.mark);
  });
});
