/** The types of the frames between client and relay: the number that each begins with. Single exports, so that bundlers inline the numbers. */
export const hello = 1;
export const welcome = 2;
export const ping = 3;
export const pong = 4;
export const piece = 5;
export const request = 10;
export const cancel = 11;
export const reply = 12;
export const failed = 13;
export const open = 20;
export const close = 21;
export const ready = 22;
export const broken = 23;
export const refused = 24;
export const openFrom = 25;
export const send = 30;
export const taken = 31;
export const results = 32;
export const work = 33;
export const store = 34;
export const stored = 35;
export const placed = 36;

/** Kinds of channels. */
export const push = 1;
export const subscribe = 2;
export const pull = 3;
