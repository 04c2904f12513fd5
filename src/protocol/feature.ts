/** Bits of {@link PalmMessage.features}. One by one, so that bundlers put the number in their place. */

/** Takes several envelopes in one delivery: `[topic, envelope, envelope, …]`. */
export const batches = 1;
/** Takes an envelope as the reply to a cache request. */
export const replies = 2;
/** `pipeline` is a session, which goes in front of the keys of the cache. */
export const session = 4;
/** A Master or Hub that hands work over to workers that ask for it. */
export const work = 8;
