/** What a channel is for. One by one, so that bundlers put the number in their place. */
export const push = 1;
export const subscribe = 2;
export const pull = 3;
