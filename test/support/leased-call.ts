import type { LeasedCall } from '../../src/cluster/dispatch/leased-calls.ts';

/** A call of a client, of which nothing else is known. */
export function callOf(client: string): LeasedCall {
  return { client, topic: '', path: '', stage: 0, features: 0, status: 0 };
}
