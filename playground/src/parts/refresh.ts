import type { ReadonlySignal } from '@preact/signals';
import { useEffect, useState } from 'preact/hooks';

/** Milliseconds between two drawings: for slow changes, and for changes that are too fast to read. */
const CALM = 150;
const BUSY = 500;
/** How many changes between two drawings count as fast. */
const MANY = 500;

/** Draws the component anew when the count has changed. The faster the count grows, the more rarely it draws. */
export function useRefresh(count: ReadonlySignal<number>): void {
  const [, setTurn] = useState(0);
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    let drawn = count.peek();
    let pause = CALM;
    const stop = count.subscribe(() => {
      timer ??= setTimeout(() => {
        timer = undefined;
        const now = count.peek();
        pause = now - drawn > MANY ? BUSY : CALM;
        drawn = now;
        setTurn((turn) => turn + 1);
      }, pause);
    });
    return () => {
      stop();
      clearTimeout(timer);
    };
  }, [count]);
}
