/** `frond/zeromq`: native ZeroMQ sockets, in Node. */
import type { BindingTransport } from '../../src/transport.ts';
import { checkZeromqAddress, freeZeromqAddress, resolveZeromqAddress } from '../shared/zeromq-address.ts';
import { ClientKeys } from './client-keys.ts';
import { ZeromqConnection } from './connection.ts';
import { resolveOptions, type ZeromqOptions } from './options.ts';
import { loadAddon } from './sockets.ts';

export type { AllowKey, CurveClientKeys, CurveOptions, CurveServerKeys } from '../shared/curve-keys.ts';
export type { ZeromqOptions } from './options.ts';

/**
 * Makes a transport over native ZeroMQ sockets, as pylm uses them. Addresses are `tcp://host:port` (IPv6 as `tcp://[::1]:port`) and `ipc://path`;
 * binding `tcp://host:*` lets the system choose the port. If a host has several addresses, they are dialled in turn. It needs the package
 * `zeromq`, which it loads at its first use.
 *
 * @throws PalmError `INVALID_CALL` that names an unacceptable option.
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
    freeAddress: freeZeromqAddress,
    open: async () => new ZeromqConnection(loadAddon(), settings, clientKeys),
  };
}
