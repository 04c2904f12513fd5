/**
 * `frond/transport`: the contract that every transport keeps, and the helpers that every transport needs.
 * docs/guide/transports.md says what each verb does in each state; the suite of `frond/testing` tests it.
 */
export { BatchQueue, type ByteMark } from '../../src/async/batch-queue.ts';
export { Broadcast } from '../../src/async/broadcast.ts';
export { type Deferred, deferred, PendingReplies } from '../../src/async/deferred.ts';
export { harmless } from '../../src/async/harmless.ts';
export { Readiness } from '../../src/async/readiness.ts';
export { atMost, startTimer } from '../../src/async/timers.ts';
export type { Bytes } from '../../src/protocol/bytes.ts';
export {
  inspectValue,
  invalidCall,
  messageOf,
  PalmError,
  type PalmErrorCode,
  type PalmErrorDetails,
} from '../../src/protocol/errors.ts';
export { randomId } from '../../src/protocol/ids.ts';
export { checkTopic } from '../../src/protocol/topics.ts';
export type * from '../../src/transport.ts';
export { BaseConnection, type ChannelHost, type Closable } from './base-connection.ts';
export { bridge } from './bridge.ts';
export { HeldDeliveries } from './held-deliveries.ts';
