import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { msgpack } from '../../../src/protocol/msgpack.ts';
import { bytes, isBytes, json, text } from '../../../src/protocol/payload.ts';
import { bytes as utf8 } from '../../support/bytes.ts';

describe('bytes', () => {
  it('are Uint8Arrays, of another realm too, and pass as they are', () => {
    for (const own of [
      new Uint8Array([1]),
      Buffer.from('x'),
      runInNewContext('new Uint8Array([1])') as Uint8Array,
    ]) {
      expect(isBytes(own)).toBe(true);
      expect(bytes().encode(own)).toBe(own);
    }
    const payload = utf8('x');
    expect(bytes().decode(payload)).toBe(payload);
  });

  it.each([
    'text',
    null,
    undefined,
    [1],
    {},
    new Uint16Array(1),
    new DataView(new ArrayBuffer(1)),
    new ArrayBuffer(1),
    { [Symbol.toStringTag]: 'Uint8Array' },
  ])('are nothing else', (value) => {
    expect(isBytes(value)).toBe(false);
    expect(() => bytes().encode(value as never)).toThrow(TypeError);
  });

  it('that are a string are refused with the codec that takes strings', () => {
    expect(() => bytes().encode('text' as never)).toThrow(
      new TypeError('a payload must be a Uint8Array, not "text"; client.with(text()) takes strings'),
    );
  });
});

describe('codecs', () => {
  it('bear the names of their formats', () => {
    expect([bytes(), text(), json(), msgpack()].map(({ name }) => name)).toEqual([
      'Uint8Array',
      'text',
      'JSON',
      'MessagePack',
    ]);
  });

  it('of text take strings alone, and refuse what is not UTF-8', () => {
    expect(text().encode('é')).toEqual(utf8('é'));
    expect(text().decode(utf8('é'))).toBe('é');
    expect(() => text().encode(5 as never)).toThrow(
      new TypeError('a payload of text() must be a string, not 5'),
    );
    expect(() => text().decode(new Uint8Array([0xff]))).toThrow(
      expect.objectContaining({ code: 'PROTOCOL' }),
    );
  });

  it('of JSON refuse what JSON cannot hold', () => {
    expect(json().encode({ a: 'é' })).toEqual(utf8('{"a":"é"}'));
    expect(json().decode(utf8('{"a":1}'))).toEqual({ a: 1 });
    expect(() => json().encode(undefined)).toThrow(
      new TypeError('JSON cannot hold a value of type undefined'),
    );
    expect(() => json().encode(() => {})).toThrow(new TypeError('JSON cannot hold a value of type function'));
    expect(() => json().decode(utf8('{'))).toThrow(SyntaxError);
  });

  it('of MessagePack give each value bytes of its own', () => {
    const codec = msgpack<unknown>();
    const first = codec.encode({ a: 1 });
    const kept = first.slice();
    codec.encode({ b: 2 });
    expect(first).toEqual(kept);
    expect(codec.decode(first)).toEqual({ a: 1 });
    // Maps are plain objects, and objects of one shape share no record.
    for (let i = 0; i < 3; i++) expect([...codec.encode({ a: 1 })]).toEqual([0x81, 0xa1, 0x61, 0x01]);
    expect(codec.decode(codec.encode(2n ** 60n))).toBe(2n ** 60n);
    expect(codec.decode(codec.encode([undefined]))).toEqual([null]);
    const large = Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`k${i}`, i]));
    expect([...codec.encode(large).subarray(0, 3)]).toEqual([0xde, 0, 20]);
  });
});
