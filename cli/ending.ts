/** How commands end that run until they are told to. */
import { SignalHub } from '../src/async/signals.ts';
import { withinLimits } from '../src/async/timers.ts';
import type { CommandContext } from './command.ts';
import { showStatus } from './terminal/screen.ts';

/**
 * Milliseconds that calls under way get when a command ends, unless --drain says otherwise. Container runtimes kill after
 * 10 s: this leaves time to say what was lost.
 */
export const DRAIN = 5_000;

/** Settles as `promise` does, unless the command is told to end before: then it rejects with the reason. */
export function unlessAborted<T>(signal: AbortSignal, promise: Promise<T>): Promise<T> {
  const limits = { signal, signals: new SignalHub(), timeout: Number.POSITIVE_INFINITY };
  return withinLimits(limits, () => undefined, promise);
}

/** Something that a command runs until it is told to end. */
export interface Service {
  /** Text of the status line, asked for anew at each redraw. */
  readonly status: () => string;
  /** Rejects when the service ends by itself. Left out for one that does not. */
  readonly failed?: Promise<never>;
  /** What the end has to wait for, such as `finishing 3 calls`; undefined for nothing. */
  readonly remains?: () => string | undefined;
}

/**
 * Shows the status line until the command is told to end, and then says what is still waited for.
 * @throws what the service ended with, if it ends before.
 */
export async function untilToldToEnd(
  { options, screen, signal }: CommandContext,
  { status, failed = new Promise<never>(() => {}), remains = () => undefined }: Service,
): Promise<void> {
  const hide = showStatus(screen, status);
  try {
    await unlessAborted(signal, failed);
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    hide();
  }
  const text = remains();
  if (text !== undefined && !options.flag('json'))
    screen.line(`frond: ${text}; a second Ctrl-C ends at once`);
}
