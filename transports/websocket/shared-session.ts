/** A session, as far as its relay knows it, too. */
import type { RelayFrame } from '../relay-protocol/frames.ts';
import type { Incoming } from '../relay-protocol/pieces.ts';
import type { ReliableLog } from '../relay-protocol/reliable-log.ts';

/** What the relay said of the session when it began. */
export interface SessionTerms {
  /** Id of the client. */
  readonly client: string;
  readonly maxFrame: number;
  readonly window: number;
  /** The most bytes that an envelope counts for in the window. */
  readonly heaviest: number;
  readonly keyPrefix: string;
}

/** Who reads a session. */
export interface SessionReader {
  /** Takes frames of the session, each once and in order. */
  arrived(frames: readonly RelayFrame[]): void;
}

/** What a session needs of its log. */
export type SessionLog = Pick<
  ReliableLog,
  'post' | 'tell' | 'ping' | 'take' | 'received' | 'hold' | 'release' | 'suspend' | 'resume'
>;

/** The session, and what becomes of it at another relay. */
export interface SharedSession {
  id: string;
  log: SessionLog;
  /** Reads the frames of messages. */
  incoming: Pick<Incoming<RelayFrame>, 'whole'>;
  readonly resumeWindow: number;
  /**
   * Called when a relay says that it has begun a session with this id. Tells whether it goes on with this one, which is as it needs it then.
   * Absent where no relay does.
   */
  goesOn?: (id: string, terms: SessionTerms) => boolean;
}
