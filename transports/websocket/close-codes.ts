/** The close codes of a WebSocket between client and relay, of both sides. One by one, so that bundlers put the number in their place. */

/** The client is done. */
export const normal = 1000;
/** The relay is going down. */
export const goingAway = 1001;
/** A message or frame is over the announced limit. */
export const tooBig = 1009;
/** The relay failed. */
export const relayFailed = 1011;
/** What came is no frame, or not in order. */
export const badFrame = 4400;
/** The token is missing, wrong or expired. */
export const unauthorized = 4401;
/** A topic, client id or address that is not the client's. */
export const forbidden = 4403;
/** No common version. */
export const unsupportedVersion = 4406;
/** No greeting came, or nothing any more. */
export const silent = 4408;
/** Another socket took the session over. */
export const replaced = 4409;
/** Results lie unread, more than the relay holds for one client. */
export const slowConsumer = 4413;
/** Over a limit of connections. */
export const tooMany = 4429;
