import { inspectValue, invalidCall } from '../../src/protocol/errors.ts';
import { type CurveOptions, checkCurveOptions } from '../shared/curve-keys.ts';

/** Options of {@link zmtp}. Times are in milliseconds. Options that `zeromq()` has too have the same names. */
export interface ZmtpOptions extends CurveOptions {
  /**
   * Silence after which a peer gets a heartbeat. A peer that stays silent for as long again counts as gone, unless it announced that it may
   * compute for longer ({@link ZmtpOptions.busyTimeout}). 0 sends no heartbeats. Default 2000.
   */
  readonly heartbeatInterval?: number | undefined;
  /**
   * Time for which this process may block its event loop. Each peer is told, and peers with this transport wait that long before they
   * take a silent link for dead. On Linux they wait only as long as this process's host acknowledges what they send. Default 30000.
   */
  readonly busyTimeout?: number | undefined;
  /** First and longest wait before dialling again. Half of each wait is random. Defaults 100 and 2000. */
  readonly reconnectInterval?: number | undefined;
  /** Longest wait before dialling again, in milliseconds. Default 2000. */
  readonly reconnectMaxInterval?: number | undefined;
  /** Time for one address of a peer to accept a connection. Default 5000. */
  readonly connectTimeout?: number | undefined;
  /** Time for a peer to greet and introduce itself. A bound end refuses one that takes longer. Default 10000. */
  readonly handshakeTimeout?: number | undefined;
  /**
   * Bytes that may wait for one peer. Publications beyond that are lost, and a peer that leaves so many bytes of replies unread is refused.
   * Default 67108864 (64 MiB).
   */
  readonly sendHighWaterBytes?: number | undefined;
  /** Bytes that may wait for all peers of one bound end. Beyond that, the peer with the most is refused. Default 268435456 (256 MiB). */
  readonly sendHighWaterBytesTotal?: number | undefined;
  /** Messages that may be unread before the peer has to wait. Default 4096 where frames are pulled, 100000 for a subscription. */
  readonly receiveHighWaterMark?: number | undefined;
  /**
   * Bytes of the largest message, received or sent. Default 67108864 (64 MiB); -1 sets no limit. A larger message that arrives ends the
   * connection of its sender. A larger message to send is refused with `TOO_LARGE`. Peers that send only handshakes and subscriptions may
   * always send frames of at most 1152 bytes.
   */
  readonly maxMessageSize?: number | undefined;
  /** Most parts of one message. Default 16384. */
  readonly maxMessageParts?: number | undefined;
  /** Bytes of topics that one peer may subscribe to. Each topic counts 128 bytes more. Default 1048576. */
  readonly maxTopicBytes?: number | undefined;
  /** The same for all peers of one bound end. Beyond that, the peer with the most is refused. Default 67108864. */
  readonly maxTopicBytesTotal?: number | undefined;
  /** Most peers of one bound end, including those in a handshake. Default 16384. */
  readonly maxPeers?: number | undefined;
  /**
   * Most of them from one address, or one /64 of IPv6. Peers of a Unix socket are not counted here. Raise it where more clients and workers
   * share an address, as behind a NAT. Default 4096.
   */
  readonly maxPeersPerAddress?: number | undefined;
  /**
   * Wait between the PONG that says that a publisher has read a subscription and the use of that, for servers that cannot confirm a subscription
   * (pylm). Where no PONG comes, the wait begins with the handshake, and is at least ten times as long as that took. Default 5.
   */
  readonly subscriptionMargin?: number | undefined;
}

const DEFAULTS = {
  heartbeatInterval: 2_000,
  // A function that computes for 20 s is still at work, and its message must not go to another worker.
  busyTimeout: 30_000,
  reconnectInterval: 100,
  reconnectMaxInterval: 2_000,
  connectTimeout: 5_000,
  handshakeTimeout: 10_000,
  // A subscriber that computes for a moment does not read its socket, and must not lose results.
  sendHighWaterBytes: 67_108_864,
  sendHighWaterBytesTotal: 268_435_456,
  maxMessageSize: 67_108_864,
  maxMessageParts: 16_384,
  maxTopicBytes: 1_048_576,
  maxTopicBytesTotal: 67_108_864,
  maxPeers: 16_384,
  // A quarter: no address can take every place, and a NAT or a host with a few thousand clients still fits.
  maxPeersPerAddress: 4_096,
  subscriptionMargin: 5,
} as const;

/** Options with their defaults. */
export type ZmtpSettings = { readonly [K in keyof typeof DEFAULTS]: number } & CurveOptions & {
    readonly receiveHighWaterMark: number | undefined;
  };

const NAMES = new Set([...Object.keys(DEFAULTS), 'receiveHighWaterMark']);

/** @throws PalmError `INVALID_CALL` naming the option that is not acceptable. */
export function resolveOptions(options: ZmtpOptions): ZmtpSettings {
  for (const [name, value] of Object.entries(options)) {
    if (name === 'curve' || name === 'curveServer') continue;
    if (!NAMES.has(name)) throw invalidCall(`zmtp() has no option ${inspectValue(name)}`);
    const isFine =
      value === undefined ||
      (Number.isInteger(value) && (value >= 0 || (name === 'maxMessageSize' && value === -1)));
    if (!isFine) throw invalidCall(`${name} must be a whole number from 0 on, not ${inspectValue(value)}`);
  }
  checkCurveOptions(options);
  const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
  const { curve, curveServer } = options;
  // A copy, so that keys that the caller adds to its list later do not count.
  const allow = Array.isArray(curveServer?.allow) ? [...curveServer.allow] : curveServer?.allow;
  return {
    receiveHighWaterMark: undefined,
    ...DEFAULTS,
    ...given,
    curve: curve && { ...curve },
    curveServer: curveServer && { ...curveServer, allow },
  };
}
