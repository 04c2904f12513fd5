/** Nobody fills a log: what strangers can repeat is logged at powers of two, clipped and escaped. */
import { once } from 'node:events';
import { connect } from 'node:net';
import { describe, expect, it } from 'vitest';
import { Server } from '../../../src/cluster/index.ts';
import { EnvelopeCodec } from '../../../src/protocol/envelope.ts';
import { palmMessage } from '../../../src/protocol/message.ts';
import { zeromq } from '../../../transports/zeromq/index.ts';
import { bytes } from '../../support/bytes.ts';
import { ACTING } from '../../support/hostile-server.ts';
import { Service } from '../../support/service.ts';
import { until, within } from '../../support/wait.ts';

const FLOOD = 16_384;

/** Bytes that a kind of event may come to: 15 lines, 3 more if it takes minutes, all of a field of 200 characters escaped. */
const BOUND = 18 * 1_600;

/** An origin of 4 kB that would clear the screen. */
const ORIGIN = `http://\u009b2J${'\u009b31m'.repeat(1_000)}`;

/** Asks for an upgrade from an origin that may not, and resolves when the connection is over. */
async function knock(port: number): Promise<void> {
  const socket = connect({ port, host: '127.0.0.1' });
  socket.on('error', () => {});
  socket.write(
    `GET / HTTP/1.1\r\nHost: relay\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nOrigin: ${ORIGIN}\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n\r\n`,
    'latin1',
  );
  // It reads that it is refused, and leaves no port behind that waits.
  socket.once('data', () => socket.resetAndDestroy());
  await once(socket, 'close');
}

/** Does something `count` times, 64 at once. */
async function flood(count: number, act: () => Promise<unknown>): Promise<void> {
  let left = count;
  const one = async () => {
    while (left-- > 0) await act();
  };
  await Promise.all(Array.from({ length: 64 }, one));
}

describe('the log of a relay', () => {
  it.each([[[]], [['--json']]])(
    `is small after ${FLOOD} refused handshakes: frond relay %j`,
    { timeout: 120_000 },
    async (format) => {
      const args = ['relay', '--server', 'test=tcp://127.0.0.1:1', '--allow', 'test.*'];
      await using service = new Service([
        ...args,
        '--listen',
        '127.0.0.1:0',
        '--origin',
        'https://good.example',
        ...format,
      ]);
      const port = Number(/:(\d+)\//.exec(await service.line(format.length > 0 ? 0 : 1))?.[1]);
      await flood(FLOOD, () => knock(port));
      expect(await service.end()).toBe(0);
      const log = (await service.stderr).toString();
      console.log(`log of ${FLOOD} refused handshakes: ${log.length} bytes`);
      expect(log).toContain('handshake refused');
      expect(log).toMatch(/times"?[=:]16384/);
      expect(Buffer.byteLength(log)).toBeLessThan(BOUND);
      expect(ACTING.test(log)).toBe(false);
    },
  );
});

describe('the log of a server', () => {
  it(`is small after ${FLOOD} frames, requests and calls that are no good`, {
    timeout: 120_000,
  }, async () => {
    const lines: string[] = [];
    const log = (message: string, fields: object = {}) => lines.push(`${message} ${JSON.stringify(fields)}`);
    const any = 'tcp://127.0.0.1:*';
    await using server = await Server.start({
      ...{ transport: zeromq(), name: 'test', dbAddress: any, pullAddress: any, pubAddress: any },
      functions: {
        noisy: (payload, { logger }) => {
          logger.info('mine');
          return payload;
        },
      },
      logger: { debug: log, info: log, warning: log, error: log },
    });
    const connection = await zeromq().open();
    const codec = new EnvelopeCodec();
    const push = connection.push(server.pullAddress);
    const client = 'x'.repeat(30);
    const bad = palmMessage({ client, function: `test.${'\u009b'.repeat(5_000)}`, payload: bytes('x') });
    const frames = [new Uint8Array([0xff, 0xff]), codec.encode(bad)];
    for (let left = FLOOD; left > 0; left -= 512) {
      await push.ready();
      await push.send(Array.from({ length: 512 }, (_, i) => (frames[i % 2] ?? frames[0]) as never));
    }
    await flood(500, () => connection.request(server.dbAddress, frames[0] as never).reply);
    await within(
      60_000,
      until(() => server.counters.received >= FLOOD),
      'the flood',
    );
    const own = codec.encode(palmMessage({ client, function: 'test.noisy', payload: bytes('x') }));
    await push.send(Array.from({ length: 10 }, () => own));
    await within(
      10_000,
      until(() => server.counters.received >= FLOOD + 10),
      'the calls',
    );
    await connection.close();
    // What functions log is theirs.
    expect(lines.filter((line) => line.startsWith('mine')).length).toBe(10);
    expect(lines.join('\n').length).toBeLessThan(4 * BOUND);
    expect(lines.some((line) => line.startsWith('bad frame'))).toBe(true);
    expect(lines.some((line) => line.startsWith('call failed'))).toBe(true);
    expect(lines.some((line) => line.startsWith('bad cache request'))).toBe(true);
  });
});
