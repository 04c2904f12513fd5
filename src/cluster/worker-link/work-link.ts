import type { Bytes } from '../../protocol/bytes.ts';
import type { Outlet } from '../runtime/flow.ts';

/** A message that a worker is to work on. */
export interface Work {
  /** The Master's number for it; 0 when it gave none. */
  readonly lease: number;
  readonly frame: Bytes;
}

/** A worker's way to its Master: where work comes from and results go. */
export interface WorkLink<T extends Work = Work> extends Outlet<T>, AsyncIterator<readonly T[], undefined> {
  /** What is worked on now; undefined when it was given back meanwhile. */
  begin(work: T): Bytes | undefined;
  next(): Promise<IteratorResult<readonly T[], undefined>>;
  /** Takes no more work. What was not begun is given back, where the Master takes it. */
  stop(): void;
  /** Sends what is left, when nothing is worked on any more, and says good-bye. */
  leave(timeout: number): Promise<void>;
  /** After a failure: what was given over this link is for others, which nobody would know while the transport's link stays. */
  forsake(): Promise<void>;
}
