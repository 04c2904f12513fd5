/** The part of a page's global object that this needs; other platforms have none of it. */
interface Page {
  readonly document?: EventTarget & { readonly visibilityState: string };
  addEventListener?(type: string, listener: () => void): void;
  removeEventListener?(type: string, listener: () => void): void;
}

/**
 * Calls `listener` when a page comes back to life: it is shown again, or the network is back. Its timers may have been held
 * up until then. Gives the function that ends this.
 */
export function onWake(listener: () => void): () => void {
  const page = globalThis as Page;
  const { document } = page;
  if (document === undefined) return () => {};
  const whenVisible = () => {
    if (document.visibilityState === 'visible') listener();
  };
  document.addEventListener('visibilitychange', whenVisible);
  page.addEventListener?.('online', listener);
  return () => {
    document.removeEventListener('visibilitychange', whenVisible);
    page.removeEventListener?.('online', listener);
  };
}
