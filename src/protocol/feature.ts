/** Bits of {@link PalmMessage.features}. Single constants, so that bundlers replace them by their numbers. */

/** The sender takes several envelopes in one delivery: `[topic, envelope, envelope, …]`. */
export const batches = 1;
/** The sender takes an envelope as the reply to a cache request. */
export const replies = 2;
/** `pipeline` is a session: keys of the cache begin with it. */
export const session = 4;
/** The sender is a Master or Hub that leases work to workers that ask for it. */
export const work = 8;
/** In a reply, or in a request for work: the sender takes {@link CancelNotice}s. */
export const cancels = 16;
/** The call runs to its end, though its caller is gone. */
export const detached = 32;
/** It is the only message of its call. */
export const single = 64;
/** The caller wants to be told when a function that gives several results is over. */
export const ends = 128;
/** In a reply: the sender takes progress among the results of workers that ask it for work. */
export const progress = 256;
