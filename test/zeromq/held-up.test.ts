/** Peers that are slow and not dead: links that they hold up stay, however long that takes. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { afterEach, describe, expect, it } from 'vitest';
import type { BindingConnection, ConnectionStatus } from '../../src/transport.ts';
import { zeromq } from '../../transports/zeromq/index.ts';
import { until, within } from '../support/wait.ts';

const { Pull } = createRequire(import.meta.url)('zeromq') as typeof import('zeromq');

const heartbeatInterval = 150;
const frame = new Uint8Array(1_000);
const BATCH = 64;

describe('a link that is held up', () => {
  const opened: BindingConnection[] = [];

  async function open() {
    const connection = await zeromq({ heartbeatInterval }).open();
    opened.push(connection);
    return connection;
  }

  afterEach(async () => {
    for (const connection of opened.splice(0)) await within(3_000, connection.close({ timeout: 0 }));
  });

  /**
   * Sends until nothing more is taken for several heartbeats. Gives how many frames come once there is room, and no more: libzmq
   * aborts the process when both ends of a link go while a message of several parts is half over it (session_base.cpp, clean_pipes).
   */
  async function fill(send: () => Promise<void>): Promise<number> {
    let sent = 0;
    let isHeldUp = false;
    const fillOn = async () => {
      while (!isHeldUp) {
        sent += BATCH;
        await send();
      }
    };
    fillOn().catch(() => {});
    for (let before = -1; before < sent; ) {
      before = sent;
      await new Promise((resolve) => setTimeout(resolve, 6 * heartbeatInterval));
    }
    isHeldUp = true;
    return sent;
  }

  it('by a server that does not read stays, and nothing is lost', async () => {
    const pull = await (await open()).bindPull('tcp://127.0.0.1:*');
    const client = await open();
    const breaks: ConnectionStatus[] = [];
    const watch = async () => {
      for await (const status of client.status()) if (status.type === 'disconnected') breaks.push(status);
    };
    const watching = watch();
    const pusher = client.push(pull.address);
    await within(3_000, pusher.ready());
    const held = await fill(() => pusher.send(new Array(BATCH).fill(frame)));
    let read = 0;
    for await (const batch of pull) {
      read += batch.length;
      if (read >= held) break;
    }
    await client.close({ timeout: 0 });
    await watching;
    expect(breaks).toEqual([]);
  });

  it('by a client that reads its results slowly stays, and nothing is lost', async () => {
    const publish = await (await open()).bindPublish('tcp://127.0.0.1:*');
    const client = await open();
    const breaks: ConnectionStatus[] = [];
    const watch = async () => {
      for await (const status of client.status()) if (status.type === 'disconnected') breaks.push(status);
    };
    const watching = watch();
    const results = client.subscribe(publish.address, 't/', { maxUnread: 1 });
    await within(3_000, results.ready());
    const frames = [new Uint8Array(1_000_000)];
    const count = 30;
    for (let sent = 0; sent < count; sent++) await within(3_000, publish.publish([{ topic: 't/', frames }]));
    // The heartbeats of a link with heartbeats would not be read meanwhile.
    await new Promise((resolve) => setTimeout(resolve, 6 * heartbeatInterval));
    let read = 0;
    for await (const deliveries of results) {
      read += deliveries.length;
      if (read >= count) break;
    }
    await client.close({ timeout: 0 });
    await watching;
    expect(breaks).toEqual([]);
  });

  it.skipIf(process.platform !== 'linux')(
    'is probed by the system after a heartbeat of silence',
    async () => {
      const publish = await (await open()).bindPublish('tcp://127.0.0.1:*');
      await within(3_000, (await open()).subscribe(publish.address, 't/').ready());
      const port = Number(publish.address.split(':').at(-1)).toString(16).toUpperCase().padStart(4, '0');
      // Of the dialling end: its timer's kind, 02 for keepalive, and the hundredths of a second until it is due.
      const timer = new RegExp(` 0100007F:${port} 01 \\S+ 02:([0-9A-F]+) `);
      const left = () =>
        Number.parseInt(timer.exec(readFileSync('/proc/net/tcp', 'utf8'))?.[1] ?? 'FFFF', 16);
      await within(
        3_000,
        until(() => left() <= 100),
      );
    },
  );

  it('by a worker that reads slowly stays, and nothing is lost', async () => {
    const push = await (await open()).bindPush('tcp://127.0.0.1:*');
    const puller = new Pull({ receiveHighWaterMark: 1, linger: 0 });
    puller.connect(push.address);
    await within(
      3_000,
      until(() => push.peers === 1),
    );
    let left = 0;
    push.onPeers(() => {
      if (push.peers === 0) left++;
    });
    const held = await fill(() => push.send(new Array(BATCH).fill(frame)));
    expect(left).toBe(0);
    let read = 0;
    while (read < held) read += (await within(3_000, puller.receive())).length;
    puller.close();
    expect(left).toBe(0);
  });
});
