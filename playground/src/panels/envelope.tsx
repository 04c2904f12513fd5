import { useSignal } from '@preact/signals';
import type { PalmMessage } from 'frond';
import { hexDump } from '../state/hex.ts';
import { grouped, size } from '../state/numbers.ts';
import type { WireEntry } from '../state/wire-log.ts';

const CHANNELS: Readonly<Record<WireEntry['channel'], string>> = {
  push: 'a call, pushed',
  sub: 'an answer, published',
  db: 'the cache or a notice, request and reply',
};

/** One envelope, field by field. */
export function EnvelopeView({ entry }: { readonly entry: WireEntry }) {
  const isHex = useSignal(false);
  const { message, number, channel, address, topic, client, size: bytes } = entry;
  return (
    <section class="envelope" aria-label={`Envelope ${number + 1}`}>
      <h3>
        Envelope {grouped(number + 1)} <span class="badge">{CHANNELS[channel]}</span>
      </h3>
      <dl class="facts mono">
        <dt>address</dt>
        <dd>{address}</dd>
        {topic !== undefined && <dt>topic</dt>}
        {topic !== undefined && <dd>{topic}</dd>}
        <dt>seen by</dt>
        <dd>{client}</dd>
        <dt>frame</dt>
        <dd>{size(bytes)}</dd>
        {message !== undefined &&
          FIELDS.filter((field) => message[field] !== '' && message[field] !== 0).flatMap((field) => [
            <dt key={`${field} name`}>{field}</dt>,
            <dd key={field}>{String(message[field])}</dd>,
          ])}
      </dl>
      {message === undefined ? (
        <p class="hint">A reply of the cache: its bytes are the value.</p>
      ) : (
        <>
          <div class="field-head">
            <h4>Payload, {size(message.payload.length)}</h4>
            <button
              type="button"
              class="quiet"
              aria-pressed={isHex.value}
              onClick={() => {
                isHex.value = !isHex.value;
              }}
            >
              Hex
            </button>
          </div>
          <pre class={`payload mono ${isHex.value ? 'is-hex' : ''}`}>
            {isHex.value ? hexDump(message.payload) : beginningOf(message.payload)}
          </pre>
        </>
      )}
    </section>
  );
}

/** Bytes of a payload that are shown. */
const MOST_BYTES = 4_096;

function beginningOf(payload: Uint8Array<ArrayBuffer>): string {
  const text = new TextDecoder().decode(payload.subarray(0, MOST_BYTES));
  const rest = payload.length - MOST_BYTES;
  return rest > 0 ? `${text}… and ${size(rest)} more` : text;
}

const FIELDS = [
  'function',
  'pipeline',
  'client',
  'stage',
  'cache',
  'ordinal',
  'features',
  'status',
  'errorName',
  'error',
] as const satisfies readonly (keyof PalmMessage)[];
