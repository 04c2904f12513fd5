/**
 * `frond/transport`: the contract that a transport keeps, and what every transport needs to keep it. docs/guide/transports.md
 * says what each verb does in each state; the suite of `frond/testing` tests it.
 */
export { BatchQueue, type ByteMark } from '../../src/async/batch-queue.ts';
export { Broadcast } from '../../src/async/broadcast.ts';
export { PendingReplies } from '../../src/async/deferred.ts';
export { Readiness } from '../../src/async/readiness.ts';
export type { Bytes } from '../../src/protocol/bytes.ts';
export {
  invalidCall,
  PalmError,
  type PalmErrorCode,
  type PalmErrorDetails,
} from '../../src/protocol/errors.ts';
export { randomId } from '../../src/protocol/ids.ts';
export { checkTopic } from '../../src/protocol/topics.ts';
export type * from '../../src/transport.ts';
export { BaseConnection, type ChannelHost, type Closable } from './base-connection.ts';
