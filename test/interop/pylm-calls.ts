/** Calls of pylm's own client: several by one client, since each start of Python takes a second. */
import type { Entry } from './mixed.ts';
import { runClient } from './python.ts';

/** What a call gave: hex of its results, or what went wrong. */
export interface PylmAnswer {
  /** Of eval and job. */
  readonly results?: readonly string[];
  /** Of set, get and delete. */
  readonly result?: string;
  readonly error?: string;
}

export interface PylmCallOptions {
  /** Seconds until a call that gets no answer is given up. */
  readonly timeout?: number;
}

/** Has one client make the calls, one after another: words as servers/client.py takes them. */
export async function pylmCalls(
  { serverName, dbAddress, pushAddress, subAddress }: Entry,
  calls: readonly (readonly string[])[],
  { timeout = 10 }: PylmCallOptions = {},
): Promise<readonly PylmAnswer[]> {
  const connection = ['--server', serverName, '--db', dbAddress, '--push', pushAddress, '--sub', subAddress];
  const words = [...connection, '--timeout', String(timeout), 'calls', JSON.stringify(calls)];
  const { answers } = await runClient<{ answers: PylmAnswer[] }>(words, {
    timeout: 20_000 + calls.length * timeout * 1_000,
  });
  return answers;
}

/** The results of an eval or job as text. */
export function textsOf({ results = [] }: PylmAnswer): string[] {
  return results.map((result) => Buffer.from(result, 'hex').toString());
}

export const hex = (text: string) => Buffer.from(text).toString('hex');
