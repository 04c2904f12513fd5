import { invalidCall, show } from '../../src/protocol/errors.ts';

/** Keys of CURVE, ZeroMQ's encryption, each 40 characters of Z85 as `zeromq.curveKeyPair()` gives them. */
export interface CurveClientKeys {
  /** Public key of the servers that are dialled. */
  readonly serverKey: string;
  /** This side's own pair. Left out, a fresh one is made for each connection. */
  readonly publicKey?: string;
  readonly secretKey?: string;
}

/** What {@link zeromq} takes. Times are milliseconds. */
export interface ZeromqOptions {
  /** Encrypts what is dialled. */
  readonly curve?: CurveClientKeys;
  /** Encrypts what is bound. Any client that knows the matching public key may come in. */
  readonly curveServer?: { readonly secretKey: string };
  /** A link that gives no sign of life for this long, and none for as long again when asked, is broken. Default 2000. */
  readonly heartbeatInterval?: number;
  /** Wait before dialling again, at first and at most. Defaults 100 and 2000. */
  readonly reconnectInterval?: number;
  readonly reconnectMaxInterval?: number;
  /** Messages that ZeroMQ holds for each peer before `send` waits, or, when publishing, drops. */
  readonly sendHighWaterMark?: number;
  /** Messages that ZeroMQ holds unread for each peer. */
  readonly receiveHighWaterMark?: number;
  /** Bytes of the largest frame taken from a peer; a larger one ends its connection. Default: no limit. */
  readonly maxMessageSize?: number;
  /**
   * Least wait between the handshake of a subscription and its use, for servers that cannot prove that it arrived
   * (pylm). Ten times as long as the handshake took, if that is more. Default 5.
   */
  readonly subscriptionMargin?: number;
}

const DEFAULTS = {
  heartbeatInterval: 2_000,
  reconnectInterval: 100,
  reconnectMaxInterval: 2_000,
  subscriptionMargin: 5,
  maxMessageSize: -1,
} as const;

/** Options with every value settled. */
export type ZeromqSettings = ZeromqOptions & { readonly [K in keyof typeof DEFAULTS]: number };

// The alphabet of Z85: rfc.zeromq.org/spec/32.
const Z85_KEY = /^[0-9a-zA-Z.\-:+=^!/*?&<>()[\]{}@%$#]{40}$/;

function checkKey(name: string, key: string | undefined): void {
  if (key !== undefined && !(typeof key === 'string' && Z85_KEY.test(key))) {
    throw invalidCall(`${name} must be 40 characters of Z85, as zeromq.curveKeyPair() gives them`);
  }
}

/** @throws PalmError `INVALID_CALL` naming the option that is not acceptable. */
export function settle(options: ZeromqOptions): ZeromqSettings {
  const settings = { ...DEFAULTS, ...options };
  for (const [name, value] of Object.entries(settings)) {
    if (name === 'curve' || name === 'curveServer') continue;
    const isFine =
      Number.isInteger(value) && ((value as number) >= 0 || (name === 'maxMessageSize' && value === -1));
    if (!isFine) throw invalidCall(`${name} must be a whole number from 0 on, not ${show(value)}`);
  }
  checkKey('curve.serverKey', settings.curve?.serverKey);
  checkKey('curve.publicKey', settings.curve?.publicKey);
  checkKey('curve.secretKey', settings.curve?.secretKey);
  checkKey('curveServer.secretKey', settings.curveServer?.secretKey);
  if ((settings.curve?.publicKey === undefined) !== (settings.curve?.secretKey === undefined)) {
    throw invalidCall('curve.publicKey and curve.secretKey belong together: give both or neither');
  }
  return settings;
}
