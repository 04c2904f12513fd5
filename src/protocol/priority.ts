/** The priority of a call: a field of its own, which goes with it through all stages (docs/protocol/palm.md, "Priority"). */
import type { Bytes } from './bytes.ts';
import { PRIORITY } from './envelope-fields.ts';
import { MOST_PRIORITY, priorityIn } from './envelope-head.ts';
import { inspectValue, invalidCall } from './errors.ts';
import { NO_BYTES } from './message.ts';
import { varintLength, WireReader, writeVarint } from './wire.ts';

/**
 * The field that holds a priority, for {@link PalmMessage.unknown}; no bytes for 0.
 * @throws PalmError `INVALID_CALL` when it is not a whole number from -9 to 9.
 */
export function encodePriority(priority: unknown): Bytes {
  if (typeof priority !== 'number' || !Number.isInteger(priority) || Math.abs(priority) > MOST_PRIORITY)
    throw invalidCall(
      `priority must be a whole number from -${MOST_PRIORITY} to ${MOST_PRIORITY}, not ${inspectValue(priority)}`,
    );
  if (priority === 0) return NO_BYTES;
  const field = new Uint8Array(varintLength(PRIORITY) + 1);
  // As protobuf's sint32, so that each takes one byte.
  writeVarint(field, writeVarint(field, 0, PRIORITY), (priority << 1) ^ (priority >> 31));
  return field;
}

/** The priority among the fields of {@link PalmMessage.unknown}, which can be read; 0 when there is none, or one that nobody may give. */
export function readPriority(unknown: Uint8Array): number {
  const reader = new WireReader(unknown);
  let priority = 0;
  while (reader.at < unknown.length) {
    const tag = reader.tag();
    if (tag === PRIORITY) priority = priorityIn(reader.int64());
    else reader.skip(tag);
  }
  return priority;
}
