import type { IncomingMessage } from 'node:http';
import { startTimer } from '../../../src/async/timers.ts';

/** Milliseconds that the rest of a refused body is read for, and bytes of it. */
const TIME = 2_000;
const MOST_BYTES = 16_777_216;

/**
 * Reads the rest of a body that nobody wants, for a while, and calls `over` then. A connection that is closed before all was read is reset: a
 * caller that sends first and reads then gets no answer.
 */
export function readRest(request: IncomingMessage, over: () => void): void {
  let left = MOST_BYTES;
  const end = () => {
    stop();
    request.off('data', take).off('end', end).off('close', end);
    over();
  };
  const take = ({ length }: Buffer) => {
    left -= length;
    if (left < 0) end();
  };
  const stop = startTimer(TIME, end);
  // An error that nobody listens to would end the process.
  request.on('error', () => {});
  request.on('data', take).on('end', end).on('close', end);
}
