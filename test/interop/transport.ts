import type { BindingTransport } from '../../src/transport.ts';
import { zeromq } from '../../transports/zeromq/index.ts';
import { zmtp } from '../../transports/zmtp/index.ts';

/** What frond's side of these tests speaks: native sockets, or with `INTEROP_TRANSPORT=zmtp` those in TypeScript. */
export const transportHere: () => BindingTransport =
  process.env['INTEROP_TRANSPORT'] === 'zmtp' ? () => zmtp() : () => zeromq();
