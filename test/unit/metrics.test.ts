import { describe, expect, it } from 'vitest';
import { Histogram, type Metric, metricsText } from '../../src/metrics.ts';

const gauge = (name: string, value: number, labels: Readonly<Record<string, string>> = {}): Metric => ({
  name,
  help: `what ${name} is`,
  type: 'gauge',
  samples: [{ labels, value }],
});

describe('the text of metrics', () => {
  it('has a heading for each name, and a line for each sample', () => {
    const counter: Metric = {
      name: 'calls_total',
      help: 'Calls',
      type: 'counter',
      samples: [
        { labels: { of: 'a', code: '1' }, value: 3 },
        { labels: {}, value: 0.5 },
      ],
    };
    expect(metricsText([counter, gauge('x', 1)])).toBe(
      '# HELP calls_total Calls\n# TYPE calls_total counter\ncalls_total{of="a",code="1"} 3\ncalls_total 0.5\n' +
        '# HELP x what x is\n# TYPE x gauge\nx 1\n',
    );
    expect(metricsText([])).toBe('');
  });

  it('has the samples of one name together, under the heading of the first', () => {
    const text = metricsText([
      gauge('x', 1, { name: 'a' }),
      gauge('y', 2),
      { ...gauge('x', 3, { name: 'b' }), help: 'other' },
    ]);
    expect(text.split('\n')).toEqual([
      '# HELP x what x is',
      '# TYPE x gauge',
      'x{name="a"} 1',
      'x{name="b"} 3',
      '# HELP y what y is',
      '# TYPE y gauge',
      'y 2',
      '',
    ]);
  });

  it('lets no label and no help begin another line', () => {
    const text = metricsText([
      { ...gauge('x', 1, { name: 'a"} 9\nevil 1 \\' }), help: 'one\ntwo \\ "three"' },
    ]);
    expect(text).toBe('# HELP x one\\ntwo \\\\ "three"\n# TYPE x gauge\nx{name="a\\"} 9\\nevil 1 \\\\"} 1\n');
  });

  it.each([
    [Number.POSITIVE_INFINITY, '+Inf'],
    [Number.NEGATIVE_INFINITY, '-Inf'],
    [Number.NaN, 'NaN'],
    [1e21, '1e+21'],
  ])('writes %d as %s', (value, written) => {
    expect(metricsText([gauge('x', value)])).toMatch(new RegExp(`\nx ${written.replace('+', '\\+')}\n$`));
  });

  it('has buckets that are summed up, up to +Inf, with sum and count', () => {
    const histogram = new Histogram([1, 2.5]);
    for (const value of [0.5, 1, 2, 3, 4]) histogram.observe(value);
    const metric: Metric = {
      name: 't_seconds',
      help: 'T',
      type: 'histogram',
      samples: [{ labels: { f: 'g' }, value: histogram.distribution }],
    };
    expect(metricsText([metric]).split('\n').slice(2)).toEqual([
      't_seconds_bucket{f="g",le="1"} 2',
      't_seconds_bucket{f="g",le="2.5"} 3',
      't_seconds_bucket{f="g",le="+Inf"} 5',
      't_seconds_sum{f="g"} 10.5',
      't_seconds_count{f="g"} 5',
      '',
    ]);
  });
});

describe('a histogram', () => {
  it('counts each observation in all buckets that hold it, and a bound in its own', () => {
    const histogram = new Histogram([0.1, 1, 10]);
    expect(histogram.distribution).toEqual({ bounds: [0.1, 1, 10], counts: [0, 0, 0], sum: 0, count: 0 });
    for (const value of [0, 0.1, 0.2, 10, 11]) histogram.observe(value);
    expect(histogram.distribution).toMatchObject({ counts: [2, 3, 4], count: 5 });
    expect(histogram.distribution.sum).toBeCloseTo(21.3);
  });

  it('gives what was observed so far, and not what comes later', () => {
    const histogram = new Histogram([1]);
    const before = histogram.distribution;
    histogram.observe(1);
    expect([before.count, histogram.distribution.count]).toEqual([0, 1]);
  });
});
