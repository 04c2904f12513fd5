/** Values of {@link PalmMessage.status}. Single constants, so that bundlers replace them by their numbers. */

/** The call succeeded. */
export const ok = 0;
/** The function threw, or returned something that is not bytes. */
export const failed = 1;
/** There is no such function, server name or cache operation. */
export const unknownFunction = 2;
/** The key is not in the cache. */
export const missing = 3;
/** The server does not let clients do this. */
export const refused = 4;
/** The caller had cancelled the call before it came. */
export const cancelled = 5;
/** The input is not what the function takes: the payload says why, as JSON. */
export const invalid = 6;
/** No result: the function is over. Only to callers that set {@link Feature.ends}. */
export const ended = 7;
/** No result: how far the function is. Only to callers that asked for it. */
export const progress = 8;

/** Whether a call with this status failed. */
export function isFailure(status: number): boolean {
  return status !== ok && status !== ended && status !== progress;
}
