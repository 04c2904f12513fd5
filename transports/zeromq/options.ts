import { inspectValue, invalidCall } from '../../src/protocol/errors.ts';

/** Keys of CURVE, ZeroMQ's encryption, each 40 characters of Z85 as `zeromq.curveKeyPair()` gives them. */
export interface CurveClientKeys {
  /** Public key of the servers to dial. */
  readonly serverKey: string;
  /** This side's key pair. Default: a new pair for each connection. */
  readonly publicKey?: string | undefined;
  /** The secret key of that pair. */
  readonly secretKey?: string | undefined;
}

/** Decides whether the client with this public key (40 characters of Z85) may connect. */
export type AllowKey = (clientKey: string) => boolean | Promise<boolean>;

/** Keys that encrypt the bound side, and the clients that may connect to it. */
export interface CurveServerKeys {
  /** Secret key of this side. Clients give the matching public key as `curve.serverKey`. */
  readonly secretKey: string;
  /**
   * Public keys of the clients that may connect, or a function that decides for each key. **Without it, any client that knows the server's
   * public key may connect**, with a key pair that it made itself: CURVE then encrypts, but it admits everyone.
   *
   * Each handshake checks the key, also when a client reconnects. Removing a key does not end existing connections; close the server to end
   * them. A list is copied when the transport is made. A function refuses when it throws, rejects, returns anything but `true`, or takes longer
   * than 5 s. The client gets `FORBIDDEN`, and the server's connection reports `refused` in its status.
   */
  readonly allow?: readonly string[] | AllowKey | undefined;
}

/** Options of {@link zeromq}. Times are in milliseconds. */
export interface ZeromqOptions {
  /** Keys for the addresses that are dialled. */
  readonly curve?: CurveClientKeys | undefined;
  /** Keys for the addresses that are bound. */
  readonly curveServer?: CurveServerKeys | undefined;
  /** Silence after which a peer gets a heartbeat. A peer that stays silent for as long again counts as gone. Default 2000. */
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

// The alphabet of Z85: rfc.zeromq.org/spec/32.
const Z85_KEY = /^[0-9a-zA-Z.\-:+=^!/*?&<>()[\]{}@%$#]{40}$/;

function checkKey(name: string, key: unknown): void {
  if (key !== undefined && !(typeof key === 'string' && Z85_KEY.test(key))) {
    throw invalidCall(`${name} must be 40 characters of Z85, as zeromq.curveKeyPair() gives them`);
  }
}

function checkAllow(allow: unknown): void {
  if (allow === undefined || typeof allow === 'function') return;
  if (!Array.isArray(allow)) {
    throw invalidCall(
      `curveServer.allow must be a list of public keys or a function, not ${inspectValue(allow)}`,
    );
  }
  for (const [i, key] of allow.entries()) checkKey(`curveServer.allow[${i}]`, key ?? null);
}

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
  checkKey('curve.serverKey', settings.curve?.serverKey);
  checkKey('curve.publicKey', settings.curve?.publicKey);
  checkKey('curve.secretKey', settings.curve?.secretKey);
  checkKey('curveServer.secretKey', settings.curveServer?.secretKey);
  checkAllow(settings.curveServer?.allow);
  if ((settings.curve?.publicKey === undefined) !== (settings.curve?.secretKey === undefined)) {
    throw invalidCall('curve.publicKey and curve.secretKey belong together: give both or neither');
  }
  return settings;
}
