/** What a refusal sends back: no more than what it is of, and a little. */
import { expect, it } from 'vitest';
import { type ClientFrame, Type } from '../../../transports/relay-protocol/frames.ts';
import { ALL, testRelays } from '../../support/besieged-relay.ts';
import { bytes } from '../../support/bytes.ts';
import { envelope, messageOf, type RawPeer } from '../../support/relay-peer.ts';

const besieged = testRelays();

/** Bytes of the refusal itself. */
const ROOM = 2_048;
const LONG = 200_000;

/** Characters that take more room where they are shown than where they come from. */
const texts = ['x', '\u0001', '\u202e', '"', 'é', '\ud83d\ude00'].map((unit) =>
  unit.repeat(LONG / unit.length),
);

type Make = (text: string, peer: RawPeer) => ClientFrame;

function call(fields: (text: string) => object): Make {
  return (text, { id }) => [
    Type.send,
    1,
    1,
    [envelope({ client: `${id}/1`, function: 'server.upper', payload: bytes('x'), ...fields(text) })],
  ];
}

function request(fields: (text: string) => object): Make {
  return (text, { id }) => [Type.request, 7, 'server', envelope({ client: id, ...fields(text) })];
}

const kinds: Readonly<Record<string, Make>> = {
  'a call of a long function': call((text) => ({ function: `server.${text}` })),
  'a call of a function that is nearly as long as is looked into': call((text) => ({
    function: `server.${text.slice(0, 4_000)}`,
  })),
  'a call of a long server': call((text) => ({ function: `${text.slice(0, 4_000)}.upper` })),
  'a call of a path that is none': call((text) => ({ function: text.slice(0, 4_000) })),
  'a call of a later stage that is none': call((text) => ({
    function: `server.upper ${text.slice(0, 4_000)}`,
  })),
  'a call of a later stage of no server': call((text) => ({
    function: `server.upper ${text.slice(0, 2_000)}.upper`,
  })),
  'a call under a long session': call((text) => ({ pipeline: text, features: 4 })),
  'a call with a long cache field': call((text) => ({ cache: text, stage: 1 })),
  'a call with a long error': call((text) => ({ error: text, errorName: text, status: 1 })),
  "a call under another's long topic": call((text) => ({ client: text })),
  'a call under a long topic': (text, { id }) =>
    call(() => ({ client: `${id}/${text}` }))(text, { id } as RawPeer),
  'a request of a long operation': request((text) => ({ function: `server.${text}` })),
  'a request of a long server': request((text) => ({ function: `${text}.take` })),
  'a request for a long key': request((text) => ({ function: 'server.get', payload: bytes(text) })),
  'a request to set a long key': request((text) => ({ function: 'server.set', cache: text })),
  'a request to delete a long key': request((text) => ({ function: 'server.delete', payload: bytes(text) })),
  "a request under another's long id": request((text) => ({ client: text, function: 'server.get' })),
  'a request to a long server': (text, { id }) => [Type.request, 7, text, envelope({ client: id })],
  'a channel to a long server': (text) => [Type.open, 7, 1, text, ''],
  'a channel for the results of a long server': (text) => [Type.open, 7, 1, `${text}/results`, ''],
  "a channel for another's long topic": (text) => [Type.open, 7, 2, 'server', text],
};

/** Bytes that come for a frame, until its refusal or the end of the connection. */
async function bytesBack(peer: RawPeer, frame: ClientFrame): Promise<number> {
  let count = 0;
  peer.socket.on('message', (data: Buffer) => {
    count += data.length;
  });
  peer.frames.length = 0;
  peer.send(frame);
  const isEnd = ({ 0: type }: { readonly 0: number }) =>
    type === Type.results || type === Type.failed || type === Type.refused || type === Type.reply;
  const ended = peer.end(8_000).then(({ reason }) => {
    count += reason.length;
  });
  await Promise.race([peer.next(isEnd, 8_000).catch(() => ended), ended]);
  return count;
}

it.each(Object.entries(kinds))('to %s is not larger than what came', async (_, make) => {
  // It may set nothing, and so everything that can be refused is.
  const narrow = { ...ALL, functions: ['server.upper'], cache: 'session' as const };
  const relay = await besieged({ identities: { narrow } });
  await relay.meanwhile(async () => {
    for (const text of texts) {
      const peer = await relay.peer('narrow');
      await peer.openCalls();
      const frame = make(text, peer);
      const { length } = messageOf([frame], 0, 0);
      expect([text[0], await bytesBack(peer, frame)]).toEqual([
        text[0],
        expect.toSatisfy((back: number) => back <= length + ROOM),
      ]);
      await peer.close();
    }
  });
});

it.each([
  ['a key that is not there', 'server.get', 'k'],
  ["a key of the server's own", 'server.get', 'frond_'],
])('of the server, to a request for %s, is not larger than what came', async (_, path, prefix) => {
  const relay = await besieged();
  await relay.meanwhile(async () => {
    for (const text of texts) {
      const peer = await relay.peer();
      await peer.openCalls();
      const payload = bytes(prefix + text);
      const frame: ClientFrame = [
        Type.request,
        7,
        'server',
        envelope({ client: peer.id, function: path, payload, features: 2 }),
      ];
      const { length } = messageOf([frame], 0, 0);
      expect(await bytesBack(peer, frame)).toBeLessThanOrEqual(length + ROOM);
      await peer.close();
    }
  });
});
