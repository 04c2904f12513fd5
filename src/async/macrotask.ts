import { Fifo } from './fifo.ts';

/** Runs a function after the events that are waiting now: I/O, timers, input, painting. */
export type Macrotasks = (run: () => void) => void;

/**
 * The platform's quickest way to let events in between. A chain of promises alone would starve them, and
 * `setTimeout` waits 4 ms in browsers.
 */
export function macrotasks(): Macrotasks {
  const platform = globalThis as { setImmediate?: (run: () => void) => void };
  if (typeof platform.setImmediate === 'function') {
    const { setImmediate } = platform;
    return (run) => setImmediate(run);
  }
  const queue = new Fifo<() => void>();
  const channel = new MessageChannel();
  channel.port1.onmessage = () => queue.shift()?.();
  return (run) => {
    queue.push(run);
    channel.port2.postMessage(null);
  };
}
