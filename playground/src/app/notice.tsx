import { usePlayground } from '../context.ts';
import { Trouble } from '../parts/trouble.tsx';
import { duration } from '../state/numbers.ts';

/** Says on every panel why nothing can be called now, and what the page does about it. */
export function ConnectionNotice({ panel }: { readonly panel: string }) {
  const { connection, link } = usePlayground();
  const phase = connection.phase.value;
  const url = connection.place.value?.label ?? link.value.relay;
  if (phase.type === 'away') {
    const { reason, attempt, delay } = phase.away;
    return (
      <section class="notice" aria-label="Connection" aria-live="polite">
        <p class="trouble-head">
          <span class="badge badge-busy">trying again</span>
          <b>The page cannot reach the relay</b>
        </p>
        <p class="trouble-text">
          <span class="mono">{url}</span>: {reason}
        </p>
        <p class="hint">
          {attempt > 0 && `Attempt ${attempt} starts in ${duration(delay)}. `}
          The page keeps trying. A call waits for the relay until its time-out.
        </p>
      </section>
    );
  }
  if (phase.type !== 'failed') return null;
  return (
    <section class="notice-failed" aria-label="Connection">
      <Trouble error={phase.error} place={phase.isRetried ? 'retried' : 'refused'}>
        {panel !== 'connect' && (
          <button type="button" onClick={() => link.open('connect')}>
            Open Connect
          </button>
        )}
      </Trouble>
    </section>
  );
}
