/** The tags of an envelope's fields, `number << 3 | wire type`, in order (pylm/parts/messages_pb2.py; 1000 and up: docs/protocol/palm.md). */
import { BYTES, VARINT } from './wire.ts';

export const PIPELINE = (1 << 3) | BYTES;
export const CLIENT = (2 << 3) | BYTES;
export const STAGE = (3 << 3) | VARINT;
export const FUNCTION = (4 << 3) | BYTES;
export const CACHE = (5 << 3) | BYTES;
export const PAYLOAD = (6 << 3) | BYTES;
export const FEATURES = (1000 << 3) | VARINT;
export const STATUS = (1001 << 3) | VARINT;
export const ERROR = (1002 << 3) | BYTES;
export const ERROR_NAME = (1003 << 3) | BYTES;
export const ORDINAL = (1004 << 3) | VARINT;
