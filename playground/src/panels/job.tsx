import { useId } from 'preact/hooks';
import { LatencyChart, RateChart } from '../charts/charts.tsx';
import { usePlayground } from '../context.ts';
import { Choice, Field } from '../parts/fields.tsx';
import { PathField } from '../parts/path-field.tsx';
import { INPUTS, type InputKind, isInputKind } from '../state/inputs.ts';
import { LinesInput } from './lines-input.tsx';
import { Progress } from './progress.tsx';
import { Results } from './results.tsx';

const INPUT_NAMES: Readonly<Record<InputKind, string>> = {
  numbers: 'Numbers',
  words: 'Words',
  lines: 'Lines of a file',
};

export function JobPanel() {
  const { link, job } = usePlayground();
  const { input, count, kind, results } = link.value;
  return (
    <>
      <form
        class="form"
        onSubmit={(event) => {
          event.preventDefault();
          job.start();
        }}
      >
        <PathField />
        <div class="row">
          <Choice
            label="How"
            value={kind === 'map' ? 'map' : 'job'}
            options={[
              ['job', 'Job'],
              ['map', 'Map'],
            ]}
            onChange={(next) => link.set({ kind: next })}
          />
          <Choice
            label="Input"
            value={isInputKind(input) ? input : 'numbers'}
            options={INPUTS.map((one) => [one, INPUT_NAMES[one]] as const)}
            onChange={(next) => link.set({ input: next })}
          />
          {input !== 'lines' && (
            <Field
              label="How many"
              type="number"
              width="narrow"
              value={count}
              onInput={(value) => link.set({ count: value })}
            />
          )}
          {kind !== 'map' && (
            <Field
              label="Ends after"
              width="narrow"
              value={results}
              placeholder="all of them"
              options={['open']}
              onInput={(value) => link.set({ results: value })}
            />
          )}
        </div>
        <p class="hint">
          {kind === 'map'
            ? 'Map gives one result for each input, in order, and ends by itself.'
            : 'A job gives results as they arrive. A pipeline may drop some, and scattering may add some. With “open” the job does not end by itself.'}
        </p>
        {kind === 'map' && <MapOptionFields />}
        {input === 'lines' && <LinesInput />}
        <Actions label={kind === 'map' ? 'Map' : 'Run the job'} />
      </form>
      <Progress />
      <div class="charts">
        <RateChart />
        <LatencyChart />
      </div>
      <Results />
    </>
  );
}

function MapOptionFields() {
  const { link } = usePlayground();
  const { ordered, window, retries } = link.value;
  return (
    <div class="row">
      <Choice
        label="Results"
        value={ordered === 'no' ? 'no' : 'yes'}
        options={[
          ['yes', 'In order'],
          ['no', 'As they come'],
        ]}
        onChange={(next) => link.set({ ordered: next })}
      />
      <Field
        label="Window"
        type="number"
        width="narrow"
        value={window}
        onInput={(value) => link.set({ window: value })}
      />
      <Field
        label="Retries"
        type="number"
        width="narrow"
        value={retries}
        onInput={(value) => link.set({ retries: value })}
      />
    </div>
  );
}

/** A component of its own, so that changes during a job do not draw the rest of the panel. */
function Actions({ label }: { readonly label: string }) {
  const { job } = usePlayground();
  const id = useId();
  const isUnderWay = job.isUnderWay.value;
  const isPaused = job.phase.value === 'paused';
  return (
    <>
      <div class="row actions">
        <button
          type="submit"
          class="primary"
          aria-disabled={isUnderWay}
          aria-describedby={isUnderWay ? id : undefined}
        >
          {label}
        </button>
        <button type="button" disabled={!isUnderWay} onClick={() => (isPaused ? job.resume() : job.pause())}>
          {isPaused ? 'Go on' : 'Pause'}
        </button>
        <button type="button" disabled={!isUnderWay} onClick={() => job.stop()}>
          Stop
        </button>
      </div>
      {isUnderWay && (
        <p id={id} class="hint" role="status">
          One job at a time: <span class="mono">{job.view.peek().path}</span> is under way. Stop it, or let it
          end, to run another.
        </p>
      )}
    </>
  );
}
