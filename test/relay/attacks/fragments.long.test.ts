/** Messages that come in pieces: what the relay keeps of them stays within what a message may have. */

import { createServer } from 'node:http';
import type { Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import { memory } from '../../../transports/memory/index.ts';
import { createRelayOn } from '../../../transports/relay/relay.ts';
import { Type } from '../../../transports/relay-protocol/frames.ts';
import { openTcp, upgradeText } from '../../support/knock.ts';
import { TOKEN } from '../../support/relay.ts';
import { messageOf } from '../../support/relay-peer.ts';
import { within } from '../../support/wait.ts';
import { MiB, testRelayChildren } from './relay-child.ts';

const open = testRelayChildren();

const CONNECTIONS = 10;
/** What comes of an attacker's connection is an allocator's, V8's and the system's, too. */
const SLACK = 48 * MiB;

/** A frame of a client's, masked with zeros. */
function frame(first: number, payload: Uint8Array): Buffer {
  const { length } = payload;
  const head =
    length < 126 ? [first, 0x80 | length] : [first, 0x80 | 126, (length >> 8) & 0xff, length & 0xff];
  return Buffer.concat([Buffer.from([...head, 0, 0, 0, 0]), payload]);
}

const begin = frame(0x02, new Uint8Array(1));
const more = frame(0x00, new Uint8Array(1));
const last = (payload: Uint8Array) => frame(0x80, payload);
const pongs = Buffer.concat(Array.from({ length: 500 }, () => frame(0x8a, new Uint8Array(125))));

/** A connection that has been let in. */
async function greeted(port: number): Promise<Attacker> {
  const socket = await openTcp(port);
  const attacker = new Attacker(socket);
  socket.write(upgradeText());
  await attacker.until((text) => text.includes('\r\n\r\n'));
  socket.write(frame(0x82, messageOf([[Type.hello, TOKEN, null, 0]], 0, 0)));
  await attacker.until((text) => text.split('\r\n\r\n', 2)[1] !== '');
  return attacker;
}

class Attacker {
  readonly socket: Socket;
  #text = '';
  #isClosed = false;
  readonly #changes = new Set<() => void>();

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', (data) => {
      this.#text += data.toString('latin1');
      for (const change of this.#changes) change();
    });
    socket.on('close', () => {
      this.#isClosed = true;
      for (const change of this.#changes) change();
    });
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  until(fits: (text: string) => boolean): Promise<void> {
    const found = new Promise<void>((resolve) => {
      const look = () => {
        if (!this.#isClosed && !fits(this.#text)) return;
        this.#changes.delete(look);
        resolve();
      };
      this.#changes.add(look);
      look();
    });
    return within(8_000, found, 'an answer');
  }

  /** Resolves when it has left, or the connection has ended. */
  send(data: Buffer): Promise<void> {
    if (this.#isClosed) return Promise.resolve();
    const sent = new Promise<void>((resolve) => {
      const done = () => {
        this.socket.off('close', done);
        resolve();
      };
      this.socket.on('close', done);
      this.socket.write(data, done);
    });
    return within(8_000, sent, 'sending');
  }
}

describe('a client that was let in', () => {
  it.each([
    ['a million fragments of a byte', more, 1_000_000, 4_096],
    ['a million empty fragments', frame(0x00, new Uint8Array(0)), 1_000_000, 4_096],
    ['fragments of a byte with 64 KiB of pongs between them', Buffer.concat([more, pongs]), 1_000, 1],
  ])(
    'has no more kept than a message has, for %s',
    async (_, piece, count, together) => {
      const { port, rss, alive, meanwhile, memory } = await open();
      await memory();
      const before = rss();
      let most = before;
      await meanwhile(async () => {
        const attackers = await Promise.all(Array.from({ length: CONNECTIONS }, () => greeted(port)));
        const batch = Buffer.concat(Array.from({ length: together }, () => piece));
        await Promise.all(
          attackers.map(async (attacker) => {
            await attacker.send(begin);
            for (let sent = 0; sent < count && !attacker.isClosed; sent += together) {
              await attacker.send(batch);
              most = Math.max(most, rss());
            }
            await attacker.until(() => false);
          }),
        );
      });
      await alive();
      // A message of each, of 4 MiB at most.
      expect((most - before) / MiB).toBeLessThan((CONNECTIONS * 4.5 * MiB + SLACK) / MiB);
    },
    40_000,
  );

  it('may send a large message in fragments of a kibibyte, with pongs between them', async () => {
    const { port } = await open();
    const attacker = await greeted(port);
    const message = messageOf([[Type.request, 1, 'server', new Uint8Array(3 * MiB)]], 1, 0);
    const size = 1_100;
    let first = 0x02;
    for (let at = 0; at < message.length; at += size) {
      const isLast = at + size >= message.length;
      const part = message.subarray(at, at + size);
      await attacker.send(
        isLast ? last(part) : Buffer.concat([frame(first, part), frame(0x8a, new Uint8Array(5))]),
      );
      first = 0x00;
    }
    // More than the window, which is the relay's own refusal of what it has read.
    await attacker.until(
      (text) => text.includes('no envelope') || text.includes('FAILED') || text.includes('PROTOCOL'),
    );
    expect(attacker.isClosed).toBe(false);
    attacker.socket.destroy();
  }, 20_000);
});

it('the relay refuses to start on a ws that has no limit for fragments', async () => {
  class Old {
    readonly options = {};
  }
  const starting = createRelayOn(async () => ({ WebSocketServer: Old }) as never, {
    server: createServer(),
    transport: memory(),
    servers: {},
  });
  await expect(starting).rejects.toMatchObject({
    code: 'INVALID_CALL',
    message: expect.stringMatching(/ws from 8\.21 on, .* npm install ws@8$/),
  });
});
