/** Payloads in MessagePack. In a file of its own, so that only pages that use it load msgpackr. */
import { Packr } from 'msgpackr';
import type { PayloadCodec } from './payload.ts';

// msgpackr takes 'auto' (a number when it is exact, otherwise a bigint), but its types do not say so.
const AUTO = 'auto' as unknown as 'bigint';

/**
 * Payloads in MessagePack that any other library can read: no records, maps are plain objects, integers beyond
 * ±(2^53 - 1) are bigints, undefined is nil, and a key `__proto__` is read as `__proto_`. The types are the caller's
 * promise; they are not checked.
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
    // A copy: msgpackr packs into a buffer that it uses again, and returns a Buffer in Node.
    encode: (value) => new Uint8Array(packr.pack(value)),
    decode: (payload) => packr.unpack(payload) as Out,
  };
}
