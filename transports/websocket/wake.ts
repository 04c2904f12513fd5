/** The part of the platform's global object that this needs; not all have it. */
interface Page {
  addEventListener?(type: string, listener: (event: PageEvent) => void, isCapturing: true): void;
  removeEventListener?(type: string, listener: (event: PageEvent) => void, isCapturing: true): void;
}

interface PageEvent {
  readonly type: string;
  readonly persisted?: boolean;
}

const EVENTS = ['visibilitychange', 'online', 'pageshow', 'resume', 'pagehide'] as const;

/**
 * Calls `wake` when a page may come back to life: it is shown or hidden, the network is back, or the browser had stopped it. What it took for
 * a link may be none by then. Calls `leave` when the page is put away and may come back. Gives the function that ends this.
 */
export function onWake(wake: () => void, leave: () => void): () => void {
  const page = globalThis as Page;
  const listener = ({ type, persisted }: PageEvent) => {
    if (type !== 'pagehide') wake();
    else if (persisted === true) leave();
  };
  // Some are the window's and some the document's; capturing, the window hears of all.
  for (const type of EVENTS) page.addEventListener?.(type, listener, true);
  return () => {
    for (const type of EVENTS) page.removeEventListener?.(type, listener, true);
  };
}
