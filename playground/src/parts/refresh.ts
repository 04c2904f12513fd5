import type { ReadonlySignal } from '@preact/signals';
import { useEffect, useState } from 'preact/hooks';

/** Has the component drawn anew when the signal has changed, every `interval` milliseconds at most. */
export function useRefresh(source: ReadonlySignal<unknown>, interval: number): void {
  const [, setTurn] = useState(0);
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const stop = source.subscribe(() => {
      timer ??= setTimeout(() => {
        timer = undefined;
        setTurn((turn) => turn + 1);
      }, interval);
    });
    return () => {
      stop();
      clearTimeout(timer);
    };
  }, [source, interval]);
}
