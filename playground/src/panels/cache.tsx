import { usePlayground } from '../context.ts';
import { clipped } from '../parts/clipped.ts';
import { Area, Field } from '../parts/fields.tsx';
import { FormatChoice } from '../parts/format-choice.tsx';
import { Trouble } from '../parts/trouble.tsx';
import { size } from '../state/numbers.ts';

/** Characters of a value that are shown. */
const MOST_SHOWN = 20_000;

export function CachePanel() {
  const { link, cache, connection } = usePlayground();
  const { key, session, fn } = link.value;
  const state = cache.state.value;
  const isAsking = state.type === 'asking';
  const names = connection.discovery.servers.value.map(({ name }) => name);
  const setServer = (server: string) => {
    const stage = fn.split(' ')[0]?.split('.')[1] ?? 'echo';
    link.set({ fn: `${server}.${stage}` });
  };
  return (
    <>
      <form
        class="form"
        onSubmit={(event) => {
          event.preventDefault();
          cache.run('get');
        }}
      >
        <div class="row">
          <Field label="Server" value={cache.server} options={names} isMono onInput={setServer} />
          <Field
            label="Session"
            value={session}
            placeholder="none"
            hint="Precedes every key and marks every message."
            isMono
            onInput={(value) => link.set({ session: value })}
          />
        </div>
        <Field
          label="Key"
          value={key}
          placeholder="left out, the client makes one"
          isMono
          width="wide"
          onInput={(value) => link.set({ key: value })}
        />
        <FormatChoice />
        <Area
          label="Value"
          rows={2}
          value={cache.value.value}
          onInput={(value) => {
            cache.value.value = value;
          }}
        />
        <div class="row actions">
          <button type="submit" class="primary" aria-disabled={isAsking}>
            Get
          </button>
          <button type="button" aria-disabled={isAsking} onClick={() => cache.run('set')}>
            {key === '' ? 'Set under a new key' : 'Set'}
          </button>
          <button type="button" aria-disabled={isAsking} onClick={() => cache.run('delete')}>
            Delete
          </button>
        </div>
      </form>
      <section class="answer" aria-label="Outcome" aria-live="polite">
        {state.type === 'idle' && (
          <p class="empty">Set a value, and get it from any client, function or worker.</p>
        )}
        {state.type === 'asking' && <p class="empty">Asking…</p>}
        {state.type === 'failed' && <Trouble error={state.error} />}
        {state.type === 'done' && (
          <>
            <p class="answer-head">
              <span class="badge badge-good">{state.outcome.operation}</span>
              <span class="mono">{state.outcome.key}</span>
            </p>
            <output class="answer-part mono">{clipped(state.outcome.text, MOST_SHOWN)}</output>
          </>
        )}
      </section>
      <SeenKeys />
    </>
  );
}

function SeenKeys() {
  const { cache, link } = usePlayground();
  const seen = cache.seen.value;
  return (
    <section class="keys-seen" aria-label="Keys seen here">
      <h3>Keys seen here</h3>
      <p class="hint">A PALM cache cannot list its keys. These are the keys that this page has used.</p>
      {seen.length > 0 && (
        <div class="table-scroll">
          <table class="keys-table">
            <thead>
              <tr>
                <th scope="col">key</th>
                <th scope="col">session</th>
                <th scope="col">server</th>
                <th scope="col">value</th>
                <th scope="col" class="figure">
                  size
                </th>
              </tr>
            </thead>
            <tbody>
              {seen.map((one) => (
                <tr key={`${one.server} ${one.session} ${one.key}`}>
                  <td>
                    <button
                      type="button"
                      class="link mono"
                      onClick={() => {
                        link.set({ key: one.key, session: one.session });
                        cache.run('get');
                      }}
                    >
                      {one.key}
                    </button>
                  </td>
                  <td class="mono">{one.session || '–'}</td>
                  <td class="mono">{one.server}</td>
                  <td class="mono clip">{one.shown ?? <span class="hint">not there</span>}</td>
                  <td class="figure">{one.shown === undefined ? '' : size(one.size)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </section>
  );
}
