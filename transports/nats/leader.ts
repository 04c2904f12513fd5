/** While NATS chooses a leader, of JetStream or of a stream, nobody does what only a leader can: for some seconds after a node has gone. */
import { PalmError, type PalmErrorDetails } from '../../src/protocol/errors.ts';

/** What JetStream says when it, a stream or a consumer has no leader. Mostly it says nothing. */
const LEADERLESS = [10_008, 10_118, 10_119];

/** What it says when enough nodes have a place for a stream, and too many of them are away. */
const AWAY = /no suitable peers.*(?:offline|miscellaneous)/;

/** Nobody did what only a leader can. */
export class NoLeader extends PalmError {
  constructor(doing: string, details: PalmErrorDetails) {
    super(
      'DISCONNECTED',
      `${doing}; it may be choosing a leader, or too many of its nodes are away`,
      details,
    );
  }
}

/** What nats.js says when the node that was asked has gone. */
const BROKEN = /connection (?:closed|disconnected)|closed connection/;

/** Whether a request of nats.js failed because there was no leader, or the way to it broke. */
export function isLeaderless(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const { name, message } = error;
  if (name === 'TimeoutError' || BROKEN.test(message) || AWAY.test(message)) return true;
  return 'code' in error && LEADERLESS.includes(Number(error.code));
}
