/** `--metrics` of the commands that run roles. */
import type { Measured, MetricsServer } from '../../serve/index.ts';
import type { CommandContext } from '../command.ts';
import { parseHostPort } from '../host-port.ts';

/** What is measured, while it comes and goes: the command's own `closed` is its end. */
export type MeasuredRoles = Omit<Measured, 'closed' | 'name'>;

/**
 * Serves the metrics of roles where --metrics says, and prints where that is. Undefined without --metrics.
 * @param roles - are read at each request, so they may start later.
 * @throws CommandError `USAGE` for an address that is malformed, PalmError `INVALID_CALL` when it cannot listen there.
 */
export async function openMetrics(
  { options, output }: CommandContext,
  roles: MeasuredRoles,
): Promise<MetricsServer | undefined> {
  const place = options.text('metrics');
  if (place === undefined) return undefined;
  const { host = '*', port } = parseHostPort(place, '--metrics');
  // Loaded for this option alone: most roles run without it, and need no HTTP.
  const { serveMetrics } = await import('../../serve/index.ts');
  const measured: Measured = {
    name: 'frond',
    metrics: () => roles.metrics(),
    get missing() {
      return roles.missing;
    },
    closed: new Promise(() => {}),
  };
  const server = await serveMetrics(measured, { host, port });
  const url = `${server.url}/metrics`;
  if (options.flag('json')) await output.json({ metrics: url });
  else await output.line(`metrics at ${url}`);
  return server;
}
