import { inspectValue, invalidCall } from '../../src/protocol/errors.ts';
import { type CurveOptions, checkCurveOptions } from '../shared/curve-keys.ts';

/** Options of {@link zeromq}. Times are in milliseconds. */
export interface ZeromqOptions extends CurveOptions {
  /**
   * Silence after which a peer gets a heartbeat. A peer that stays silent for as long again counts as gone. Links that carry calls and results
   * have TCP keepalive in its place, which begins after this silence and counts in whole seconds. Default 2000.
   */
  readonly heartbeatInterval?: number | undefined;
  /** First and longest wait before dialling again. Defaults 100 and 2000. */
  readonly reconnectInterval?: number | undefined;
  /** Longest wait before dialling again, in milliseconds. Default 2000. */
  readonly reconnectMaxInterval?: number | undefined;
  /** Messages that ZeroMQ holds for each peer. Beyond that, `send` waits; publications wait in this process ({@link maxOwed}). */
  readonly sendHighWaterMark?: number | undefined;
  /**
   * Bytes that a publisher keeps for one slow subscriber, besides what ZeroMQ holds. Each message counts 256 bytes more. Messages beyond that are
   * dropped and reported as `lost` in the status. All subscribers together may have twice as much; beyond that, the one with the most loses
   * messages. Default 268435456 (256 MiB).
   */
  readonly maxOwed?: number | undefined;
  /** Messages that ZeroMQ holds unread for each peer. */
  readonly receiveHighWaterMark?: number | undefined;
  /**
   * Bytes of the largest frame, received or sent. Default 67108864 (64 MiB); -1 sets no limit. A larger frame that arrives ends the connection of
   * its sender without a reason, so give both sides the same limit. A larger frame to send is refused with `TOO_LARGE`. Sockets whose peers send
   * only handshakes and subscriptions always take at most 1152 bytes. ZeroMQ limits frames, not messages: a peer may still send a message of
   * any number of frames.
   */
  readonly maxMessageSize?: number | undefined;
  /**
   * Shortest wait between the handshake of a subscription and its use, for servers that cannot confirm a subscription (pylm). The wait is ten
   * times as long as the handshake took, if that is longer. Default 5.
   */
  readonly subscriptionMargin?: number | undefined;
}

const DEFAULTS = {
  heartbeatInterval: 2_000,
  reconnectInterval: 100,
  reconnectMaxInterval: 2_000,
  subscriptionMargin: 5,
  // Four times what one frond client may have under way.
  maxOwed: 268_435_456,
  // Sixteen times what a relay takes from its clients, for results and values that are large on purpose. Any peer that can connect can make a
  // server hold this much for its connection, before the server knows who it is.
  maxMessageSize: 67_108_864,
} as const;

/** Options with their defaults. */
export type ZeromqSettings = ZeromqOptions & { readonly [K in keyof typeof DEFAULTS]: number };

/** @throws PalmError `INVALID_CALL` naming the option that is not acceptable. */
export function resolveOptions(options: ZeromqOptions): ZeromqSettings {
  const given = Object.entries(options).filter(([, value]) => value !== undefined);
  const settings: ZeromqSettings = { ...DEFAULTS, ...Object.fromEntries(given) };
  for (const [name, value] of Object.entries(settings)) {
    if (name === 'curve' || name === 'curveServer') continue;
    const isFine =
      Number.isInteger(value) && ((value as number) >= 0 || (name === 'maxMessageSize' && value === -1));
    if (!isFine) throw invalidCall(`${name} must be a whole number from 0 on, not ${inspectValue(value)}`);
  }
  checkCurveOptions(settings);
  return settings;
}
