import { useSignal } from '@preact/signals';
import { usePlayground } from '../context.ts';
import { Card } from '../parts/card.tsx';
import { copy } from '../parts/copy.ts';
import { Choice } from '../parts/fields.tsx';
import type { Playground } from '../playground.ts';
import { describedFunction, formInput } from '../state/described.ts';
import { isFormat } from '../state/formats.ts';
import { grouped } from '../state/numbers.ts';
import { type Action, RUNTIMES, type Runtime, type Setting } from './action.ts';
import { generate, programOf } from './generate.ts';
import { highlight } from './highlight.ts';

const NAMES: Readonly<Record<Runtime, string>> = { browser: 'Browser', node: 'Node', deno: 'Deno' };

/** The program that does what the panel does. */
export function CodeCard({ panel }: { readonly panel: string }) {
  const playground = usePlayground();
  const runtime = useSignal<Runtime>('node');
  const isCopied = useSignal(false);
  const parts = generate(actionOf(panel, playground), settingOf(playground), runtime.value);
  return (
    <Card
      title="The same in code"
      actions={
        <button
          type="button"
          class="quiet"
          onClick={async () => {
            isCopied.value = await copy(programOf(parts));
            setTimeout(() => {
              isCopied.value = false;
            }, 1_500);
          }}
        >
          {isCopied.value ? 'Copied' : 'Copy code'}
        </button>
      }
    >
      <Choice<Runtime>
        label="For"
        isLabelHidden
        value={runtime.value}
        options={RUNTIMES.map((one) => [one, NAMES[one]] as const)}
        onChange={(next) => {
          runtime.value = next;
        }}
      />
      <section
        class="code mono"
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard.
        tabIndex={0}
        aria-label={`Code for ${NAMES[runtime.value]}`}
      >
        {parts.map(({ code, aside }, index) =>
          aside === undefined ? (
            <Code key={String(index)} code={code} />
          ) : (
            <details key={String(index)}>
              <summary>{aside}</summary>
              <Code code={code} />
            </details>
          ),
        )}
      </section>
    </Card>
  );
}

function Code({ code }: { readonly code: string }) {
  return (
    <pre>
      <code>
        {highlight(shortened(code)).map(({ kind, text }, index) =>
          kind === 'plain' ? (
            text
          ) : (
            <span key={String(index)} class={`code-${kind}`}>
              {text}
            </span>
          ),
        )}
      </code>
    </pre>
  );
}

/** Most characters of a program that are shown, and how many of them from its end. */
const MOST_SHOWN = 12_000;
const END_SHOWN = 1_000;

function shortened(code: string): string {
  if (code.length <= MOST_SHOWN) return code;
  const left = grouped(code.length - MOST_SHOWN);
  const note = `\n// … ${left} characters are left out here. Copy code has them.\n`;
  return code.slice(0, MOST_SHOWN - END_SHOWN) + note + code.slice(-END_SHOWN);
}

function settingOf({ connection, link }: Playground): Setting {
  const { session, relay, token } = link.value;
  const isPage = connection.place.value?.kind !== 'relay';
  return isPage ? { kind: 'page', session } : { kind: 'relay', session, url: relay, hasToken: token !== '' };
}

/** What the panel's main button does with the values of its fields. */
function actionOf(panel: string, { link, job, cache, connection }: Playground): Action {
  const { fn, payload, messages, cache: field, key, kind } = link.value;
  const format = isFormat(link.value.format) ? link.value.format : 'text';
  switch (panel) {
    case 'job':
    case 'faults':
      return {
        type: kind === 'map' ? 'map' : 'job',
        path: fn,
        input: job.input,
        format,
        messages: job.messages,
        map: job.map,
      };
    case 'cache': {
      const { server } = cache;
      const type = cache.last.value;
      return type === 'set'
        ? { type, server, key, format, value: cache.value.value }
        : { type, server, key, format };
    }
    case 'connect':
      return { type: 'status', server: connection.place.value?.servers[0] ?? 'text' };
    default: {
      const described = describedFunction(connection.discovery.servers.value, fn);
      const call = { type: 'eval', path: fn, messages: Number(messages) || 1, cache: field } as const;
      if (described === undefined) return { ...call, payload, format, answers: format };
      const { value } = formInput(described, { format, payload });
      return { ...call, payload: JSON.stringify(value), format: 'json', answers: described.answers };
    }
  }
}
