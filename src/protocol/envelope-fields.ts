/** The tags of an envelope's fields, `number << 3 | wire type`, in order (pylm/parts/messages_pb2.py; 1000 and up: docs/protocol/palm.md). */
import { BYTES, VARINT } from './wire.ts';

export const PIPELINE: number = (1 << 3) | BYTES;
export const CLIENT: number = (2 << 3) | BYTES;
export const STAGE: number = (3 << 3) | VARINT;
export const FUNCTION: number = (4 << 3) | BYTES;
export const CACHE: number = (5 << 3) | BYTES;
export const PAYLOAD: number = (6 << 3) | BYTES;
export const FEATURES: number = (1000 << 3) | VARINT;
export const STATUS: number = (1001 << 3) | VARINT;
export const ERROR: number = (1002 << 3) | BYTES;
export const ERROR_NAME: number = (1003 << 3) | BYTES;
export const ORDINAL: number = (1004 << 3) | VARINT;
/** These stay with the unknown fields when an envelope is decoded, so that a message without them costs nothing. */
export const PRIORITY: number = (1005 << 3) | VARINT;
export const PROGRESS: number = (1006 << 3) | BYTES;
export const METADATA: number = (1007 << 3) | BYTES;
