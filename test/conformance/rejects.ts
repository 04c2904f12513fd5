import { expect } from 'vitest';

/**
 * Expects a promise to reject with an error that has these properties. `expect(…).rejects` gives no reason when the promise resolves.
 * @param why - what the contract demands.
 */
export async function rejects(promise: Promise<unknown>, error: object, why: string): Promise<void> {
  const outcome = await promise.then(
    () => 'it resolved',
    (reason: unknown) => reason,
  );
  expect(outcome, why).toEqual('asymmetricMatch' in error ? error : expect.objectContaining(error));
}
