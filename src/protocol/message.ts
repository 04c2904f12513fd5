/**
 * PalmMessage, the envelope of every frame between PALM processes.
 * Its fields are those of pylm/parts/messages_pb2.py; the ones called frond's are documented in docs/protocol/palm.md.
 */
import type { Bytes } from './bytes.ts';

/** One PALM message. Every field is always there; a field at its default takes no room on the wire. */
export interface PalmMessage {
  /** Id of the stream of messages: the session tag, or a random id. */
  pipeline: string;
  /** Id of the client that began the stream, and the topic its answers are published under. */
  client: string;
  /** Step within a pipeline, counted from 0. A safe integer. */
  stage: number;
  /** `server.function`, or several of them separated by one space, one for each stage. */
  function: string;
  /** Free for the user; the key in a cache `set`. */
  cache: string;
  /** The user's data, or the key in a cache `get` or `delete`. */
  payload: Bytes;
  /** frond: what the sender understands, a set of {@link Feature} bits. */
  features: number;
  /** frond: 0 when the call went well, else a {@link Status}. */
  status: number;
  /** frond: why the call failed, in words. */
  error: string;
  /** frond: name of the error on the side where it was thrown. */
  errorName: string;
  /** frond: which message of its call it is, counted from 1, and which of them an answer is to; 0 where that is not told. */
  ordinal: number;
  /** Fields of other numbers, byte for byte as they came; whoever forwards a message passes them on. */
  unknown: Bytes;
}

export * as Feature from './feature.ts';

export * as Status from './status.ts';

export const NO_BYTES: Bytes = new Uint8Array(0);

/** A message with the given fields, and defaults for the others. */
export function palmMessage(fields: Partial<PalmMessage>): PalmMessage {
  return {
    pipeline: fields.pipeline ?? '',
    client: fields.client ?? '',
    stage: fields.stage ?? 0,
    function: fields.function ?? '',
    cache: fields.cache ?? '',
    payload: fields.payload ?? NO_BYTES,
    features: fields.features ?? 0,
    status: fields.status ?? 0,
    error: fields.error ?? '',
    errorName: fields.errorName ?? '',
    ordinal: fields.ordinal ?? 0,
    unknown: fields.unknown ?? NO_BYTES,
  };
}
