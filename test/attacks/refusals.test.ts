/** What is refused, and how much is said about it: no more than came, and a constant. */

import {
  ChannelKind,
  type ClientFrame,
  type RelayFrame,
  Type,
} from '../../transports/relay-protocol/frames.ts';
import { bytes } from '../support/bytes.ts';
import { envelope, messageOf, type RawPeer } from '../support/relay-peer.ts';
import { enter } from './clients.ts';
import { attack, times } from './field.ts';
import { EVERYTHING, HONEST_TOKEN, oneServer, SERVER, tokens } from './parts.ts';

/** Bytes of a refusal beyond those of what was refused. */
const CONSTANT = 1_024;
const LENGTH = 60_000;
const ROUNDS = times(1, 20);

/** What would grow by being escaped, and what would not. */
const FILLINGS = ['x', '"', '\\', '\u0000', '\u001b', '\u009b', '\u202e', 'é', '🎈'];

type Refused = readonly [what: string, (peer: RawPeer, id: number, filling: string) => ClientFrame];

const call = (peer: RawPeer, fields: Parameters<typeof envelope>[0]): ClientFrame => [
  Type.send,
  1,
  1,
  [envelope({ client: `${peer.id}/1`, function: `${SERVER}.upper`, payload: bytes('x'), ...fields })],
];

const request = (peer: RawPeer, id: number, fields: Parameters<typeof envelope>[0]): ClientFrame => [
  Type.request,
  id,
  SERVER,
  envelope({ client: peer.id, function: `${SERVER}.get`, ...fields }),
];

const REFUSED: readonly Refused[] = [
  ['a function', (peer, _, filling) => call(peer, { function: `${SERVER}.${filling}` })],
  [
    'a short function',
    (peer, _, filling) => call(peer, { function: `${SERVER}.${filling.slice(0, 1_000)}` }),
  ],
  ['a path', (peer, _, filling) => call(peer, { function: filling.slice(0, 1_000) })],
  ['a session', (peer, _, filling) => call(peer, { pipeline: filling, features: 4 })],
  ['a stage', (peer, _, filling) => call(peer, { stage: 1, cache: filling, pipeline: filling })],
  ['a key', (peer, id, filling) => request(peer, id, { payload: bytes(`secret/${filling}`) })],
  ['a key to set', (peer, id, filling) => request(peer, id, { function: `${SERVER}.set`, cache: filling })],
  ['an operation', (peer, id, filling) => request(peer, id, { function: `${SERVER}.${filling}` })],
  ['a name of a server', (peer, id, filling) => [Type.request, id, filling, envelope({ client: peer.id })]],
  ['a channel', (_, id, filling) => [Type.open, 100 + id, ChannelKind.push, filling, '']],
  ['another client', (peer, id, filling) => request(peer, id, { client: filling })],
];

attack('13 refusals', async (field) => {
  const { ups } = await field.serve(oneServer());
  const servers = { [SERVER]: ups[0]?.addresses.db_address };
  const grants = {
    ...EVERYTHING,
    servers: [SERVER],
    functions: [`${SERVER}.upper`],
    cache: 'session',
    work: false,
  };
  const { target, url } = await field.relay({ servers, tokens: tokens(0, grants) });
  const honest = [{ url, token: HONEST_TOKEN, server: SERVER, path: `${SERVER}.upper` }];
  const kinds = REFUSED.length * FILLINGS.length;
  const sent = `${ROUNDS * kinds} things of up to ${LENGTH} characters that are not granted, of ${kinds} kinds`;
  const bounds = { growth: 96, descriptors: 100 };
  await field.besiege(target, { sent, bounds, honest }, async (fell) => {
    const worst = new Map<string, string>();
    for (let i = 0; i < ROUNDS * kinds; i++) {
      const [what, make] = REFUSED[i % REFUSED.length] ?? REFUSED[0] ?? [];
      const filling = (FILLINGS[Math.floor(i / REFUSED.length) % FILLINGS.length] ?? 'x').repeat(LENGTH);
      const peer = await enter(field, url, 0);
      if (what === undefined || make === undefined || peer === undefined) throw new Error('nobody is let in');
      await peer.openCalls();
      peer.frames.length = 0;
      const frame = make(peer, 1 + i, filling);
      const came = messageOf([frame], 0, 0).length;
      let answered = 0;
      peer.socket.on('message', (data: Buffer) => {
        answered = Math.max(answered, data.length);
      });
      peer.send(frame);
      // One that is refused by the end of the connection says little.
      await peer.next(isRefusal, 2_000).catch(() => {});
      if (answered > came + CONSTANT) worst.set(what, `${what}: ${answered} bytes for ${came}`);
      peer.socket.terminate();
    }
    for (const fault of worst.values()) fell(fault);
  });
});

function isRefusal([type]: RelayFrame): boolean {
  return type === Type.failed || type === Type.refused || type === Type.results;
}
