/** Values of {@link PalmMessage.status}. One by one, so that bundlers put the number in their place. */

export const ok = 0;
/** The function threw, or gave back something that is no bytes. */
export const failed = 1;
/** No such function, server name or cache operation. */
export const unknownFunction = 2;
/** The key is not in the cache. */
export const missing = 3;
/** The server does not let clients do this. */
export const refused = 4;
