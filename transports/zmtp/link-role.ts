import type { SocketType } from './commands.ts';
import type { Link } from './link.ts';
import type { ZmtpSettings } from './options.ts';
import type { OwnBytes } from './own-bytes.ts';
import type { Violation } from './violation.ts';

/** What a link is for. One may have many links. */
export interface LinkRole {
  readonly socketType: SocketType;
  readonly settings: ZmtpSettings;
  readonly own: OwnBytes;
  /** Whether peers send nothing but handshakes and subscriptions. */
  readonly takesControlOnly: boolean;
  /** Whether peers may be slow on purpose: those that do not say so cannot be told from dead ones by their silence. */
  readonly isHeldUp: boolean;
  /** The handshake is done. */
  up(link: Link): void;
  /** Nothing more comes. Called once. */
  down(link: Link, end: LinkEnd): void;
  /** A frame of a message. The bytes are to be copied, unless they are `isOwn`. */
  frame(link: Link, flags: number, bytes: Uint8Array, start: number, end: number, isOwn: boolean): void;
  /** Everything that came in one piece was given. */
  pieceEnds(link: Link): void;
  /** The link takes more, after it did not. */
  writable(link: Link): void;
  /** The peer begins or ends a subscription. Where there are none, that is a violation. */
  subscription?(link: Link, topic: Uint8Array, isOn: boolean): void;
}

/** How a link ended. */
export interface LinkEnd {
  /** Whether its handshake was done. */
  readonly wasUp: boolean;
  /** Whether the peer greeted as one that can be talked to, before. */
  readonly wasGreeted: boolean;
  readonly reason: string;
  /** What one end did that the other does not take; nothing where the connection just ended. */
  readonly violation: Violation | undefined;
}
