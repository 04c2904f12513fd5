/** The rest of a body that was refused: for how long and how far it is read, and what is left then. */
import { EventEmitter } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { readRest } from '../../../../../transports/relay/http/unwanted-body.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

function reading() {
  const request = new EventEmitter();
  const over = vi.fn();
  readRest(request as unknown as IncomingMessage, over);
  /** It is over, once, and nothing listens but for a late error. */
  const isOver = () => {
    expect([over.mock.calls.length, vi.getTimerCount()]).toEqual([1, 0]);
    expect(request.eventNames()).toEqual(['error']);
    request.emit('error', new Error('late'));
  };
  return { request, over, isOver };
}

it.each(['end', 'close'])('ends with its %s', (event) => {
  const { request, over, isOver } = reading();
  request.emit('data', Buffer.alloc(1_000));
  expect(over).not.toHaveBeenCalled();
  request.emit(event);
  isOver();
});

it('is read for two seconds', () => {
  const { request, over, isOver } = reading();
  vi.advanceTimersByTime(1_999);
  request.emit('data', Buffer.alloc(1));
  expect(over).not.toHaveBeenCalled();
  vi.advanceTimersByTime(1);
  isOver();
});

it('is read up to 16 MiB', () => {
  const { request, over, isOver } = reading();
  request.emit('data', { length: 16_777_216 });
  expect(over).not.toHaveBeenCalled();
  request.emit('data', { length: 1 });
  isOver();
});
