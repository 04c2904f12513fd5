/** Messages of several parts, each limit at its value and one beyond it; and subscriptions that are messages. */
import { describe, expect, it } from 'vitest';
import { MORE } from '../../../../transports/zmtp/frame-reader.ts';
import { gatherMessage, readSubscription, topicKey, topicOfKey } from '../../../../transports/zmtp/gather.ts';
import type { Link, LinkRole } from '../../../../transports/zmtp/link.ts';
import { resolveOptions, type ZmtpOptions } from '../../../../transports/zmtp/options.ts';
import { OwnBytes } from '../../../../transports/zmtp/own-bytes.ts';
import { bytes, textOf } from '../../../support/bytes.ts';

const violation = (message: string) =>
  expect.objectContaining({
    name: 'Violation',
    code: 'TOO_LARGE',
    message: expect.stringContaining(message),
  });

function ground(options: ZmtpOptions = {}) {
  const link = { parts: [], partBytes: 0 } as unknown as Link;
  const role = { settings: resolveOptions(options), own: new OwnBytes() } as unknown as LinkRole;
  /** Gives a frame that lies in a larger buffer. */
  const give = (frame: Uint8Array, more = false, isOwn = false) => {
    if (isOwn) return gatherMessage(link, role, more ? MORE : 0, frame, 0, frame.length, true);
    const around = new Uint8Array(frame.length + 5);
    around.set(frame, 3);
    return gatherMessage(link, role, more ? MORE : 0, around, 3, 3 + frame.length, false);
  };
  return { link, give };
}

describe('a message', () => {
  it('has its parts in order, which belong to who takes it', () => {
    const { link, give } = ground();
    expect(give(bytes('a'), true)).toBeUndefined();
    expect(give(bytes('bc'), true)).toBeUndefined();
    const own = bytes('own');
    const parts = give(own, false, true) ?? [];
    expect(parts.map(textOf)).toEqual(['a', 'bc', 'own']);
    expect(parts[2]).toBe(own);
    expect([link.parts, link.partBytes]).toEqual([[], 0]);
    const next = give(bytes('next'));
    expect(next?.map(textOf)).toEqual(['next']);
    expect(parts).toHaveLength(3);
  });

  it('has as many bytes as maxMessageSize, all parts together, and not one more', () => {
    for (const last of [4, 5]) {
      const { give } = ground({ maxMessageSize: 10 });
      give(new Uint8Array(3), true);
      give(new Uint8Array(3), true);
      const end = () => give(new Uint8Array(last));
      if (last === 4) expect(end()).toHaveLength(3);
      else expect(end).toThrow(violation('a message of more than 10 bytes'));
    }
    const { give } = ground({ maxMessageSize: 10 });
    give(new Uint8Array(10), true);
    // It is refused before it is complete.
    expect(() => give(new Uint8Array(1), true)).toThrow(violation('a message of more than 10 bytes'));
  });

  it('has any number of bytes where there is no limit', () => {
    const { give } = ground({ maxMessageSize: -1 });
    give(new Uint8Array(1), true);
    expect(give(new Uint8Array(1))).toHaveLength(2);
  });

  it('counts its bytes anew after one of a single part', () => {
    const { give } = ground({ maxMessageSize: 10 });
    for (let i = 0; i < 3; i++) {
      expect(give(new Uint8Array(10))).toHaveLength(1);
      give(new Uint8Array(5), true);
      expect(give(new Uint8Array(5))).toHaveLength(2);
    }
  });

  it('has as many parts as maxMessageParts, and not one more', () => {
    const { give } = ground({ maxMessageParts: 3 });
    for (let i = 0; i < 2; i++) give(bytes(''), true);
    expect(give(bytes(''))).toHaveLength(3);
    for (let i = 0; i < 3; i++) give(bytes(''), true);
    expect(() => give(bytes(''))).toThrow(violation('a message of more than 3 parts'));
  });

  it('keeps nothing of a part that is too large, or too many', () => {
    for (const options of [{ maxMessageSize: 10 }, { maxMessageParts: 2 }]) {
      const { link, give } = ground(options);
      for (let i = 0; i < 2; i++) give(new Uint8Array(5), true);
      for (const more of [true, false]) {
        expect(() => give(new Uint8Array(1), more)).toThrow(violation('a message of more than'));
        expect([link.parts.length, link.partBytes]).toEqual([2, 10]);
      }
    }
  });
});

describe('a subscription that is a message', () => {
  it('begins with 1 for its start and 0 for its end, and its topic follows', () => {
    const read = (text: string) => {
      const around = Buffer.from(`##${text}##`, 'latin1');
      const found = readSubscription(around, 2, 2 + text.length);
      return found && [Buffer.from(found.topic).toString('latin1'), found.isOn];
    };
    expect(read('\x01topic')).toEqual(['topic', true]);
    expect(read('\0topic')).toEqual(['topic', false]);
    expect(read('\x01')).toEqual(['', true]);
    // What lies behind it is the next frame's.
    expect(readSubscription(Uint8Array.of(9, 1, 1), 1, 1)).toBeUndefined();
    for (const other of ['', '\x02topic', 'topic', '\xfftopic']) expect(read(other)).toBeUndefined();
  });
});

describe('the key of a topic', () => {
  it('has a character for each byte, and gives the topic again', () => {
    for (const topic of ['', 'plain/', 'é', '雨/€', '\x7f', '\x80', 'ÿ']) {
      const key = topicKey(bytes(topic));
      expect(key).toHaveLength(bytes(topic).length);
      expect(topicOfKey(key)).toBe(topic);
    }
  });
});
