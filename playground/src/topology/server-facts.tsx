import type { ServerInfo } from '../state/discovery.ts';
import { grouped } from '../state/numbers.ts';

/** The status of a server. */
export function ServerFacts({ server }: { readonly server: ServerInfo }) {
  const { status } = server;
  if (status === undefined) {
    return (
      <p class="hint">
        <b>{server.name}</b> does not say what it is, as servers of pylm do not.
      </p>
    );
  }
  const { counters, workers = [] } = status;
  // Servers of frond 0.1 do not count them.
  const { cancelled = 0 } = counters;
  return (
    <dl class="facts">
      <dt>{status.name}</dt>
      <dd>
        {status.role}, up {Math.round(status.uptime / 1_000)} s
      </dd>
      <dt>received</dt>
      <dd class="figure">{grouped(counters.received)}</dd>
      <dt>answered</dt>
      <dd class="figure">
        {grouped(counters.answered)}
        {counters.failed > 0 && `, ${grouped(counters.failed)} failed`}
      </dd>
      {cancelled > 0 && <dt>cancelled</dt>}
      {cancelled > 0 && <dd class="figure">{grouped(cancelled)}</dd>}
      <dt>under way</dt>
      <dd class="figure">{grouped(counters.inFlight)}</dd>
      {workers.length > 0 && <dt>workers</dt>}
      {workers.length > 0 && <dd>{workers.map(({ name, holds }) => `${name} holds ${holds}`).join(', ')}</dd>}
      {server.functions.length > 0 && <dt>functions</dt>}
      {server.functions.length > 0 && <dd class="mono">{server.functions.join(' ')}</dd>}
    </dl>
  );
}
