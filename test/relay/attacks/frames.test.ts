/** Bytes that are no message, and messages that no client sends: each closes the connection, and only that. */
import { expect, it } from 'vitest';
import { SUBPROTOCOL, Type } from '../../../transports/relay-protocol/frames.ts';
import { type Besieged, testRelays } from '../../support/besieged-relay.ts';
import { theirs } from '../../support/broken.ts';
import { bytes } from '../../support/bytes.ts';
import { envelope, messageOf, type RawPeer } from '../../support/relay-peer.ts';

const besieged = testRelays();

/** How a connection ends on which `attack` was done, before and after the greeting. */
async function ends(relay: Besieged, attack: (peer: RawPeer) => void): Promise<readonly number[]> {
  const codes: number[] = [];
  for (const peer of [await relay.dial(), await relay.peer()]) {
    attack(peer);
    codes.push((await peer.end()).code);
  }
  return codes;
}

const hello = messageOf([[Type.hello, 'attacker-token', null, 0]], 0, 0);
const pong = [Type.pong];
const deep = (open: number, depth: number) => new Uint8Array([0x93, 1, 0, ...new Array(depth).fill(open)]);

const broken: Readonly<Record<string, Uint8Array>> = {
  'nothing at all': new Uint8Array(0),
  'one byte': new Uint8Array([0x93]),
  'a list that is cut off': hello.slice(0, -1),
  'a list with more behind it': new Uint8Array([...hello, 0]),
  'no list': theirs('hello'),
  'a number': theirs(7),
  'an empty list': theirs([]),
  'no numbers': theirs([[Type.pong]]),
  'texts for numbers': theirs(['1', '0', pong]),
  'negative numbers': theirs([-1, 0, pong]),
  'broken numbers': theirs([1.5, 0, pong]),
  'numbers beyond 2^53': theirs([2n ** 60n, 0n, pong]),
  'a map': theirs({ 0: 1, 1: 0 }),
  'a map for a frame': theirs([1, 0, { type: 4 }]),
  'a frame that is none': theirs([1, 0, 4]),
  'an empty frame': theirs([1, 0, []]),
  'a frame with too many parts': theirs([1, 0, [Type.pong, 1]]),
  'a frame with too few parts': theirs([1, 0, [Type.open, 1]]),
  'a text where bytes belong': theirs([1, 0, [Type.request, 1, 'server', 'text']]),
  'bytes where a text belongs': theirs([1, 0, [Type.request, 1, bytes('server'), bytes('x')]]),
  'a list where bytes belong': theirs([1, 0, [Type.request, 1, 'server', [1, 2]]]),
  'nil where a text belongs': theirs([1, 0, [Type.open, 1, 1, null, null]]),
  'a text that is no UTF-8': new Uint8Array([0x93, 1, 0, 0x95, Type.open, 1, 1, 0xa2, 0xff, 0xfe, 0xa0]),
  'a date': theirs([1, 0, [Type.cancel, new Date()]]),
  'lists in lists': deep(0x91, 100_000),
  'wide lists in lists': deep(0xdd, 100_000),
  'maps in maps': deep(0x81, 100_000),
  'a list of four thousand million': new Uint8Array([
    0x93,
    1,
    0,
    0x94,
    Type.send,
    1,
    1,
    0xdd,
    255,
    255,
    255,
    255,
  ]),
  'bytes of four thousand million': new Uint8Array([
    0x93,
    1,
    0,
    0x94,
    Type.request,
    1,
    0xa1,
    65,
    0xc6,
    255,
    255,
    255,
    255,
  ]),
  'a text of four thousand million': new Uint8Array([
    0x93,
    1,
    0,
    0x92,
    Type.cancel,
    0xdb,
    255,
    255,
    255,
    255,
  ]),
  'more items than its bytes could mean': theirs([
    1,
    0,
    [Type.send, 1, 1, new Array(20_000).fill(new Uint8Array(0))],
  ]),
  'the extension of no meaning': new Uint8Array([0x93, 1, 0, 0xd4, 1, 1]),
  'the byte of no meaning': new Uint8Array([0x93, 1, 0, 0xc1]),
};

it.each(Object.entries(broken))('closes with 4400 at %s', async (_, message) => {
  const relay = await besieged();
  await relay.meanwhile(async () => {
    expect(await ends(relay, (peer) => peer.sendBytes(message))).toEqual([4400, 4400]);
  });
});

const types = [0, 6, 9, 14, 25, 34, 127, 255, 2 ** 32, ...[2, 12, 13, 22, 23, 24, 32, 33]];

it.each(types)('closes with 4400 at a frame of type %d, unknown or of relays alone', async (type) => {
  const relay = await besieged();
  await relay.meanwhile(async () => {
    for (const frame of [[type], [type, 1, 1, 'x'], [type, 1, bytes('x')], [type, 1, [bytes('x')]]]) {
      expect(await ends(relay, (peer) => peer.sendBytes(theirs([1, 0, frame])))).toEqual([4400, 4400]);
    }
  });
});

it('closes with 4400 at a text', async () => {
  const relay = await besieged();
  await relay.meanwhile(async () => {
    for (const text of ['', 'hello', JSON.stringify([0, 0, [1, null, null, 0]])]) {
      expect(await ends(relay, (peer) => peer.socket.send(text))).toEqual([4400, 4400]);
    }
  });
});

it('closes with 4406 who speaks another protocol, or none', async () => {
  const relay = await besieged();
  await relay.meanwhile(async () => {
    for (const protocol of ['frond.v2', 'mqtt', SUBPROTOCOL.toUpperCase(), undefined]) {
      const peer = await relay.dial({ protocol });
      expect((await peer.end()).code).toBe(4406);
    }
  });
});

it('takes a frame that is exactly at the limit, and closes with 1009 at one byte more', async () => {
  const maxFrame = 100_000;
  const relay = await besieged({ limits: { maxFrame } });
  await relay.meanwhile(async () => {
    const peer = await relay.peer();
    await peer.openCalls();
    const call = (size: number) => {
      const fields = { client: `${peer.id}/${size}`, function: 'server.upper' };
      const bare = envelope({ ...fields, payload: new Uint8Array(size - 100) }).length;
      return envelope({ ...fields, payload: new Uint8Array(2 * size - 100 - bare).fill(120) });
    };
    const exact = call(maxFrame);
    expect(exact.length).toBe(maxFrame);
    peer.send([Type.send, 1, 1, [exact]]);
    expect((await peer.answer(`${peer.id}/${maxFrame}`)).status).toBe(0);
    peer.send([Type.send, 1, 1, [call(maxFrame + 1)]]);
    expect((await peer.end()).code).toBe(1009);
    const asking = await relay.peer();
    const value = (size: number) => {
      const fields = { client: asking.id, function: 'server.set', cache: 'k' };
      const bare = envelope({ ...fields, payload: new Uint8Array(size - 100) }).length;
      return envelope({ ...fields, payload: new Uint8Array(2 * size - 100 - bare) });
    };
    expect(value(maxFrame).length).toBe(maxFrame);
    expect(await asking.ask(1, 'server', value(maxFrame))).toEqual(bytes('k'));
    asking.send([Type.request, 2, 'server', value(maxFrame + 1)]);
    expect((await asking.end()).code).toBe(1009);
  });
});

it('closes with 1009 at a message that is over the limit, also when it comes in pieces', async () => {
  const relay = await besieged({ limits: { maxFrame: 10_000 } });
  await relay.meanwhile(async () => {
    expect(await ends(relay, (peer) => peer.sendBytes(new Uint8Array(200_000)))).toEqual([1009, 1009]);
    const inPieces = (peer: RawPeer) => {
      for (let i = 0; i < 30; i++) peer.socket.send(new Uint8Array(10_000), { fin: false });
    };
    expect(await ends(relay, inPieces)).toEqual([1009, 1009]);
  });
});
