import type { Screen } from '../../cli/terminal/screen.ts';

/** Milliseconds between two looks. */
const REFRESH = 250;

/** Redraws the status line until the function that it gives is called. Nothing at all where there is no status line. */
export function showStatus(screen: Screen, text: () => string): () => void {
  if (!screen.canRedraw) return () => {};
  const draw = () => screen.status(text());
  draw();
  const timer = setInterval(draw, REFRESH);
  return () => {
    clearInterval(timer);
    screen.status(undefined);
  };
}
