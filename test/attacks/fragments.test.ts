/** WebSocket messages in fragments of one byte, without an end. */
import { MessageWriter, Type } from '../../transports/relay-protocol/frames.ts';
import { openTcp, readText, upgradeText } from '../support/knock.ts';
import { attack, times } from './field.ts';
import { ATTACKER_TOKEN, HONEST_TOKEN, oneServer, SERVER, tokens } from './parts.ts';

const ATTACKERS = 4;
const FRAGMENTS = times(400_000, 4_000_000);
const CHUNK = 10_000;

/** A frame of a client, with a mask of zeros. */
function frameOf(opcode: number, body: Uint8Array, isLast: boolean): Buffer {
  const head = [(isLast ? 0x80 : 0) | opcode];
  if (body.length < 126) head.push(0x80 | body.length);
  else head.push(0x80 | 126, body.length >> 8, body.length & 0xff);
  return Buffer.concat([Buffer.from([...head, 0, 0, 0, 0]), body]);
}

const BINARY = 2;
const CONTINUATION = 0;

attack('8 fragments of one byte', async (field) => {
  const { ups } = await field.serve(oneServer());
  const servers = { [SERVER]: ups[0]?.addresses.db_address };
  const { target, url, port } = await field.relay({ servers, tokens: tokens() });
  const honest = [{ url, token: HONEST_TOKEN, server: SERVER, path: `${SERVER}.upper` }];
  const sent = `${ATTACKERS} messages in ${FRAGMENTS} fragments of one byte each, without an end`;
  // Each may be as large as the largest message, and twice that while it grows.
  await field.besiege(target, { sent, bounds: { growth: 96, descriptors: 50 }, honest }, async () => {
    await Promise.all(
      Array.from({ length: ATTACKERS }, async () => {
        const socket = await openTcp(port);
        field.own({ close: () => socket.destroy() });
        socket.write(upgradeText());
        await readText(socket, (text) => text.includes('\r\n\r\n'));
        const hello = new MessageWriter();
        hello.add([Type.hello, ATTACKER_TOKEN, null, 0]);
        socket.write(frameOf(BINARY, hello.take(), true));
        await readText(socket, (text) => text.length > 20);
        socket.resume();
        socket.write(frameOf(BINARY, new Uint8Array(1), false));
        const fragment = frameOf(CONTINUATION, new Uint8Array(1), false);
        const chunk = Buffer.concat(Array.from({ length: CHUNK }, () => fragment));
        for (let left = FRAGMENTS; left > 0 && !socket.destroyed; left -= CHUNK) {
          if (socket.write(chunk)) continue;
          await new Promise<void>((resolve) => {
            socket.once('drain', resolve).once('close', () => resolve());
          });
        }
      }),
    );
  });
});
