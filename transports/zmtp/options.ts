import { inspectValue, invalidCall } from '../../src/protocol/errors.ts';

/** What {@link zmtp} takes. Times are milliseconds. The names are those of `zeromq()` where they mean the same. */
export interface ZmtpOptions {
  /**
   * Silence after which a peer is asked for a sign of life. A peer that gives none for as long again is gone, unless it said that it
   * may compute for longer ({@link ZmtpOptions.busyTimeout}). 0 asks nobody. Default 2000.
   */
  readonly heartbeatInterval?: number | undefined;
  /**
   * Time for which this process may compute without a turn of its event loop. It is told to each peer, and peers with this transport
   * wait that long before they call a silent link dead. Default 30000.
   */
  readonly busyTimeout?: number | undefined;
  /** Wait before dialling again, at first and at most. Half of each wait is left to chance. Defaults 100 and 2000. */
  readonly reconnectInterval?: number | undefined;
  readonly reconnectMaxInterval?: number | undefined;
  /** Time for one address of a peer to accept a connection. Default 5000. */
  readonly connectTimeout?: number | undefined;
  /** Time for a peer to greet and introduce itself. A bound end refuses one that takes longer. Default 10000. */
  readonly handshakeTimeout?: number | undefined;
  /** Bytes that wait for each peer. What is published beyond them is lost, and a peer that leaves replies unread is refused. Default 67108864. */
  readonly sendHighWaterBytes?: number | undefined;
  /** Bytes that wait for all peers of one bound end: the peer with the most is refused. Default 268435456. */
  readonly sendHighWaterBytesTotal?: number | undefined;
  /** Messages read and not taken, before a peer is held up. Default 4096 where frames are pulled, 100000 for a subscription. */
  readonly receiveHighWaterMark?: number | undefined;
  /**
   * Bytes of the largest message, taken or sent. Default 67108864 (64 MiB); -1: no limit. A larger one that arrives ends the
   * connection of its sender; a larger one to be sent is refused with `TOO_LARGE`. Peers that have nothing to send but handshakes and
   * subscriptions may send frames of at most 1152 bytes, whatever this says.
   */
  readonly maxMessageSize?: number | undefined;
  /** Parts of the longest message that is taken whole. Default 16384. */
  readonly maxMessageParts?: number | undefined;
  /** Bytes of topics that one peer may subscribe to, 128 more for each topic. Default 1048576. */
  readonly maxTopicBytes?: number | undefined;
  /** The same for all peers of one bound end: the peer with the most is refused. Default 67108864. */
  readonly maxTopicBytesTotal?: number | undefined;
  /** Peers of one bound end, known or not. Default 16384. */
  readonly maxPeers?: number | undefined;
  /**
   * Least wait between the handshake of a subscription and its use, for servers that cannot prove that it arrived (pylm). Ten times
   * as long as the handshake took, if that is more. Default 5.
   */
  readonly subscriptionMargin?: number | undefined;
}

const DEFAULTS = {
  heartbeatInterval: 2_000,
  // A function that computes for 20 s is still at work, and must not be given to another worker.
  busyTimeout: 30_000,
  reconnectInterval: 100,
  reconnectMaxInterval: 2_000,
  connectTimeout: 5_000,
  handshakeTimeout: 10_000,
  // A subscriber that computes for a moment must not lose results: nobody reads its socket meanwhile.
  sendHighWaterBytes: 67_108_864,
  sendHighWaterBytesTotal: 268_435_456,
  maxMessageSize: 67_108_864,
  maxMessageParts: 16_384,
  maxTopicBytes: 1_048_576,
  maxTopicBytesTotal: 67_108_864,
  maxPeers: 16_384,
  subscriptionMargin: 5,
} as const;

/** Options with every value settled. */
export type ZmtpSettings = { readonly [K in keyof typeof DEFAULTS]: number } & {
  readonly receiveHighWaterMark: number | undefined;
};

const NAMES = new Set([...Object.keys(DEFAULTS), 'receiveHighWaterMark']);

/** @throws PalmError `INVALID_CALL` naming the option that is not acceptable. */
export function resolveOptions(options: ZmtpOptions): ZmtpSettings {
  for (const [name, value] of Object.entries(options)) {
    if (name === 'curve' || name === 'curveServer') {
      throw invalidCall(
        `zmtp() does not encrypt: it has no option ${name}; use zeromq({ ${name} }) for CURVE`,
      );
    }
    if (!NAMES.has(name)) throw invalidCall(`zmtp() has no option ${inspectValue(name)}`);
    const isFine =
      value === undefined ||
      (Number.isInteger(value) && (value >= 0 || (name === 'maxMessageSize' && value === -1)));
    if (!isFine) throw invalidCall(`${name} must be a whole number from 0 on, not ${inspectValue(value)}`);
  }
  const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
  return { receiveHighWaterMark: undefined, ...DEFAULTS, ...given };
}
