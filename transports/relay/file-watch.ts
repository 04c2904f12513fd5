import { watch } from 'node:fs';
import { dirname } from 'node:path';

/** Milliseconds after a change in the folder: what is written in several steps has its rest by then. */
const SETTLE = 50;

/**
 * Calls `look` each `interval` milliseconds, and soon after something changed in the folder of the file, where the system
 * tells that: a file that takes another's place by its name is not the one that a watch would be on. Gives the function that
 * ends this.
 */
export function watchFile(path: string, interval: number, look: () => void): () => void {
  const timer = setInterval(look, interval);
  timer.unref();
  let settling: ReturnType<typeof setTimeout> | undefined;
  const stopWatching = watchFolder(dirname(path), () => {
    settling ??= setTimeout(() => {
      settling = undefined;
      look();
    }, SETTLE);
  });
  return () => {
    clearInterval(timer);
    clearTimeout(settling);
    stopWatching();
  };
}

/** Where it cannot be watched, as on some network drives or with too many watches, looking has to do. */
function watchFolder(folder: string, changed: () => void): () => void {
  try {
    const watcher = watch(folder, { persistent: false }, changed);
    watcher.on('error', () => watcher.close());
    return () => watcher.close();
  } catch {
    return () => {};
  }
}
