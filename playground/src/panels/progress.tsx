import { usePlayground } from '../context.ts';
import { Trouble } from '../parts/trouble.tsx';
import type { JobView } from '../state/job-view.ts';
import { duration, grouped } from '../state/numbers.ts';

const PHASES: Readonly<Record<JobView['phase'], string>> = {
  idle: 'not started',
  running: 'running',
  paused: 'paused',
  done: 'done',
  stopped: 'stopped',
  failed: 'failed',
};

/** Shows how far the job is, and what it costs the page. */
export function Progress() {
  const { job } = usePlayground();
  const { phase, wanted, sent, received, failures, rate, elapsed, frames, error, lastFailure } =
    job.view.value;
  const share = wanted === undefined || wanted === 0 ? 0 : received / wanted;
  return (
    <section class="progress" aria-label="Progress">
      <progress value={phase === 'idle' ? 0 : share} max={1} aria-label="Results so far" />
      <dl class="stats">
        <div>
          <dt>state</dt>
          <dd>
            <span role="status">{PHASES[phase]}</span>
          </dd>
        </div>
        <div>
          <dt>sent</dt>
          <dd>{grouped(sent)}</dd>
        </div>
        <div>
          <dt>results</dt>
          <dd>{grouped(received)}</dd>
        </div>
        <div>
          <dt>a second</dt>
          <dd>{grouped(rate)}</dd>
        </div>
        <div>
          <dt>took</dt>
          <dd>{duration(elapsed * 1_000)}</dd>
        </div>
        <div class={failures > 0 ? 'is-bad' : ''}>
          <dt>failed</dt>
          <dd>{grouped(failures)}</dd>
        </div>
        <div class={frames.long > 0 ? 'is-bad' : ''}>
          <dt>longest frame</dt>
          <dd data-frames={frames.frames} data-long={frames.long} data-longest={frames.longest}>
            {duration(frames.longest)}
          </dd>
        </div>
      </dl>
      {lastFailure !== undefined && phase !== 'failed' && <Trouble error={lastFailure} />}
      {phase === 'failed' && <Trouble error={error} />}
    </section>
  );
}
