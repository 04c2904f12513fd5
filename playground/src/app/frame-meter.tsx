import { usePlayground } from '../context.ts';

const WIDTH = 60;
const HEIGHT = 18;

/** Shows how long the last frames of the page took, and so what a job costs the page. */
export function FrameMeter() {
  const { frames } = usePlayground();
  const { rate, longest, recent } = frames.stats.value;
  // 16.7 ms is a third of the height, so that a frame of 50 ms fills it.
  const bars = recent.map((took, index) => {
    const height = Math.min(HEIGHT, (took / 50) * HEIGHT);
    return `M${index + 0.5} ${HEIGHT}v${-height.toFixed(1)}`;
  });
  return (
    <div
      class="meter"
      role="img"
      aria-label={`${rate} frames a second, the longest of the last ${Math.round(longest)} ms`}
    >
      <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" aria-hidden="true">
        <path d={bars.join('')} />
      </svg>
      <span class="figure" aria-hidden="true">
        {rate} fps
      </span>
    </div>
  );
}
