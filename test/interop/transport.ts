import type { BindingTransport } from '../../src/transport.ts';
import { zeromq } from '../../transports/zeromq/index.ts';
import { zmtp } from '../../transports/zmtp/index.ts';

/** What frond's side of these tests speaks. The project `interop` runs all of them on `zmtp()`, and `interop-zeromq` some of them on libzmq. */
export const transportHere: () => BindingTransport =
  process.env['INTEROP_TRANSPORT'] === 'zeromq' ? () => zeromq() : () => zmtp();
