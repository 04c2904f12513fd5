import type { Frames } from '../state/frames.ts';
import { type Curve, pointAt } from './paths.ts';

interface Dot {
  readonly element: SVGCircleElement;
  readonly route: readonly Curve[];
  readonly began: number;
}

/** Milliseconds that a dot takes for one edge, and between two dots of the same route. */
const STEP = 420;
const GAP = 90;
const MOST = 32;

/** Dots for messages that move along the edges: one for each message, until there are too many to see. */
export class Dots {
  readonly #layer: SVGGElement;
  readonly #dots = new Set<Dot>();
  readonly #last = new Map<string, number>();
  readonly #stop: () => void;

  constructor(layer: SVGGElement, frames: Frames) {
    this.#layer = layer;
    this.#stop = frames.each((now) => this.#move(now));
  }

  /** Sends a dot on its way. @param kind - the class of its colour. */
  send(key: string, kind: string, route: readonly Curve[]): void {
    const now = performance.now();
    if (route.length === 0 || this.#dots.size >= MOST || now - (this.#last.get(key) ?? 0) < GAP) return;
    this.#last.set(key, now);
    const element = document.createElementNS('http://www.w3.org/2000/svg', 'circle');
    element.setAttribute('r', '4');
    element.setAttribute('class', `dot dot-${kind}`);
    this.#layer.append(element);
    const dot = { element, route, began: now };
    this.#dots.add(dot);
    this.#place(dot, now);
  }

  close(): void {
    this.#stop();
    for (const { element } of this.#dots) element.remove();
    this.#dots.clear();
  }

  #move(now: number): void {
    for (const dot of this.#dots) {
      if (this.#place(dot, now)) continue;
      dot.element.remove();
      this.#dots.delete(dot);
    }
  }

  /** Whether it is still on its way. */
  #place({ element, route, began }: Dot, now: number): boolean {
    const way = Math.max(0, now - began) / STEP;
    const curve = route[Math.floor(way)];
    if (curve === undefined) return false;
    const { x, y } = pointAt(curve, ease(way % 1));
    element.setAttribute('cx', x.toFixed(1));
    element.setAttribute('cy', y.toFixed(1));
    return true;
  }
}

function ease(t: number): number {
  return t < 0.5 ? 2 * t * t : 1 - (2 - 2 * t) ** 2 / 2;
}
