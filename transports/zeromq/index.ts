/** `frond/zeromq`: native ZeroMQ sockets, in Node. */
import type { BindingTransport } from '../../src/transport.ts';
import { checkZeromqAddress, resolveZeromqAddress } from '../shared/zeromq-address.ts';
import { ClientKeys } from './client-keys.ts';
import { ZeromqConnection } from './connection.ts';
import { resolveOptions, type ZeromqOptions } from './options.ts';
import { loadAddon } from './sockets.ts';

export type { AllowKey, CurveClientKeys, CurveServerKeys, ZeromqOptions } from './options.ts';

/**
 * A transport over native ZeroMQ sockets, as pylm's. Addresses are `tcp://host:port` (IPv6 as `tcp://[::1]:port`) and
 * `ipc://path`; binding `tcp://host:*` has the system choose the port. Where a host has several addresses, each is dialled in turn.
 * Needs the package `zeromq`, which it loads when first used.
 *
 * @throws PalmError `INVALID_CALL` naming an option that is not acceptable.
 * @example zeromq({ curve: { serverKey: 'rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7' } })
 */
export function zeromq(options: ZeromqOptions = {}): BindingTransport {
  const settings = resolveOptions(options);
  const allow = settings.curveServer?.allow;
  const clientKeys = allow && new ClientKeys(allow);
  return {
    name: 'zeromq',
    checkAddress: checkZeromqAddress,
    resolveAddress: resolveZeromqAddress,
    open: async () => new ZeromqConnection(loadAddon(), settings, clientKeys),
  };
}
