/** The CURVE options of `zeromq()` and `zmtp()`. */
import { inspectValue, invalidCall } from '../../src/protocol/errors.ts';
import { decodeZ85 } from './z85.ts';

/** Keys of CURVE, ZeroMQ's encryption, each 40 characters of Z85 as `curveKeyPair()` gives them. */
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
   * than 5 s (in `zmtp()` also half of `handshakeTimeout`, if that is shorter). The client gets `FORBIDDEN`, and the server's connection
   * reports `refused` in its status.
   */
  readonly allow?: readonly string[] | AllowKey | undefined;
}

/** The options of a transport that are about CURVE. */
export interface CurveOptions {
  /** Keys for the addresses that are dialled. */
  readonly curve?: CurveClientKeys | undefined;
  /** Keys for the addresses that are bound. */
  readonly curveServer?: CurveServerKeys | undefined;
}

/** @throws PalmError `INVALID_CALL` naming the key that is not acceptable. */
export function checkCurveOptions({ curve, curveServer }: CurveOptions): void {
  checkObject('curve', curve);
  checkObject('curveServer', curveServer);
  if (curve !== undefined) checkCurveKey('curve.serverKey', curve.serverKey);
  if (curve?.publicKey !== undefined) checkCurveKey('curve.publicKey', curve.publicKey);
  if (curve?.secretKey !== undefined) checkCurveKey('curve.secretKey', curve.secretKey);
  if (curveServer !== undefined) {
    checkCurveKey('curveServer.secretKey', curveServer.secretKey);
    checkAllow(curveServer.allow);
  }
  if ((curve?.publicKey === undefined) !== (curve?.secretKey === undefined)) {
    throw invalidCall('curve.publicKey and curve.secretKey belong together: give both or neither');
  }
}

function checkObject(name: string, value: unknown): void {
  if (value !== undefined && (typeof value !== 'object' || value === null)) {
    throw invalidCall(`${name} must be an object with keys, not ${inspectValue(value)}`);
  }
}

/** @throws PalmError `INVALID_CALL` that names the key, when it is not 40 characters of Z85. */
export function checkCurveKey(name: string, key: unknown): void {
  if (typeof key === 'string' && decodeZ85(key)?.length === 32) return;
  throw invalidCall(`${name} must be 40 characters of Z85, as curveKeyPair() gives them`);
}

function checkAllow(allow: unknown): void {
  if (allow === undefined || typeof allow === 'function') return;
  if (!Array.isArray(allow)) {
    throw invalidCall(
      `curveServer.allow must be a list of public keys or a function, not ${inspectValue(allow)}`,
    );
  }
  for (const [i, key] of allow.entries()) checkCurveKey(`curveServer.allow[${i}]`, key);
}
