/** Envelopes that readers of protobuf may take differently: a server gets what the relay judged, in the relay's writing, or nothing. */
import { expect, it } from 'vitest';
import type { Bytes } from '../../../src/protocol/bytes.ts';
import { EnvelopeCodec } from '../../../src/protocol/envelope.ts';
import { type PalmMessage, palmMessage } from '../../../src/protocol/message.ts';
import {
  encodeWorkRequest,
  MOST_ITEMS,
  readWorkRequest,
  WorkKind,
} from '../../../src/protocol/work-request.ts';
import { memory } from '../../../transports/memory/index.ts';
import * as CloseCode from '../../../transports/relay-protocol/close-codes.ts';
import { Type } from '../../../transports/relay-protocol/frames.ts';
import { testRelays } from '../../support/besieged-relay.ts';
import { bytes } from '../../support/bytes.ts';
import { bytesField, join, varint, varintField } from '../../support/envelope-frames.ts';
import { envelope } from '../../support/relay-peer.ts';
import { startFakeServer } from './fake-server.ts';

const besieged = testRelays();
const codec = new EnvelopeCodec();

async function scene() {
  const transport = memory();
  const fake = await startFakeServer(transport, ['fake.upper']);
  const relay = await besieged({ transport, servers: { fake: fake.target } });
  relay.own(fake);
  const peer = async () => {
    const own = await relay.peer();
    own.send([Type.open, 1, 1, 'fake', '']);
    await own.next((frame) => frame[0] === Type.ready && frame[1] === 1);
    return own;
  };
  return { relay, fake, peer };
}

/** What stands behind the fields of a call or request that may pass, or before them. */
const strange: Readonly<Record<string, (good: Bytes) => Bytes>> = {
  'a function under a longer tag': (good) => join(good, bytesField(4, 'fake.upper', { tag: 1 })),
  'a function under a longer tag, before': (good) => join(bytesField(4, 'fake.secret', { tag: 1 }), good),
  'a client under a longer tag': (good) => join(bytesField(2, 'other/1', { tag: 1 }), good),
  'a longer length': (good) => join(good, bytesField(5, 'k', { length: 1 })),
  'a longer number': (good) => join(good, varintField(1004, 1, { value: 1 })),
  'a number beyond 64 bits': (good) => join(good, varint(1004 << 3), new Array(9).fill(0xff), [0x7f]),
  'a second function': (good) => join(bytesField(4, 'fake.secret'), good),
  'the same function again': (good) => join(good, bytesField(4, codec.decode(good).function)),
  'a second payload': (good) => join(good, bytesField(6, 'other')),
  'a stage as bytes': (good) => join(good, bytesField(3, new Uint8Array([1]))),
  'a function as a number': (good) => join(good, varintField(4, 1)),
  'a group': (good) => join(good, varint((9 << 3) | 3), bytesField(4, 'fake.secret'), varint((9 << 3) | 4)),
  'a field number that wraps': (good) => join(good, bytesField(2n ** 29n + 4n, 'fake.secret')),
};

it.each(Object.entries(strange))('closes with 4400 who calls with %s', async (_, spoil) => {
  const { relay, fake, peer } = await scene();
  await relay.meanwhile(async () => {
    const own = await peer();
    const good = envelope({ client: `${own.id}/1`, function: 'fake.upper', payload: bytes('x') });
    own.send([Type.send, 1, 1, [spoil(good)]]);
    expect((await own.end()).code).toBe(CloseCode.badFrame);
    expect(fake.calls).toEqual([]);
  });
});

it('passes on calls that are only written in another way, in its own writing', async () => {
  const { relay, fake, peer } = await scene();
  await relay.meanwhile(async () => {
    const own = await peer();
    const client = `${own.id}/1`;
    const good = envelope({ client, function: 'fake.upper', payload: bytes('x') });
    const tidied = [
      good,
      join(bytesField(6, 'x'), bytesField(4, 'fake.upper'), bytesField(2, client)),
      join(bytesField(1, ''), good.subarray(0), bytesField(5, ''), varintField(3, 0)),
      join(good, varintField(7, 7), bytesField(900, bytesField(4, 'fake.secret'))),
      join(bytesField(19_000, 'x'), good, varintField(2 ** 29 - 1, 7)),
    ];
    own.send([Type.send, 1, 1, tidied]);
    await fake.came('calls', tidied.length);
    expect(fake.calls).toEqual(tidied.map(() => good));
  });
});

it.each(Object.entries(strange))('fails requests with %s', async (_, spoil) => {
  const { relay, fake, peer } = await scene();
  await relay.meanwhile(async () => {
    const own = await peer();
    const requests: readonly Partial<PalmMessage>[] = [
      { function: 'fake.get', payload: bytes('k') },
      { function: 'fake.set', cache: 'k', payload: bytes('v') },
      { function: '_.work', cache: '1', stage: 1, features: 10 },
    ];
    // What else the relay asks by itself is not of this client.
    const before = () => fake.requests.filter((frame) => codec.decode(frame).client.startsWith(own.id));
    for (const [index, fields] of requests.entries()) {
      const spoilt = spoil(envelope({ client: own.id, ...fields }));
      expect(await own.ask(index, 'fake', spoilt)).toBe('PROTOCOL');
    }
    expect(before()).toEqual([]);
  });
});

it('passes on what a server sends with what it does not know', async () => {
  const { relay, fake, peer } = await scene();
  await relay.meanwhile(async () => {
    const own = await peer();
    own.send([Type.open, 2, 2, 'fake', `${own.id}/`]);
    await own.next((frame) => frame[0] === Type.ready && frame[1] === 2);
    const client = `${own.id}/1`;
    const answer = join(envelope({ client, function: 'fake.upper', payload: bytes('X') }), varintField(7, 7));
    await fake.publish(client, answer);
    const [, , deliveries] = await own.next((frame) => frame[0] === Type.results);
    expect(deliveries).toEqual([{ topic: client, frames: [answer] }]);
  });
});

it('passes on requests without what it does not know, in its own writing', async () => {
  const { relay, fake, peer } = await scene();
  await relay.meanwhile(async () => {
    const own = await peer();
    const good = envelope({ client: own.id, function: 'fake.set', cache: 'k', payload: bytes('v') });
    await own.ask(1, 'fake', join(bytesField(900, 'x'), good, varintField(7, 7), bytesField(1, '')));
    expect(fake.requests).toContainEqual(good);
  });
});

it('passes on no more of the results in a request for work than their payload and status', async () => {
  const { relay, fake, peer } = await scene();
  await relay.meanwhile(async () => {
    const own = await peer();
    const madeUp = {
      pipeline: 'p',
      client: 'other/1',
      stage: 7,
      function: 'next.secret',
      cache: 'k',
      features: 5,
      ordinal: 9,
    };
    const result = { payload: bytes('x'), status: 1, error: 'why', errorName: 'Oops' };
    const frame = envelope({ ...madeUp, ...result });
    // A worker gives back what it was given, also fields that are for nobody to understand.
    const group = join(varint((9 << 3) | 3), varint((9 << 3) | 4));
    const odd = join(
      frame,
      group,
      bytesField(4, 'fake.secret', { tag: 1 }),
      varintField(4, 1),
      bytesField(6, 'y'),
    );
    const items = [
      { lease: 1, kind: WorkKind.open, frame },
      { lease: 2, kind: WorkKind.done, frame: odd },
      { lease: 3, kind: WorkKind.done, frame: new Uint8Array(0) },
      { lease: 4, kind: WorkKind.returned, frame },
    ];
    const worker = `${own.id}/w`;
    const request = { worker, name: 'n', sequence: 3, want: 2, leaves: false, isAway: false, items };
    await own.ask(1, 'fake', encodeWorkRequest(codec, request));

    const sent = fake.requests.filter((each) => codec.decode(each).client === worker);
    expect(sent).toHaveLength(1);
    expect(readWorkRequest(codec.decode(sent[0] ?? new Uint8Array(0)))).toEqual({
      ...request,
      items: [
        { lease: 1, kind: WorkKind.open, frame: envelope(result) },
        { lease: 2, kind: WorkKind.done, frame: envelope({ ...result, payload: bytes('y') }) },
        { lease: 3, kind: WorkKind.done, frame: new Uint8Array(0) },
        { lease: 4, kind: WorkKind.returned, frame: new Uint8Array(0) },
      ],
    });
  });
});

it.each([
  ['a result that is no envelope', join(varint(4), varint(1), [0xff]), 'PROTOCOL'],
  ['an item that is cut off', join(varint(4), varint(9), [0]), 'PROTOCOL'],
  ['an item of a fourth kind', join(varint(7), varint(0)), 'PROTOCOL'],
  [
    'more items than a request has',
    new Uint8Array(2 * (MOST_ITEMS + 1)).map((_, i) => (i % 2 === 0 ? 5 : 0)),
    'TOO_LARGE',
  ],
])('fails a request for work with %s', async (_, payload, code) => {
  const { relay, fake, peer } = await scene();
  await relay.meanwhile(async () => {
    const own = await peer();
    const client = `${own.id}/w`;
    const frame = codec.encode(
      palmMessage({ client, function: '_.work', cache: '1', payload, features: 10 }),
    );
    expect(await own.ask(1, 'fake', frame)).toBe(code);
    expect(fake.requests.filter((each) => codec.decode(each).client === client)).toEqual([]);
  });
});
