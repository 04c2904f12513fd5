import { describe, expect, it } from 'vitest';
import { EnvelopeCodec } from '../../../src/protocol/envelope.ts';
import { readPlain } from '../../../src/protocol/envelope-plain.ts';
import { palmMessage } from '../../../src/protocol/message.ts';
import { encodeMetadata, readMetadata, withMetadata } from '../../../src/protocol/metadata.ts';
import {
  encodeProgress,
  isProgressTopic,
  ownProgressField,
  progressField,
  progressFrom,
  progressName,
  progressTopic,
  readProgress,
} from '../../../src/protocol/progress.ts';
import { bytes } from '../../support/bytes.ts';

const bytesOf = (...parts: Uint8Array[]) => new Uint8Array(parts.flatMap((part) => [...part]));

describe('the field that asks for progress', () => {
  it('is number 1006 with a name, as protobuf writes it', () => {
    expect([...progressField('1a')]).toEqual([0xf2, 0x3e, 2, 0x31, 0x61]);
    expect(progressName(progressField('1a'))).toBe('1a');
    expect(progressName(new Uint8Array(0))).toBeUndefined();
  });

  it.each(['', 'A', 'a~', 'x'.repeat(17), '../a', 'é'])('with the name %j is refused', (name) => {
    const message = 'a call asks for progress under a name that is not acceptable';
    const error = expect.objectContaining({ code: 'PROTOCOL', message });
    expect(() => progressName(progressField(name))).toThrow(error);
    expect(() => ownProgressField(progressField(name))).toThrow(error);
    // The second of two is as bad as the first, whatever it is.
    for (const second of [name, '7'])
      expect(() => progressName(bytesOf(progressField('7'), progressField(second)))).toThrow(error);
  });

  it('has a name of up to 16 letters and digits', () => {
    for (const name of ['0', 'z9', 'x'.repeat(16)]) expect(progressName(progressField(name))).toBe(name);
  });

  it('is found beside metadata, and leaves it alone', () => {
    const metadata = encodeMetadata({ lang: 'de' });
    const both = withMetadata(progressField('7'), metadata);
    expect(progressName(both)).toBe('7');
    expect([...ownProgressField(both)]).toEqual([...progressField('7')]);
    expect(readMetadata(both)).toEqual({ lang: 'de' });
    expect(progressName(metadata)).toBeUndefined();
    expect(ownProgressField(metadata).length).toBe(0);
  });

  it('stays in a call that a relay reads, in order, and other unknown fields do not', () => {
    const codec = new EnvelopeCodec();
    const [progress, metadata] = [progressField('7'), encodeMetadata({ lang: 'de' })];
    const tidy = codec
      .encode(palmMessage({ client: 'a/1', unknown: withMetadata(progress, metadata) }))
      .slice();
    expect(readPlain(codec, tidy, true).frame).toEqual(tidy);
    const other = new Uint8Array([0xc2, 0x3f, 1, 65]);
    const mixed = new Uint8Array([...other, ...metadata, ...progress]);
    const { message, frame } = readPlain(
      codec,
      codec.encode(palmMessage({ client: 'a/1', unknown: mixed })),
      true,
    );
    expect(frame).toEqual(tidy);
    expect(message.unknown).toEqual(withMetadata(progress, metadata));
    expect(readPlain(codec, tidy).message.unknown.length).toBe(0);
    const twice = new Uint8Array([...progress, ...progress]);
    expect(() =>
      readPlain(codec, codec.encode(palmMessage({ client: 'a/1', unknown: twice })), true),
    ).toThrow('comes twice');
  });
});

describe('a topic of progress', () => {
  it('begins as those of its client, and ends as no other', () => {
    expect(progressTopic('relay/4/1', '2')).toBe('relay/4/2~');
    expect(isProgressTopic('relay/4/2~')).toBe(true);
    for (const topic of ['relay/4/2', 'server', '', '~/1']) expect(isProgressTopic(topic)).toBe(false);
  });
});

describe('the payload', () => {
  it('may say that nothing is done, or all, or that there is nothing to do', () => {
    for (const [done, total] of [
      [0, 10],
      [10, 10],
      [0, 0],
      [0, undefined],
    ] as const)
      expect(progressFrom(done, total, undefined)).toEqual({ done, total, note: undefined });
    expect(progressFrom(10, 9, undefined)?.total).toBeUndefined();
    for (const total of [-1, Number.POSITIVE_INFINITY, Number.NaN, '10'])
      expect(progressFrom(0, total, undefined)).toEqual({ done: 0, total: undefined, note: undefined });
  });

  it('is JSON, and holds what is known', () => {
    expect(new TextDecoder().decode(encodeProgress({ done: 1, total: undefined, note: 'a' }))).toBe(
      '{"done":1,"note":"a"}',
    );
    const whole = { done: 0.5, total: 1, note: 'half' };
    expect(readProgress(encodeProgress(whole))).toEqual(whole);
  });

  it.each(['', '0', 'null', '[]', '{}', '{"done":"1"}', '{"done":-1}', '{"done":1e999}', '\xff'])(
    'of a stranger that is %j says nothing',
    (text) => {
      expect(readProgress(bytes(text))).toBeUndefined();
    },
  );

  it('of a stranger is as one of a function', () => {
    expect(readProgress(bytes('{"done":3,"total":2,"note":7,"more":1}'))).toEqual({ done: 3 });
    expect(progressFrom(1, 1, 'x'.repeat(201))?.note).toBe(`${'x'.repeat(200)}…`);
  });
});
