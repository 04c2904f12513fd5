/** Compares frames byte by byte, without decoding them: messages of one call mostly differ in their input alone. */
import { isAlike } from './bytes.ts';
import { featuresEnd, headEnd, ordinalEnd, payloadEnd } from './envelope-head.ts';

/** Bytes of an ordinal's tag, and of its value where that is a safe integer in any case. */
const ORDINAL_TAG = 2;
const SAFE_VARINT = 7;

/**
 * Whether two envelopes differ only in their payload. It compares bytes and not fields: then every later reader, even one that reads
 * unusual bytes differently, reads in the one what it would have read in the other.
 */
export function differInPayloadAlone(one: Uint8Array, other: Uint8Array): boolean {
  const start = headEnd(one);
  if (start === 0 || !isAlike(one, 0, other, 0, start)) return false;
  const end = payloadEnd(one, start);
  const own = payloadEnd(other, start);
  return end >= 0 && own >= 0 && areAlikeFrom(one, end, other, own);
}

/**
 * Whether `other` differs from `one` only in payload and ordinal. Both are in the form in which an encoder writes them: as short as possible, and
 * left out at their default. Either both envelopes have an ordinal, or none has. So where `one` is as an encoder writes it, `other` is, too.
 */
export function differsInInputAlone(one: Uint8Array, other: Uint8Array): boolean {
  const start = headEnd(one);
  if (start === 0 || !isAlike(one, 0, other, 0, start)) return false;
  const end = payloadEnd(one, start);
  const own = payloadEnd(other, start);
  if (end < 0 || own < 0 || (own > start && other[start + 1] === 0)) return false;
  const at = featuresEnd(one, end);
  const ownAt = featuresEnd(other, own);
  if (at - end !== ownAt - own || !isAlike(one, end, other, own, at - end)) return false;
  const next = ordinalEnd(one, at);
  const ownNext = ordinalEnd(other, ownAt);
  if (next < 0 || ownNext < 0 || next > at !== ownNext > ownAt) return false;
  if (ownNext > ownAt && (other[ownAt + ORDINAL_TAG] === 0 || ownNext - ownAt > ORDINAL_TAG + SAFE_VARINT))
    return false;
  return areAlikeFrom(one, next, other, ownNext);
}

/** Whether two frames are alike from an offset of each on, to their ends. */
function areAlikeFrom(one: Uint8Array, at: number, other: Uint8Array, own: number): boolean {
  const rest = one.length - at;
  return other.length - own === rest && isAlike(one, at, other, own, rest);
}
