import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { newKeyPair } from '../../transports/zmtp/curve/boxes.ts';
import { ClientHandshake } from '../../transports/zmtp/curve/client-handshake.ts';
import { HandshakeTurns } from '../../transports/zmtp/curve/handshake-turns.ts';
import { ServerHandshake } from '../../transports/zmtp/curve/server-handshake.ts';
import type { Handshake } from '../../transports/zmtp/mechanism.ts';
import { Violation } from '../../transports/zmtp/violation.ts';
import { bytes, textOf } from '../support/bytes.ts';

const pair = newKeyPair();
const clientPair = newKeyPair();

function ends(): { client: Handshake; server: Handshake } {
  const side = {
    pair,
    turns: new HandshakeTurns(),
    decisions: undefined,
    readsReasons: () => false,
  };
  return {
    client: new ClientHandshake(clientPair, pair.publicKey, bytes('client')),
    server: new ServerHandshake(side, bytes('server')),
  };
}

/** Shakes hands. `change` may alter each command: the 0th is HELLO, the 3rd is READY. */
async function shake(change: (command: Uint8Array, at: number) => Uint8Array = (command) => command) {
  const { client, server } = ends();
  let command = client.begin();
  for (let at = 0; ; at++) {
    if (command === undefined) throw new Error('a command is missing');
    const to = at % 2 === 0 ? server : client;
    const step = await to.take(change(command, at));
    if (to === client && step.properties !== undefined)
      return { client, server, properties: step.properties };
    command = step.reply;
  }
}

describe('a handshake of CURVE', () => {
  it('has the lengths that the RFC says, and gives both ends the keys and what the other says of itself', async () => {
    const lengths: number[] = [];
    const { client, server, properties } = await shake((command) => {
      lengths.push(command.length);
      return command;
    });
    expect(lengths).toEqual([200, 168, 257 + 6, 30 + 6]);
    expect(textOf(properties)).toBe('server');
    const [there, back] = [client.frames(), server.frames()];
    const opened = back.open(there.seal(bytes('text'), false, true));
    expect(textOf(opened.bytes.subarray(opened.start, opened.end))).toBe('text');
    there.open(back.seal(bytes('text'), true, false));
  });

  it.each(['HELLO', 'WELCOME', 'INITIATE', 'READY'])('ends when any byte of %s is altered', async (name) => {
    const at = ['HELLO', 'WELCOME', 'INITIATE', 'READY'].indexOf(name);
    const longest = [200, 168, 263, 36][at] ?? 0;
    await fc.assert(
      fc.asyncProperty(fc.nat(longest - 1), fc.integer({ min: 1, max: 255 }), async (place, change) => {
        const altered = shake((command, own) => {
          if (own !== at) return command;
          const copy = Uint8Array.from(command);
          copy[place] = (copy[place] ?? 0) ^ change;
          return copy;
        });
        await expect(altered).rejects.toBeInstanceOf(Violation);
      }),
      { numRuns: 40 },
    );
  });

  it.each(['HELLO', 'WELCOME', 'INITIATE', 'READY'])(
    'ends when %s is cut short or made longer',
    async (name) => {
      const at = ['HELLO', 'WELCOME', 'INITIATE', 'READY'].indexOf(name);
      const longest = [200, 168, 263, 36][at] ?? 0;
      const change = fc.oneof(
        fc.nat(longest - 1).map((end) => (command: Uint8Array) => command.subarray(0, end)),
        fc
          .uint8Array({ minLength: 1, maxLength: 40 })
          .map((more) => (command: Uint8Array) => Buffer.concat([command, more])),
      );
      await fc.assert(
        fc.asyncProperty(change, async (changed) => {
          const wrong = shake((command, own) => (own === at ? changed(command) : command));
          await expect(wrong).rejects.toBeInstanceOf(Violation);
        }),
        { numRuns: 40 },
      );
    },
  );

  it('takes random bytes for a violation, in each state of both ends', async () => {
    const name = fc.constantFrom('\x05HELLO', '\x07WELCOME', '\x08INITIATE', '\x05READY', '\x05ERROR', '');
    await fc.assert(
      fc.asyncProperty(name, fc.uint8Array({ maxLength: 300 }), fc.nat(3), async (begin, rest, at) => {
        const wrong = shake((command, own) =>
          own === at ? Buffer.concat([Buffer.from(begin, 'latin1'), rest]) : command,
        );
        await expect(wrong).rejects.toBeInstanceOf(Violation);
      }),
      { numRuns: 100 },
    );
  });

  it('takes a command once: a cookie is good on its own link, and only the first time', async () => {
    const commands: Uint8Array[] = [];
    const { server } = await shake((command) => {
      commands.push(Uint8Array.from(command));
      return command;
    });
    const [hello = bytes(''), , initiate = bytes('')] = commands;
    await expect(server.take(initiate)).rejects.toThrow(/in the place of nothing/);
    await expect(server.take(hello)).rejects.toThrow(/in the place of nothing/);
    // A new link takes what was recorded of an old one no further than its cookie.
    const { server: other } = ends();
    await other.take(hello);
    await expect(other.take(initiate)).rejects.toThrow(/cookie of this link/);
  });

  it('computes nothing more once its link is gone', async () => {
    const { client, server } = ends();
    const step = server.take(client.begin() ?? bytes(''));
    server.end();
    expect(await step).toEqual({});
  });
});
