import { usePlayground } from '../context.ts';
import { duration, grouped } from '../state/numbers.ts';
import { Chart } from './chart.tsx';

export function RateChart() {
  const { job } = usePlayground();
  const { times, rates } = job.series.value;
  return (
    <Chart
      title="Results a second"
      data={[times, rates]}
      lines={[{ name: 'results', color: '--leaf', isFilled: true }]}
      format={(value) => (value >= 10_000 ? `${grouped(value / 1_000)}k` : grouped(value))}
    />
  );
}

export function LatencyChart() {
  const { job } = usePlayground();
  const { times, p50, p95 } = job.series.value;
  return (
    <Chart
      title="From input to result"
      data={[times, p50, p95]}
      lines={[
        { name: 'half of them within', color: '--leaf', isFilled: false },
        { name: '95 % within', color: '--earth', isFilled: false },
      ]}
      format={(value) => duration(value)}
    />
  );
}
