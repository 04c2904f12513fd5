import type { ReadonlySignal } from '@preact/signals';
import { useEffect, useState } from 'preact/hooks';

/** Milliseconds between two drawings of what changes now and then, and of what changes faster than anybody reads. */
const CALM = 150;
const BUSY = 500;
/** Changes between two drawings that make the difference. */
const MANY = 500;

/** Has the component drawn anew when the count has changed, the more seldom the faster it grows. */
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
