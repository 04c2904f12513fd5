/** What a tap sees, that it harms no call, and what it may add to one. */
import { describe, expect, it, vi } from 'vitest';
import { palmMessage } from '../../src/protocol/message.ts';
import { encodeMetadata, readMetadata } from '../../src/protocol/metadata.ts';
import { guardTap, type Tap, type TapEvent } from '../../src/tap.ts';

function guarded(tap: Tap) {
  const logger = { debug: vi.fn(), info: vi.fn(), warning: vi.fn(), error: vi.fn() };
  return { guard: guardTap(tap, logger), logger };
}

describe('a tap', () => {
  it('sees what leaves and what comes', () => {
    const events: TapEvent[] = [];
    const { guard, logger } = guarded((event) => events.push(event));
    const message = palmMessage({ function: 's.f', payload: new Uint8Array([1]) });
    expect(guard.sent('db', 'd', message, 5)).toBeUndefined();
    expect(guard.received('sub', 'a', message, 6, 'c/1')).toBeUndefined();
    expect(guard.received('db', 'd', undefined, 7)).toBeUndefined();
    expect(events).toEqual([
      { direction: 'out', channel: 'db', address: 'd', topic: undefined, message, size: 5 },
      { direction: 'in', channel: 'sub', address: 'a', topic: 'c/1', message, size: 6 },
      { direction: 'in', channel: 'db', address: 'd', topic: undefined, message: undefined, size: 7 },
    ]);
    // What it gets are copies, which it may keep and change.
    const shown = events[0]?.message;
    shown?.payload.fill(9);
    if (shown !== undefined) shown.function = 'other';
    expect(message).toMatchObject({ function: 's.f', payload: new Uint8Array([1]) });
    expect(logger.warning).not.toHaveBeenCalled();
  });

  it('harms no call when it throws, and is told of at the 1st, 2nd and 4th time', () => {
    const { guard, logger } = guarded(() => {
      throw new Error('boom');
    });
    for (let i = 0; i < 5; i++) expect(guard.sent('push', 'a', palmMessage({}), 1)).toBeUndefined();
    expect(logger.warning.mock.calls).toEqual(Array(3).fill(['the tap threw', { reason: 'boom' }]));
  });

  it('may add metadata to a call that leaves, and to nothing else', () => {
    const events: TapEvent[] = [];
    const { guard } = guarded((event) => {
      events.push(event);
      event.addMetadata?.({ a: '1', b: '1' });
      event.addMetadata?.({ b: '2' });
    });
    const unknown = encodeMetadata({ lang: 'de' });
    const given = guard.sent('push', 'a', palmMessage({ unknown }), 1);
    expect(readMetadata(given ?? new Uint8Array())).toEqual({ lang: 'de', a: '1', b: '2' });
    expect(Object.keys(events[0] ?? {})).not.toContain('addMetadata');
    const message = palmMessage({ unknown });
    expect(guard.sent('db', 'd', message, 1)).toBeUndefined();
    guard.received('sub', 'a', message, 1);
    expect(events.slice(1).map(({ addMetadata }) => addMetadata)).toEqual([undefined, undefined]);
  });

  it('is told when what it adds cannot be read or written', () => {
    const { guard, logger } = guarded((event) => event.addMetadata?.({ 'NOT A NAME': '1' }));
    expect(guard.sent('push', 'a', palmMessage({}), 1)).toBeUndefined();
    expect(logger.warning).toHaveBeenCalledTimes(1);
  });
});
