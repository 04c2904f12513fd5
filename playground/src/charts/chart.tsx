import { useEffect, useRef, useState } from 'preact/hooks';
import type uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import { usePlayground } from '../context.ts';

export interface ChartLine {
  readonly name: string;
  /** The custom property of the style sheet that has its colour. */
  readonly color: string;
  readonly isFilled: boolean;
}

interface ChartProps {
  readonly title: string;
  /** Seconds, and a list of values for each line. */
  readonly data: readonly (readonly (number | null)[])[];
  readonly lines: readonly ChartLine[];
  readonly format: (value: number) => string;
}

const HEIGHT = 132;

/** A chart over time. It is drawn anew whenever its data changes, at most once a frame. What draws it is loaded with the first chart. */
export function Chart({ title, data, lines, format }: ChartProps) {
  const { theme } = usePlayground();
  const { isDark } = theme;
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | undefined>(undefined);
  // The data may change while the code is on its way.
  const latest = useRef(data);
  latest.current = data;
  const [isMissing, setMissing] = useState(false);
  useEffect(() => {
    const element = place.current;
    if (element === null) return;
    let isOver = false;
    const observer = new ResizeObserver(() => {
      plot.current?.setSize({ width: element.clientWidth, height: HEIGHT });
    });
    const draw = (UPlot: typeof uPlot) => {
      if (isOver) return;
      plot.current = new UPlot(
        optionsOf(lines, format, element.clientWidth),
        aligned(latest.current),
        element,
      );
      observer.observe(element);
      setMissing(false);
    };
    import('uplot').then(
      (loaded) => draw(loaded.default),
      () => setMissing(!isOver),
    );
    return () => {
      isOver = true;
      observer.disconnect();
      plot.current?.destroy();
      plot.current = undefined;
    };
    // The theme sets the colours.
  }, [isDark]);
  useEffect(() => {
    plot.current?.setData(aligned(data));
  }, [data[0], data[1], data[2]]);
  const last = lines.map(({ name }, index) => {
    const value = (data[index + 1] ?? []).findLast((one) => one !== null && one !== undefined);
    return { name, value };
  });
  return (
    <figure class="chart">
      <figcaption>
        <span>{title}</span>
        <span class="chart-keys">
          {last.map(({ name, value }, index) => (
            <span key={name} class={`chart-key chart-key-${index}`}>
              {lines.length > 1 && `${name} `}
              <b>{value === undefined || value === null ? '–' : format(value)}</b>
            </span>
          ))}
        </span>
      </figcaption>
      {isMissing && (
        <p class="hint">What draws the chart could not be loaded. Reload the page once its server is up.</p>
      )}
      <div ref={place} class="chart-place" aria-hidden="true" />
    </figure>
  );
}

function aligned(data: ChartProps['data']): uPlot.AlignedData {
  const [times = [], ...values] = data;
  return [times.map((time) => time ?? 0), ...values.map((list) => [...list])];
}

function optionsOf(lines: readonly ChartLine[], format: ChartProps['format'], width: number): uPlot.Options {
  const style = getComputedStyle(document.documentElement);
  const color = (name: string) => style.getPropertyValue(name).trim();
  const axis = {
    stroke: color('--ink-soft'),
    grid: { stroke: color('--line'), width: 1 },
    ticks: { show: false },
    font: '11px ui-sans-serif, system-ui, sans-serif',
  };
  return {
    width,
    height: HEIGHT,
    legend: { show: false },
    cursor: { show: false },
    // Right: half of the last label of the time axis.
    padding: [8, 18, 0, 0],
    scales: {
      x: { time: false, range: (_plot, _min, max) => [0, Math.max(1, max || 0)] },
      y: { range: fromZero },
    },
    axes: [
      { ...axis, size: 24, values: (_plot, splits) => splits.map((split) => `${split} s`) },
      { ...axis, size: 52, values: (_plot, splits) => splits.map(format), splits: threeSplits },
    ],
    series: [
      {},
      ...lines.map(({ color: name, isFilled }) => ({
        stroke: color(name),
        width: 1.5,
        spanGaps: true,
        // A job that ends at once is a single point, which a line would not show.
        points: { show: isPoint, size: 6 },
        ...(isFilled && { fill: color('--leaf-wash') }),
      })),
    ],
  };
}

function isPoint(plot: uPlot, line: number): boolean {
  const values = plot.data[line] ?? [];
  return values.filter((value) => value !== null && value !== undefined).length < 2;
}

function fromZero(_plot: uPlot, _min: number | null, max: number | null): [number, number] {
  return [0, Math.max(1, (max ?? 0) * 1.1)];
}

function threeSplits(plot: uPlot): number[] {
  const top = plot.scales['y']?.max ?? 1;
  return [0, top / 2, top].map((value) => (top > 10 ? Math.round(value) : value));
}
