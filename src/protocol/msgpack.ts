/** Payloads in MessagePack, in a file of their own: who does not use them need not load msgpackr. */
import { Packr } from 'msgpackr';
import type { PayloadCodec } from './payload.ts';

// msgpackr takes 'auto' (a number when it is exact, else a bigint), but its types do not know it.
const AUTO = 'auto' as unknown as 'bigint';

/**
 * Payloads that are MessagePack, readable by any other library: no records, maps are plain objects, integers
 * beyond ±(2^53 - 1) are bigints, undefined is nil, and a key `__proto__` is read as `__proto_`. The types are promises
 * of the caller's, not checked.
 */
export function msgpack<In, Out = In>(): PayloadCodec<In, Out> {
  const packr = new Packr({
    useRecords: false,
    mapsAsObjects: true,
    variableMapSize: true,
    int64AsType: AUTO,
    encodeUndefinedAsNil: true,
  });
  return {
    name: 'MessagePack',
    // A copy: msgpackr packs into a buffer it goes on using, and in Node gives a Buffer.
    encode: (value) => new Uint8Array(packr.pack(value)),
    decode: (payload) => packr.unpack(payload) as Out,
  };
}
