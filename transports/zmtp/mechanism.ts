/** What secures a link: the seam between ZMTP and CURVE. NULL links have no mechanism. */
import type { Bytes } from '../../src/protocol/bytes.ts';

/** What one end of a connection secures its links with. */
export interface Mechanism {
  /** The greeting that announces it. */
  readonly greeting: Uint8Array;
  /** Bytes of a sealed frame beside those of the frame. */
  readonly overhead: number;
  /** @param properties - what this end says of itself, as in READY. */
  handshake(properties: Bytes): Handshake;
}

/** What follows from a command of the handshake. Commands are without their frames. */
export interface HandshakeStep {
  /** What to answer. */
  readonly reply?: Bytes | undefined;
  /** What the peer says of itself, as in READY. With it the handshake is done. */
  readonly properties?: Uint8Array;
}

/** One end of the handshake of one link. */
export interface Handshake {
  /** Whether the peer has yet to show that it has the key that this end expects. */
  readonly isUnproved: boolean;
  /** The first command of this end; undefined when the peer begins. */
  begin(): Bytes | undefined;
  /**
   * Takes a command. The next one may be given when the step is there.
   * @throws Violation, or rejects with one, when the peer must not come in.
   */
  take(body: Uint8Array): HandshakeStep | Promise<HandshakeStep>;
  /** The keys of the link. Call it once the handshake is done. */
  frames(): SealedFrames;
  /** Ends the handshake: what it still waits for is dropped. */
  end(): void;
}

/** Frames of one link as boxes that only its ends can make and read. */
export interface SealedFrames {
  /** Seals a frame. Its bytes are reused by the next call, unless the frame is large. */
  seal(frame: Uint8Array, isCommand: boolean, hasMore: boolean): Uint8Array;
  /**
   * Opens what the peer sealed. The bytes are reused by the next call.
   * @throws Violation when the peer did not seal it, or when it came before.
   */
  open(sealed: Uint8Array): OpenedFrame;
}

/** A frame of the peer: `bytes` from `start` to `end`. */
export interface OpenedFrame {
  readonly isCommand: boolean;
  readonly hasMore: boolean;
  readonly bytes: Uint8Array;
  readonly start: number;
  readonly end: number;
}
