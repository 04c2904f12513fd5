/** Names that are those of what every object has: they stand for nothing, and change nothing. */
import { afterEach, expect, it } from 'vitest';
import { Type } from '../../../transports/relay-protocol/frames.ts';
import { testRelays } from '../../support/besieged-relay.ts';
import { theirs } from '../../support/broken.ts';
import { bytes, textOf } from '../../support/bytes.ts';
import { envelope } from '../../support/relay-peer.ts';

const besieged = testRelays();
const names = [
  '__proto__',
  'constructor',
  'prototype',
  'toString',
  'hasOwnProperty',
  'valueOf',
  '__defineGetter__',
];

afterEach(() => {
  const plain = {} as Record<string, unknown>;
  expect([plain['x'], plain['polluted'], plain['isAdmin']]).toEqual([undefined, undefined, undefined]);
  expect(Object.keys(Object.prototype)).toEqual([]);
});

it.each(names)('takes %s for no server, function, token or session', async (name) => {
  const relay = await besieged();
  await relay.meanwhile(async () => {
    const peer = await relay.dial();
    expect((await peer.greet('attacker-token', name))[3]).toBe(false);
    peer.send([Type.open, 9, 1, name, ''], [Type.open, 10, 2, name, `${peer.id}/`]);
    for (const channel of [9, 10]) {
      expect((await peer.next((own) => own[0] === Type.refused && own[1] === channel))[2]).toBe('FORBIDDEN');
    }
    await peer.openCalls();
    expect((await peer.call('1', `server.${name}`)).status).not.toBe(0);
    expect((await peer.call('2', `${name}.upper`)).status).toBe(4);
    expect((await peer.call('3', `server.upper ${name}.${name}`)).status).toBe(4);
    expect((await peer.call(name, 'server.upper', { pipeline: name, cache: name })).status).toBe(0);
    const stranger = await relay.dial();
    stranger.sendLone([Type.hello, name, null, 0]);
    expect((await stranger.end()).code).toBe(4401);
  });
});

it.each(names)('takes %s for a key like any other', async (name) => {
  const relay = await besieged();
  await relay.meanwhile(async () => {
    const client = await relay.connect('attacker-token');
    expect(await client.get(name)).toBeUndefined();
    expect(await client.delete(name)).toBe(false);
    await client.set(bytes('x'), name);
    expect(textOf((await client.get(name)) ?? bytes(''))).toBe('x');
    expect(await client.delete(name)).toBe(true);
  });
});

it('takes no worker that is called so for another', async () => {
  const relay = await besieged();
  await relay.meanwhile(async () => {
    const peer = await relay.peer();
    for (const [index, name] of names.entries()) {
      const frame = envelope({
        client: `${peer.id}/${name}`,
        pipeline: name,
        function: '_.work',
        cache: '1',
        features: 6,
      });
      // A Server gives no work, and says so.
      expect(await peer.ask(index, 'server', frame)).toBeInstanceOf(Uint8Array);
    }
  });
});

it('reads no map, whatever its keys', async () => {
  const relay = await besieged();
  const polluting = JSON.parse('{"__proto__": {"polluted": true, "x": 1}, "isAdmin": true}') as object;
  const maps = [
    polluting,
    { constructor: { prototype: { polluted: true } } },
    new Map([['__proto__', { x: 1 }]]),
  ];
  await relay.meanwhile(async () => {
    for (const map of maps) {
      for (const message of [
        map,
        [1, 0, map],
        [1, 0, [Type.open, 1, 1, map, '']],
        [0, 0, [Type.hello, map, null, 0]],
      ]) {
        for (const peer of [await relay.dial(), await relay.peer()]) {
          peer.sendBytes(theirs(message));
          expect((await peer.end()).code).toBe(4400);
        }
      }
    }
  });
});
