import { useSignal } from '@preact/signals';
import { usePlayground } from '../app/context.ts';
import { download } from '../parts/download.ts';
import { Choice, Field } from '../parts/fields.tsx';
import { grouped, size } from '../parts/numbers.ts';
import { useRefresh } from '../parts/refresh.ts';
import { Trouble } from '../parts/trouble.tsx';
import { readCapture, writeCapture } from '../state/capture.ts';
import type { WireEntry } from '../state/wire-log.ts';
import { EnvelopeView } from './envelope.tsx';

/** Rows that are shown at once: the rest is found by the filter. */
const MOST_ROWS = 200;

type Way = 'all' | 'out' | 'in';

export function WirePanel() {
  const { wire } = usePlayground();
  const filter = useSignal('');
  const way = useSignal<Way>('all');
  const chosen = useSignal<WireEntry | undefined>(undefined);
  const trouble = useSignal<unknown>(undefined);
  // Often enough to be alive, and not in every frame: a table takes longer to draw than a line.
  useRefresh(wire.count, 150);
  const rows = matching(wire.newest(), filter.value, way.value);
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
            {grouped(wire.count.value)} envelopes, {size(wire.bytes)}
            {wire.count.value > wire.capacity && `; the last ${grouped(wire.capacity)} are kept`}
          </span>
        </div>
      </div>
      {trouble.value !== undefined && <Trouble error={trouble.value} />}
      {rows.length === 0 ? (
        <p class="empty">
          {wire.count.value === 0
            ? 'Nothing has passed yet. Make a call, and look here again.'
            : 'No envelope that is kept fits the filter.'}
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

function WireTable({ rows, chosen, onChoose }: TableProps) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard.
    <section class="table-scroll wire-scroll" tabIndex={0} aria-label="Envelopes, newest first">
      <table class="wire-table">
        <thead>
          <tr>
            <th scope="col">#</th>
            <th scope="col">way</th>
            <th scope="col">function</th>
            <th scope="col">payload</th>
            <th scope="col">size</th>
          </tr>
        </thead>
        <tbody>
          {rows.map((entry) => (
            <tr key={entry.number} class={entry.number === chosen?.number ? 'is-chosen' : ''}>
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
                  {entry.direction === 'out' ? '→ out' : '← in'}
                </span>
              </td>
              <td class="mono clip">{entry.message?.function ?? 'a plain reply'}</td>
              <td class="mono clip">{preview(entry)}</td>
              <td class="figure">{entry.size} B</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

const decoder = new TextDecoder();

function preview({ message }: WireEntry): string {
  if (message === undefined) return '';
  if (message.status !== 0) return `${message.errorName || 'failed'}: ${message.error}`;
  return decoder.decode(message.payload.subarray(0, 60)).replace(/\p{Cc}/gu, '·');
}

function matching(entries: Iterable<WireEntry>, filter: string, way: Way): WireEntry[] {
  const wanted = filter.trim().toLowerCase();
  const rows: WireEntry[] = [];
  for (const entry of entries) {
    if (way !== 'all' && entry.direction !== way) continue;
    if (wanted !== '' && !textOf(entry).includes(wanted)) continue;
    rows.push(entry);
    if (rows.length === MOST_ROWS) break;
  }
  return rows;
}

function textOf(entry: WireEntry): string {
  const { message, address, topic = '', client } = entry;
  return [message?.function, message?.client, message?.pipeline, address, topic, client, preview(entry)]
    .join(' ')
    .toLowerCase();
}
