import { msgpack } from '../../../../src/protocol/msgpack.ts';
import { json, text } from '../../../../src/protocol/payload.ts';
import { bytes } from '../../../support/bytes.ts';
import { claim, claimBounded, claimPlain, claimSame } from '../claims.ts';
import type { Target } from '../target.ts';

const CODECS = [text(), json<unknown>(), msgpack<unknown>()];

const VALUES: readonly unknown[] = [
  { a: [1, -1, 1.5, true, null, 'é'], b: { c: 2 ** 40 } },
  [2n ** 60n, new Uint8Array(3), new Date(0)],
  'text',
];

/** The payload codecs. Invalid payloads may throw any Error: the call fails with it. */
export const target: Target = {
  longest: 1_024,
  seeds: () => [
    ...VALUES.map((value) => msgpack().encode(value)),
    ...['{"a":[1,2,{"b":null}],"__proto__":{"x":1}}', '[[[[]]]]', '"\\ud800"', 'é'].map(bytes),
    new Uint8Array([0x81, 0xa9, ...bytes('__proto__'), 0x81, 0xa1, 0x78, 0x01]),
    new Uint8Array([0xdd, 0xff, 0xff, 0xff, 0xff]),
    new Uint8Array([0xdf, 0x00, 0xff, 0xff, 0xff]),
  ],
  words: [
    '__proto__',
    'constructor',
    'prototype',
    '\xdd\x7f\xff\xff\xff',
    '\xdf\x00\xff\xff\xff',
    '\xc7\x0c\xff',
    '\xd4\x72',
    '\xd6\xff',
  ],
  check(data) {
    for (const codec of CODECS) {
      let value: unknown;
      try {
        // A copy: msgpackr attaches a DataView to the bytes that it is given.
        value = codec.decode(data.slice());
      } catch (error) {
        claim(error instanceof Error, `${codec.name} threw something other than an Error`);
        continue;
      }
      claimBounded(value, data, 128);
      if (codec.name === 'text')
        claimSame(codec.encode(value as string), data, 'a string changes when it is encoded again');
      if (codec.name === 'JSON') claimPlain(value);
    }
  },
};
