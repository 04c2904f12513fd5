import { inspectValue, invalidCall } from '../../src/protocol/errors.ts';

/** Keys of CURVE, ZeroMQ's encryption, each 40 characters of Z85 as `zeromq.curveKeyPair()` gives them. */
export interface CurveClientKeys {
  /** Public key of the servers that are dialled. */
  readonly serverKey: string;
  /** This side's own pair. Left out, a fresh one is made for each connection. */
  readonly publicKey?: string | undefined;
  readonly secretKey?: string | undefined;
}

/** Says of a client's public key (40 characters of Z85) whether the client may connect. */
export type AllowKey = (clientKey: string) => boolean | Promise<boolean>;

/** What encrypts the bound side, and says who may connect to it. */
export interface CurveServerKeys {
  /** Secret key of this side. Clients have the matching public key as `curve.serverKey`. */
  readonly secretKey: string;
  /**
   * Public keys of the clients that may connect, or a function that is asked for each. **Without it any client that knows the
   * server's public key may connect**, with a pair of keys that it made itself: CURVE then encrypts, and keeps nobody out.
   *
   * A key is checked in each handshake, also when a client reconnects. Connections that exist stay when a key is taken
   * away; close the server to end them. A list is copied when the transport is made. A function that throws, rejects, gives anything
   * but `true`, or takes longer than 5 s refuses. The client learns of it as `FORBIDDEN`; the server's connection reports
   * `refused` in its status.
   */
  readonly allow?: readonly string[] | AllowKey | undefined;
}

/** What {@link zeromq} takes. Times are milliseconds. */
export interface ZeromqOptions {
  /** Encrypts what is dialled. */
  readonly curve?: CurveClientKeys | undefined;
  /** Encrypts what is bound. */
  readonly curveServer?: CurveServerKeys | undefined;
  /** A link that gives no sign of life for this long, and none for as long again when asked, is broken. Default 2000. */
  readonly heartbeatInterval?: number | undefined;
  /** Wait before dialling again, at first and at most. Defaults 100 and 2000. */
  readonly reconnectInterval?: number | undefined;
  readonly reconnectMaxInterval?: number | undefined;
  /** Messages that ZeroMQ holds for each peer before `send` waits, or, when publishing, they wait here ({@link maxOwed}). */
  readonly sendHighWaterMark?: number | undefined;
  /**
   * Bytes that a publisher keeps for one subscriber that reads more slowly than is published for it, beside what ZeroMQ holds; each message counts
   * 256 more. What is beyond is dropped, and told of as `lost` in the status. All subscribers together may be owed twice as much; then the one that is
   * owed the most gives. Default 268435456 (256 MiB).
   */
  readonly maxOwed?: number | undefined;
  /** Messages that ZeroMQ holds unread for each peer. */
  readonly receiveHighWaterMark?: number | undefined;
  /**
   * Bytes of the largest frame, taken or sent. Default 67108864 (64 MiB); -1: no limit. A larger frame that arrives ends the
   * connection of its sender, without a word: so both sides are to have the same limit, and a larger frame that a client or worker is to send is
   * refused with `TOO_LARGE`. Sockets whose peers have nothing to send but handshakes and subscriptions take at most 1152 bytes,
   * whatever this says. ZeroMQ bounds frames and not whole messages: a peer may still send a message of any number of frames.
   */
  readonly maxMessageSize?: number | undefined;
  /**
   * Least wait between the handshake of a subscription and its use, for servers that cannot prove that it arrived
   * (pylm). Ten times as long as the handshake took, if that is more. Default 5.
   */
  readonly subscriptionMargin?: number | undefined;
}

const DEFAULTS = {
  heartbeatInterval: 2_000,
  reconnectInterval: 100,
  reconnectMaxInterval: 2_000,
  subscriptionMargin: 5,
  // Four times what a client of frond's has under way.
  maxOwed: 268_435_456,
  // Sixteen times what a relay takes of its clients, for results and values that are large on purpose. Whoever can connect can
  // make a server hold this much for each connection, before anything is known of it.
  maxMessageSize: 67_108_864,
} as const;

/** Options with every value settled. */
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
