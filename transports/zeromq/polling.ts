/**
 * Deno tells an addon once that a socket has news, and not again (denoland/deno#36317), so a wait for a message may never end
 * there. What can be used at once needs no telling: in Deno sockets are asked, often after they were used, and less and less
 * often when nothing happens.
 */
export const MUST_POLL = 'Deno' in globalThis;

/** Milliseconds between two looks at most. */
const LONGEST_PAUSE = 16;

interface Asked {
  readonly closed: boolean;
  readonly readable: boolean;
  readonly writable: boolean;
}

/** Resolves when the socket can be used so, or is closed. */
export async function untilUsable(socket: Asked, use: 'readable' | 'writable'): Promise<void> {
  for (let pause = 1; !socket.closed && !socket[use]; pause = Math.min(2 * pause, LONGEST_PAUSE)) {
    await new Promise((resolve) => setTimeout(resolve, pause));
  }
}
