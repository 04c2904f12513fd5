import { type CallProgress, PalmError } from 'frond';
import { usePlayground } from '../context.ts';
import { clipped } from '../parts/clipped.ts';
import { Area, Field } from '../parts/fields.tsx';
import { FormatChoice } from '../parts/format-choice.tsx';
import { LeftOut } from '../parts/left-out.tsx';
import { PathField } from '../parts/path-field.tsx';
import { Trouble } from '../parts/trouble.tsx';
import type { Answer } from '../state/call-desk.ts';
import { describedFunction, formInput } from '../state/described.ts';
import { FORMAT_NAMES } from '../state/formats.ts';
import { duration, size } from '../state/numbers.ts';
import { TypedForm } from './typed-form.tsx';

const SAMPLES: readonly (readonly [
  name: string,
  change: { fn: string; payload: string; format?: string; messages?: string },
])[] = [
  ['reverse a word', { fn: 'text.reverse', payload: 'stressed' }],
  ['which worker?', { fn: 'grove.whoami', payload: '' }],
  ['a pipeline of three', { fn: 'text.reverse loom.title press.quote', payload: 'dnorf morf olleh' }],
  ['one in, four out', { fn: 'text.split', payload: 'leaves of one frond', messages: '4' }],
  ['add up JSON', { fn: 'text.sum', payload: '[1, 2, 3.5]', format: 'json' }],
  [
    'MessagePack, there and back',
    { fn: 'text.echo', payload: '{"leaf": true, "veins": [1, 2, 3]}', format: 'msgpack' },
  ],
  [
    'fill in a form',
    { fn: 'text.poster', payload: '{"title":"Fronds","lines":["of the fern"]}', format: 'json' },
  ],
  ['a slow one', { fn: 'text.slow', payload: 'there' }],
  ['one that throws', { fn: 'text.boom', payload: 'the last straw' }],
];

/** Characters of an answer that are shown. */
const MOST_SHOWN = 20_000;

export function CallPanel() {
  const { link, call, connection } = usePlayground();
  const { payload, messages, timeout, cache } = link.value;
  const state = call.state.value;
  const isCalling = state.type === 'calling';
  const isHere = connection.place.value?.kind === 'page';
  const described = describedFunction(connection.discovery.servers.value, link.value.fn);
  const { isGiven, value: input } = formInput(described, link.value);
  const error = state.type === 'failed' ? state.error : undefined;
  const issues = (error instanceof PalmError && error.issues) || [];
  const run = () => {
    // What the form shows is sent, also where nobody has touched it yet.
    if (described !== undefined && !isGiven) link.set({ format: 'json', payload: JSON.stringify(input) });
    void call.run(described?.answers);
  };
  return (
    <>
      {isHere && (
        <fieldset class="samples">
          <legend>Try</legend>
          {SAMPLES.map(([name, change]) => (
            <button
              type="button"
              class="sample"
              key={name}
              aria-disabled={isCalling}
              onClick={() => {
                if (isCalling) return;
                link.set({ format: 'text', messages: '1', ...change });
                call.run();
              }}
            >
              {name}
            </button>
          ))}
        </fieldset>
      )}
      <form
        class="form"
        onSubmit={(event) => {
          event.preventDefault();
          run();
        }}
        onKeyDown={(event) => {
          if (event.key !== 'Enter' || !(event.ctrlKey || event.metaKey)) return;
          event.preventDefault();
          run();
        }}
      >
        <PathField />
        {described === undefined ? (
          <>
            <FormatChoice />
            <Area
              label="Payload"
              value={payload}
              rows={3}
              onInput={(value) => link.set({ payload: value })}
            />
          </>
        ) : (
          <>
            {described.description !== undefined && <p class="hint">{described.description}</p>}
            <TypedForm
              key={described.path}
              schema={described.schema}
              value={input}
              issues={issues}
              onChange={(value) => link.set({ format: 'json', payload: JSON.stringify(value) })}
            />
          </>
        )}
        <LeftOut field="payload" />
        <details class="more">
          <summary>Options</summary>
          <div class="row">
            <Field
              label="Answers to wait for"
              type="number"
              width="narrow"
              value={messages}
              onInput={(value) => link.set({ messages: value })}
            />
            <Field
              label="Time-out in ms"
              type="number"
              width="narrow"
              value={timeout}
              onInput={(value) => link.set({ timeout: value })}
            />
            <Field
              label="The message’s cache field"
              value={cache}
              onInput={(value) => link.set({ cache: value })}
            />
          </div>
        </details>
        <div class="row actions">
          <button type="submit" class="primary" aria-disabled={isCalling}>
            Call
          </button>
          {isCalling && (
            <button type="button" onClick={() => call.abort()}>
              Abort
            </button>
          )}
          <span class="hint keys">
            <kbd>Ctrl</kbd> <kbd>Enter</kbd>
          </span>
        </div>
      </form>
      <section class="answer" aria-label="Answer" aria-live="polite">
        {state.type === 'idle' && (
          <p class="empty">
            The answer appears here. The page’s address holds the fields, so a link to it reproduces the call.
          </p>
        )}
        {state.type === 'calling' && (
          <>
            <p class="empty">Waiting for the answer… Abort this call to make another.</p>
            {state.progress !== undefined && <HowFar progress={state.progress} />}
          </>
        )}
        {state.type === 'answered' && <AnswerView answer={state.answer} />}
        {state.type === 'failed' && <Trouble error={state.error} />}
      </section>
    </>
  );
}

/** What the function says of itself while it runs. */
function HowFar({ progress: { done, total, note, function: name } }: { readonly progress: CallProgress }) {
  return (
    <>
      {total !== undefined && <progress value={done} max={total} aria-label={`Progress of ${name}`} />}
      <p class="hint">
        <span class="mono">{name}</span>: {total === undefined ? done : `${done} of ${total}`}
        {note !== undefined && `, ${clipped(note, MOST_SHOWN)}`}
      </p>
    </>
  );
}

function AnswerView({ answer }: { readonly answer: Answer }) {
  const { parts, took, path } = answer;
  const bytes = parts.reduce((sum, part) => sum + part.size, 0);
  const [first] = parts;
  return (
    <>
      <p class="answer-head">
        <span class="badge badge-good">{duration(took)}</span>
        <span class="mono">{path.replaceAll(' ', ' → ')}</span>
        <span class="hint">
          {parts.length > 1 ? `${parts.length} answers, ` : ''}
          {size(bytes)}
          {first !== undefined && `, ${FORMAT_NAMES[first.as]}`}
        </span>
      </p>
      {parts.map((part, index) => (
        <output class="answer-part mono" key={String(index)}>
          {part.shown === '' ? (
            <span class="hint">nothing: zero bytes</span>
          ) : (
            clipped(part.shown, MOST_SHOWN)
          )}
        </output>
      ))}
    </>
  );
}
