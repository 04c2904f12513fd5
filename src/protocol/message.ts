/**
 * PalmMessage, the envelope of every frame between PALM processes.
 * Its fields are those of pylm/parts/messages_pb2.py; the ones called frond's are documented in docs/protocol/palm.md.
 */
import type { Bytes } from './bytes.ts';

/** One PALM message. Every field is always present; a field at its default takes no room on the wire. */
export interface PalmMessage {
  /** Id of the stream of messages: the session tag, or a random id. */
  pipeline: string;
  /** Id of the client that began the stream, and the topic of its answers. */
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
  /** frond: 0 when the call succeeded, otherwise a {@link Status}. */
  status: number;
  /** frond: why the call failed. */
  error: string;
  /** frond: name of the error that was thrown. */
  errorName: string;
  /** frond: number of the message in its call, counted from 1, which its answer repeats; 0 when it has none. */
  ordinal: number;
  /** Fields with other numbers, byte for byte as they came. A server that forwards a message passes them on. */
  unknown: Bytes;
}

export * as Feature from './feature.ts';

export * as Status from './status.ts';

export const NO_BYTES: Bytes = new Uint8Array(0);

/** A message whose fields are all at their defaults. What a page loads is made of it: {@link palmMessage} is a tenth of a KiB. */
export const EMPTY_MESSAGE: Readonly<PalmMessage> = {
  pipeline: '',
  client: '',
  stage: 0,
  function: '',
  cache: '',
  payload: NO_BYTES,
  features: 0,
  status: 0,
  error: '',
  errorName: '',
  ordinal: 0,
  unknown: NO_BYTES,
};

/** A message with the given fields and the defaults of all others. */
export function palmMessage(fields: { [K in keyof PalmMessage]?: PalmMessage[K] | undefined }): PalmMessage {
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
