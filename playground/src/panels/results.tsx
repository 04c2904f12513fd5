import { usePlayground } from '../context.ts';
import { grouped } from '../state/numbers.ts';

/** The last results, at most as many as a person can read. */
export function Results() {
  const { job } = usePlayground();
  const results = job.results.value;
  return (
    <section class="results" aria-label="Results">
      <h3>Last results</h3>
      {results.length === 0 ? (
        <p class="empty">The last hundred results appear here.</p>
      ) : (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard.
        <ol class="result-lines mono" tabIndex={0} aria-label="The last results, newest first">
          {results.map(({ number, shown }, place) => (
            <li key={String(place)}>
              <span class="result-number">{grouped(number)}</span>
              <span>{shown}</span>
            </li>
          ))}
        </ol>
      )}
    </section>
  );
}
