/**
 * A client begins a further batch on a pushing channel while fewer bytes are out. Each credit makes it as much more, up to the relay's
 * window, as TCP begins: who has much to send soon has all of it, and a crowd that begins at once does not lay everything
 * at the relay's door.
 */
export const FIRST_WINDOW = 8_192;
