/** The servers that read what this one publishes: each as long as its link is there, and what they lead to. */
import { describe, expect, it, vi } from 'vitest';
import { NextServers } from '../../../../src/cluster/runtime/next-servers.ts';
import { palmMessage } from '../../../../src/protocol/message.ts';
import type { RequestOrigin } from '../../../../src/transport.ts';
import { bytes } from '../../../support/bytes.ts';

function ground() {
  const changed = vi.fn(async () => {});
  const next = new NextServers(changed);
  const link = (own: object = {}) => {
    const gone: (() => void)[] = [];
    const origin: RequestOrigin = {
      link: own,
      onGone: (listener) => {
        gone.push(listener);
        return () => {};
      },
    };
    return {
      origin,
      gone,
      breaks: () => {
        for (const listener of gone) listener();
      },
    };
  };
  const note = (name: string, text: string, from = link()) => {
    const noting = next.note(palmMessage({ cache: name, payload: bytes(text) }), from.origin);
    return { ...from, noting };
  };
  return { next, changed, link, note };
}

const MESSAGES = {
  PROTOCOL: 'a next server needs a name, and the end of the pipeline or "?"',
  TOO_LARGE: 'a server has at most 256 next servers',
} as const;

const refuse = (note: () => unknown, code: keyof typeof MESSAGES) =>
  expect(note).toThrow(expect.objectContaining({ code, message: MESSAGES[code] }));

describe('a next server', () => {
  it('is known as long as its link is there', async () => {
    const { next, changed, note } = ground();
    expect([next.names, next.end]).toEqual([[], undefined]);
    const { noting, breaks } = note('second', 'last tcp://a');
    await noting;
    expect([next.names, next.end]).toEqual([['second'], { server: 'last', address: 'tcp://a' }]);
    expect(changed).toHaveBeenCalledTimes(1);
    breaks();
    expect([next.names, next.end]).toEqual([[], undefined]);
    expect(changed).toHaveBeenCalledTimes(2);
    breaks();
    expect(changed).toHaveBeenCalledTimes(2);
  });

  it('that speaks again over its link is the same one, and is listened for once', () => {
    const { next, changed, note, link } = ground();
    const own = link();
    note('second', '?', own);
    note('second', 'last tcp://a', own);
    expect([next.names, next.end, own.gone.length]).toEqual([
      ['second'],
      { server: 'last', address: 'tcp://a' },
      1,
    ]);
    expect(changed).toHaveBeenCalledTimes(2);
  });

  it('is named once, and its end is known while there is one alone', () => {
    const { next, note } = ground();
    note('a', '?');
    expect([next.names, next.end]).toEqual([['a'], undefined]);
    note('a', 'last tcp://a');
    const other = note('b', 'last tcp://a');
    expect([next.names, next.end]).toEqual([['a', 'b'], { server: 'last', address: 'tcp://a' }]);
    const third = note('b', 'other tcp://b');
    expect(next.end).toBeUndefined();
    third.breaks();
    other.breaks();
    expect([next.names, next.end?.address]).toEqual([['a'], 'tcp://a']);
  });

  it.each([
    ['', '?'],
    ['a.b', '?'],
    ['a b', '?'],
    ['a', ''],
    ['a', 'last'],
    ['a', ' tcp://a'],
    ['a', 'x'],
  ])('that says %j and %j is refused', (name, text) => {
    const { next, note, changed } = ground();
    refuse(() => note(name, text), 'PROTOCOL');
    expect([next.names, changed.mock.calls.length]).toEqual([[], 0]);
  });

  it('says up to 1,024 characters, in text', () => {
    const { next, note, link } = ground();
    const end = `last ${'x'.repeat(1_000)}`;
    note('n'.repeat(1_024 - end.length), end);
    refuse(() => note('n'.repeat(1_025 - end.length), end), 'PROTOCOL');
    expect(() =>
      next.note(palmMessage({ cache: 'a', payload: new Uint8Array([0xff]) }), link().origin),
    ).toThrow();
    expect(next.names).toHaveLength(1);
  });

  it('is one of 256 at most; those that are there may go on', () => {
    const { next, note } = ground();
    const first = note('n0', '?');
    for (let i = 1; i < 256; i++) note(`n${i}`, '?');
    refuse(() => note('n256', '?'), 'TOO_LARGE');
    expect(next.names).toHaveLength(256);
    note('n0', 'last tcp://a', first);
    first.breaks();
    note('n256', '?');
    expect(next.names).toHaveLength(256);
  });
});
