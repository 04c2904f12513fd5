/** What is stored of a job beside its results: JSON in messages with the status of progress, which no call counts as an answer. */
import { type Bytes, decodeUtf8, encodeUtf8 } from './bytes.ts';

/** What ends a job: in each record of it, because the first may be dropped before the last is read. */
export interface JobExtent {
  /** Results that it ends after. Absent: as many as inputs. */
  readonly messages?: number | undefined;
  /** Whether it ends when its function says so. */
  readonly untilEnd?: boolean | undefined;
}

export type JobRecord =
  /** Before its first input is sent. While this is stored, so are all its results. */
  | ({ readonly kind: 'begun' } & JobExtent)
  /** After its last input. */
  | ({
      readonly kind: 'sent';
      readonly inputs: number;
      /** Why no more were sent, when there were more. */
      readonly cut?: string | undefined;
    } & JobExtent)
  /** Who reads the results asks whether the sender is there, and knows by its own question how far it has read. */
  | { readonly kind: 'asked'; readonly by: string }
  /** The sender says so. */
  | { readonly kind: 'here' };

export function encodeRecord(record: JobRecord): Bytes {
  return encodeUtf8(JSON.stringify(record));
}

/** What a payload says; undefined when it is not a record. */
export function readRecord(payload: Bytes): JobRecord | undefined {
  let own: Record<string, unknown>;
  try {
    own = { ...(JSON.parse(decodeUtf8(payload)) as object) };
  } catch {
    return undefined;
  }
  const { kind, inputs, by } = own;
  const extent = { messages: countIn(own['messages']), untilEnd: own['untilEnd'] === true };
  if (kind === 'begun') return { kind, ...extent };
  if (kind === 'asked' && typeof by === 'string') return { kind, by };
  if (kind === 'here') return { kind };
  const count = countIn(inputs);
  if (kind !== 'sent' || count === undefined) return undefined;
  return { kind, inputs: count, cut: typeof own['cut'] === 'string' ? own['cut'] : undefined, ...extent };
}

function countIn(value: unknown): number | undefined {
  return Number.isSafeInteger(value) && Number(value) >= 0 ? Number(value) : undefined;
}
