/** `frond/zmtp`: ZeroMQ's protocol in TypeScript, on the sockets of Node, Bun and Deno. */

import { ReadTurns } from '../../src/async/read-turns.ts';
import { READ_TURN } from '../../src/flow-control.ts';
import type { BindingTransport } from '../../src/transport.ts';
import { freeZeromqAddress, resolveZeromqAddress } from '../shared/zeromq-address.ts';
import { checkZmtpAddress } from './address.ts';
import { type Mechanisms, ZmtpConnection } from './connection.ts';
import { resolveOptions, type ZmtpOptions, type ZmtpSettings } from './options.ts';

export type { AllowKey, CurveClientKeys, CurveOptions, CurveServerKeys } from '../shared/curve-keys.ts';
export { type CurveKeyPair, curveKeyPair, curvePublicKey } from './key-pair.ts';
export type { ZmtpOptions } from './options.ts';

/**
 * Makes a transport that speaks ZMTP 3.1, and ZMTP 3.0 to older peers, with pylm, `zeromq()` and itself. It has no native code and needs no
 * package. Addresses are `tcp://host:port` (IPv6 as `tcp://[::1]:port`) and `ipc://path`; binding `tcp://host:*` lets the system choose the
 * port. With `curve` it encrypts what it dials, and with `curveServer` what it binds. **Without `curveServer.allow`, CURVE admits every client
 * that knows the server's public key.**
 *
 * @throws PalmError `INVALID_CALL` that names an unacceptable option.
 * @example await Client.connect({ transport: zmtp(), serverName: 'server', dbAddress: 'tcp://127.0.0.1:5555' })
 */
export function zmtp(options: ZmtpOptions = {}): BindingTransport {
  const settings = resolveOptions(options);
  const turns = new ReadTurns(READ_TURN);
  return {
    name: 'zmtp',
    checkAddress: checkZmtpAddress,
    resolveAddress: resolveZeromqAddress,
    freeAddress: freeZeromqAddress,
    open: async () => new ZmtpConnection(settings, await mechanismsOf(settings), turns),
  };
}

/** Loads CURVE only where keys are given: it is larger than the rest of the transport. */
async function mechanismsOf({ curve, curveServer, handshakeTimeout }: ZmtpSettings): Promise<Mechanisms> {
  if (curve === undefined && curveServer === undefined) return {};
  const { bindWithCurve, dialWithCurve } = await import('./curve/index.ts');
  return {
    dialled: curve && dialWithCurve(curve),
    bound: curveServer && bindWithCurve(curveServer, handshakeTimeout),
  };
}
