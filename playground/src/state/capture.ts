/** Captures of the wire as JSON: what `Save capture` writes. */
import type { PalmMessage } from 'frond';
import { bytesOfHex, hexOf } from './hex.ts';
import type { WireEntry } from './wire-log.ts';

const FORMAT = 'frond-capture-1';

interface Saved extends Omit<WireEntry, 'message' | 'topic' | 'number'> {
  readonly topic?: string;
  readonly message?: Omit<PalmMessage, 'payload' | 'unknown'> & {
    readonly payload: string;
    readonly unknown: string;
  };
}

/** @param entries - oldest first. */
export function writeCapture(entries: readonly WireEntry[]): string {
  const saved = entries.map(
    ({ message, topic, number: _, ...rest }): Saved => ({
      ...rest,
      ...(topic !== undefined && { topic }),
      ...(message !== undefined && {
        message: { ...message, payload: hexOf(message.payload), unknown: hexOf(message.unknown) },
      }),
    }),
  );
  return `{"format":"${FORMAT}","envelopes":[\n${saved.map((one) => JSON.stringify(one)).join(',\n')}\n]}\n`;
}

/** @throws Error that says what is wrong with it. */
export function readCapture(text: string): WireEntry[] {
  const value: unknown = JSON.parse(text);
  if (!isRecord(value) || value['format'] !== FORMAT || !Array.isArray(value['envelopes'])) {
    throw new Error(`this is no capture of the playground: it lacks "format": "${FORMAT}"`);
  }
  return value['envelopes'].map((entry: unknown, number) => {
    if (!isSaved(entry)) throw new Error(`envelope ${number} of the capture is not complete`);
    const { message, topic, ...rest } = entry;
    return {
      ...rest,
      number,
      topic,
      message: message && {
        ...message,
        payload: bytesOfHex(message.payload),
        unknown: bytesOfHex(message.unknown),
      },
    };
  });
}

function isSaved(value: unknown): value is Saved {
  if (!isRecord(value)) return false;
  const { direction, channel, address, size, at, client, topic, message } = value;
  return (
    (direction === 'in' || direction === 'out') &&
    (channel === 'push' || channel === 'sub' || channel === 'db') &&
    typeof address === 'string' &&
    typeof client === 'string' &&
    Number.isFinite(size) &&
    Number.isFinite(at) &&
    (topic === undefined || typeof topic === 'string') &&
    (message === undefined || isSavedMessage(message))
  );
}

const TEXTS = ['pipeline', 'client', 'function', 'cache', 'payload', 'error', 'errorName', 'unknown'];
const NUMBERS = ['stage', 'features', 'status', 'ordinal'];

function isSavedMessage(value: unknown): boolean {
  return (
    isRecord(value) &&
    TEXTS.every((key) => typeof value[key] === 'string') &&
    NUMBERS.every((key) => Number.isSafeInteger(value[key]))
  );
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
