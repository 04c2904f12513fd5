import { useSignal } from '@preact/signals';
import { useMemo } from 'preact/hooks';
import { usePlayground } from '../context.ts';
import { download } from '../parts/download.ts';
import { Choice, Field } from '../parts/fields.tsx';
import { useRefresh } from '../parts/refresh.ts';
import { Trouble } from '../parts/trouble.tsx';
import { readCapture, writeCapture } from '../state/capture.ts';
import { grouped, size } from '../state/numbers.ts';
import type { WireEntry } from '../state/wire-log.ts';
import { previewOf, type Way, WireView } from '../state/wire-view.ts';
import { EnvelopeView } from './envelope.tsx';

/** Pixels of a row, as the style sheet has it. */
const ROW = 29;

/** Rows that are drawn beyond the visible ones, so that scrolling shows no gap. */
const BEYOND = 4;

/** Rows that are drawn before the height of the table is known. */
const FIRST_ROWS = 20;

export function WirePanel() {
  const { wire } = usePlayground();
  const filter = useSignal('');
  const way = useSignal<Way>('all');
  const chosen = useSignal<WireEntry | undefined>(undefined);
  const trouble = useSignal<unknown>(undefined);
  const view = useMemo(() => new WireView(wire), [wire]);
  useRefresh(wire.count);
  // Not its value: reading that would draw the panel in each frame.
  const count = wire.count.peek();
  const rows = view.rows(filter.value, way.value);
  const load = async (file: File | undefined) => {
    if (file === undefined) return;
    try {
      wire.load(readCapture(await file.text()));
      trouble.value = undefined;
      chosen.value = undefined;
    } catch (error) {
      trouble.value = error;
    }
  };
  return (
    <>
      <div class="form">
        <div class="row">
          <Field
            label="Filter"
            value={filter.value}
            placeholder="function, topic, address, client, text"
            onInput={(value) => {
              filter.value = value;
            }}
          />
          <Choice<Way>
            label="Direction"
            value={way.value}
            options={[
              ['all', 'Both'],
              ['out', 'Out'],
              ['in', 'In'],
            ]}
            onChange={(value) => {
              way.value = value;
            }}
          />
        </div>
        <div class="row actions">
          <button
            type="button"
            aria-pressed={wire.isPaused.value}
            onClick={() => {
              wire.isPaused.value = !wire.isPaused.value;
            }}
          >
            {wire.isPaused.value ? 'Record again' : 'Hold'}
          </button>
          <button
            type="button"
            onClick={() => {
              wire.clear();
              chosen.value = undefined;
            }}
          >
            Clear
          </button>
          <button
            type="button"
            onClick={() => download('frond-capture.json', writeCapture([...wire.newest()].reverse()))}
          >
            Save capture
          </button>
          <label class="file button">
            Load capture
            <input
              type="file"
              accept=".json,application/json"
              onChange={(event) => load(event.currentTarget.files?.[0])}
            />
          </label>
          <span class="hint" role="status">
            {grouped(count)} envelopes, {size(wire.bytes)}
            {count > wire.kept && `; the last ${grouped(wire.kept)} are kept`}
          </span>
        </div>
      </div>
      {trouble.value !== undefined && <Trouble error={trouble.value} />}
      {rows.length === 0 ? (
        <p class="empty">
          {count === 0
            ? 'No envelope has passed yet. Make a call, then come back.'
            : 'No recorded envelope matches the filter.'}
        </p>
      ) : (
        <div class={`wire ${chosen.value === undefined ? '' : 'has-chosen'}`}>
          <WireTable
            rows={rows}
            chosen={chosen.value}
            onChoose={(entry) => {
              chosen.value = chosen.value?.number === entry.number ? undefined : entry;
            }}
          />
          {chosen.value !== undefined && <EnvelopeView entry={chosen.value} />}
        </div>
      )}
    </>
  );
}

interface TableProps {
  readonly rows: readonly WireEntry[];
  readonly chosen: WireEntry | undefined;
  readonly onChoose: (entry: WireEntry) => void;
}

/** Draws only the visible rows and leaves room for the others: drawing hundreds of rows would take too long. */
function WireTable({ rows, chosen, onChoose }: TableProps) {
  const seen = useSignal({ from: 0, count: FIRST_ROWS });
  const from = Math.min(seen.value.from, Math.max(0, rows.length - seen.value.count));
  const shown = rows.slice(from, from + seen.value.count);
  const look = ({ currentTarget }: { readonly currentTarget: HTMLElement }) => {
    const first = Math.max(0, Math.floor(currentTarget.scrollTop / ROW) - BEYOND);
    const count = Math.ceil(currentTarget.clientHeight / ROW) + 2 * BEYOND;
    if (first !== seen.value.from || count !== seen.value.count) seen.value = { from: first, count };
  };
  return (
    <section
      class="table-scroll wire-scroll"
      // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard.
      tabIndex={0}
      aria-label="Envelopes, newest first"
      onScroll={look}
    >
      <table class="wire-table" aria-rowcount={rows.length + 1}>
        <thead>
          <tr>
            <th scope="col">#</th>
            <th scope="col">way</th>
            <th scope="col">function</th>
            <th scope="col">payload</th>
            <th scope="col" class="figure">
              size
            </th>
          </tr>
        </thead>
        <Space rows={from} />
        <tbody>
          {shown.map((entry, place) => (
            // The key is the place of the row, so that the row stays and only its text changes.
            <tr
              key={String(place)}
              aria-rowindex={from + place + 2}
              class={entry.number === chosen?.number ? 'is-chosen' : ''}
            >
              <td>
                <button
                  type="button"
                  class="link figure"
                  aria-expanded={entry.number === chosen?.number}
                  aria-label={`Envelope ${entry.number + 1}`}
                  onClick={() => onChoose(entry)}
                >
                  {grouped(entry.number + 1)}
                </button>
              </td>
              <td>
                <span class={`way way-${entry.direction}`}>
                  {entry.direction === 'out' ? '→' : '←'}
                  <span class="way-word"> {entry.direction}</span>
                </span>
              </td>
              <td class="mono clip">{entry.message?.function ?? 'a plain reply'}</td>
              <td class="mono clip">{previewOf(entry)}</td>
              <td class="figure">{size(entry.size)}</td>
            </tr>
          ))}
        </tbody>
        <Space rows={rows.length - from - shown.length} />
      </table>
    </section>
  );
}

/** Room for rows that are not drawn. */
function Space({ rows }: { readonly rows: number }) {
  if (rows <= 0) return null;
  return (
    <tbody aria-hidden="true" class="wire-space">
      <tr style={{ height: `${rows * ROW}px` }} />
    </tbody>
  );
}
