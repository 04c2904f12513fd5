import { inspectValue, invalidCall } from '../../protocol/errors.ts';

/** @throws PalmError `INVALID_CALL` when it is no iterable of payloads. */
export function checkInput(payloads: unknown): void {
  if (payloads !== null && typeof payloads === 'object') {
    // A stream where those cannot be iterated yet, as in Safari.
    if (Symbol.asyncIterator in payloads || 'getReader' in payloads) return;
    // A Uint8Array is iterable too, but its bytes are not what was meant.
    if (Symbol.iterator in payloads && !ArrayBuffer.isView(payloads)) return;
  }
  throw invalidCall(
    `payloads must be an iterable or async iterable of payloads, not ${inspectValue(payloads)}`,
  );
}
