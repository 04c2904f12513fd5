/** What is counted of all bytes that arrive, also of those that the WebSocket library does not count. */
import { PassThrough } from 'node:stream';
import { expect, it, vi } from 'vitest';
import { TIMED_PIECE_BYTES } from '../../../../../src/flow-control.ts';
import { countIntake, partsOf } from '../../../../../transports/relay/session/message-parts.ts';
import type { ServerSocket } from '../../../../../transports/relay/session/socket.ts';

const MAX_PAYLOAD = 1_048_576;

/** A stream that the library reads, before and after which this counts. */
function ground(goesOn: () => boolean = () => true) {
  const stream = new PassThrough();
  const events: string[] = [];
  const arrived = vi.fn((bytes: number, _most: number) => {
    events.push(`counted ${bytes}`);
    return goesOn();
  });
  const hasRead = vi.fn((_time: number) => {});
  const clock = vi.spyOn(performance, 'now');
  let time = 5_000;
  clock.mockImplementation(() => time);
  stream.on('data', (chunk: Buffer) => {
    events.push(`read ${chunk.length}`);
    time += chunk.length / 100_000;
  });
  countIntake(stream, { arrived, hasRead } as unknown as ServerSocket, MAX_PAYLOAD);
  const come = (size: number) => {
    stream.emit('data', Buffer.alloc(size));
  };
  return { stream, events, arrived, hasRead, come, restore: () => clock.mockRestore() };
}

it('a message has a fragment of at least 1,024 bytes on average, and chunks of 256', () => {
  expect(partsOf(MAX_PAYLOAD)).toEqual({ maxFragments: 1_024, maxBufferedChunks: 4_096 });
  expect(partsOf(MAX_PAYLOAD + 1)).toEqual({ maxFragments: 1_025, maxBufferedChunks: 4_097 });
});

it('counts each piece once the library has read it, with the most that one message may take', () => {
  const { events, arrived, come, restore } = ground();
  come(10);
  come(20);
  expect(events).toEqual(['read 10', 'counted 10', 'read 20', 'counted 20']);
  // The payload, 14 bytes before each fragment, and a chunk each of control frames and of the next message.
  expect(arrived.mock.lastCall).toEqual([20, 1_048_576 + 1_024 * 14 + 131_072]);
  restore();
});

it('says how long the reading of a large piece took, and of a small one nothing', () => {
  const { hasRead, come, restore } = ground();
  come(TIMED_PIECE_BYTES - 1);
  expect(hasRead).not.toHaveBeenCalled();
  come(TIMED_PIECE_BYTES);
  expect(hasRead).toHaveBeenCalledExactlyOnceWith(expect.closeTo(TIMED_PIECE_BYTES / 100_000, 6));
  come(2 * TIMED_PIECE_BYTES);
  expect(hasRead).toHaveBeenLastCalledWith(expect.closeTo((2 * TIMED_PIECE_BYTES) / 100_000, 6));
  restore();
});

it('reads no more where the socket says so, and leaves no listener', () => {
  const { stream, arrived, hasRead, come, restore } = ground(() => false);
  const before = stream.listenerCount('data');
  come(TIMED_PIECE_BYTES);
  expect([stream.isPaused(), before - stream.listenerCount('data')]).toEqual([true, 2]);
  come(10);
  expect([arrived.mock.calls.length, hasRead.mock.calls.length]).toEqual([1, 0]);
  restore();
});
