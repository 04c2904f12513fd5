/**
 * `frond/protocol`: envelopes as bytes and back, for tools and tests that look at what is on the wire (docs/protocol/palm.md). Programs
 * that call or serve functions need none of it.
 */
export { EnvelopeCodec } from './envelope.ts';
/** Bits of {@link PalmMessage.features}. */
export * as Feature from './feature.ts';
export { joinPath, parsePath, type Stage } from './function-path.ts';
export { type PalmMessage, palmMessage } from './message.ts';
/** Values of {@link PalmMessage.status}. */
export * as Status from './status.ts';
