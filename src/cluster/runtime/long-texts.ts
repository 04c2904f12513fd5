/** Finds texts of an envelope that are too long for a request, before they are decoded. */
import {
  CACHE,
  CLIENT,
  ERROR,
  ERROR_NAME,
  FEATURES,
  FUNCTION,
  PIPELINE,
} from '../../protocol/envelope-fields.ts';
import { WireReader } from '../../protocol/wire.ts';

/** Bytes of the longest text of a request: more than the longest key has (4,096 UTF-16 units), so that those that are near are told the limit. */
export const LONGEST_TEXT = 16_384;

const TEXTS: readonly number[] = [PIPELINE, CLIENT, FUNCTION, CACHE, ERROR, ERROR_NAME];

/** What {@link longText} found. */
export interface LongText {
  /** Bytes of the text. */
  readonly length: number;
  /** The `features` of the envelope: whether its sender understands a reply with a status. */
  readonly features: number;
}

/**
 * A text of more than {@link LONGEST_TEXT} bytes in an envelope, if it has one. To decode such texts only to refuse them takes a server longer than
 * it takes a stranger to send them.
 * @throws PalmError `PROTOCOL` when the frame is malformed.
 */
export function longText(frame: Uint8Array): LongText | undefined {
  if (frame.length <= LONGEST_TEXT) return undefined;
  const reader = new WireReader(frame);
  let longest = 0;
  let features = 0;
  while (reader.at < frame.length) {
    const tag = reader.tag();
    if (tag === FEATURES) {
      features = reader.int64();
    } else if (TEXTS.includes(tag)) {
      const end = reader.lengthEnd();
      longest = Math.max(longest, end - reader.at);
      reader.at = end;
    } else reader.skip(tag);
  }
  return longest > LONGEST_TEXT ? { length: longest, features } : undefined;
}
