/** A tap that throws harms no call, and is told of once. */
import { expect, it, vi } from 'vitest';
import { palmMessage } from '../../src/protocol/message.ts';
import { guardTap } from '../../src/tap.ts';

it('passes each event on, and logs what the tap throws', () => {
  const logger = { debug: vi.fn(), info: vi.fn(), warning: vi.fn(), error: vi.fn() };
  const tap = vi.fn(() => {
    throw new Error('boom');
  });
  const event = {
    direction: 'out',
    channel: 'push',
    address: 'a',
    topic: undefined,
    message: palmMessage({ function: 's.f' }),
    size: 1,
  } as const;
  guardTap(tap, logger).sent('push', 'a', event.message, 1);
  expect(tap.mock.calls).toEqual([[event]]);
  expect(logger.warning).toHaveBeenCalledTimes(1);
});
