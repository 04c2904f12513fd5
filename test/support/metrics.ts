/** Reads what a server of metrics says. */

/** The value of each series in a text of Prometheus. */
export function seriesOf(text: string): Map<string, number> {
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.split(' ').at(-1))]));
}

/** The metrics at a URL of `/metrics`: the value of the series of a role, by name and further labels. */
export async function readMetrics(url: string) {
  const text = await (await fetch(url)).text();
  const all = seriesOf(text);
  return {
    text,
    all,
    of: (metric: string, role: string, labels = '') => {
      const own = [...all].filter(
        ([series]) => series.startsWith(`${metric}{role="${role}",`) && series.includes(labels),
      );
      return own.length === 1 ? own[0]?.[1] : undefined;
    },
  };
}

/** The status of `/readyz` beside a URL of `/metrics`, and what it says. */
export async function readReadiness(
  url: string,
): Promise<{ readonly status: number; readonly text: string }> {
  const response = await fetch(new URL('/readyz', url));
  return { status: response.status, text: await response.text() };
}
