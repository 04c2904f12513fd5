import { usePlayground } from '../context.ts';
import { type ServerInfo, takesCalls } from '../state/discovery.ts';
import { Field } from './fields.tsx';

/** The function to call, or the stages of a pipeline, each with the functions to choose from. */
export function PathField() {
  const { link, connection } = usePlayground();
  const stages = link.value.fn.split(' ');
  const servers = connection.discovery.servers.value;
  const offered = servers.flatMap(({ name, functions }) => functions.map((one) => `${name}.${one}`));
  const change = (next: readonly string[]) => link.set({ fn: next.join(' ') });
  return (
    <fieldset class="path">
      <legend class="visually-hidden">What is called</legend>
      {stages.map((stage, index) => (
        <div class="stage" key={String(index)}>
          <Field
            label={stages.length === 1 ? 'Function' : `Stage ${index + 1}`}
            value={stage}
            options={offered}
            placeholder="server.function"
            isMono
            onInput={(value) => change(stages.with(index, value.replace(/\s+/g, '')))}
          />
          {stages.length > 1 && (
            <button
              type="button"
              class="quiet"
              aria-label={`Remove stage ${index + 1}, ${stage}`}
              onClick={() => change(stages.toSpliced(index, 1))}
            >
              ×
            </button>
          )}
        </div>
      ))}
      <button type="button" class="quiet" onClick={() => change([...stages, nextStage(stages, servers)])}>
        + stage
      </button>
    </fieldset>
  );
}

/** Suggests a stage: of a server that is not in the path yet, preferably a Pipeline or Sink. */
function nextStage(stages: readonly string[], servers: readonly ServerInfo[]): string {
  const used = new Set(stages.map((stage) => stage.split('.')[0]));
  const free = servers.filter(({ name, functions }) => !used.has(name) && functions.length > 0);
  const next = free.find((server) => !takesCalls(server)) ?? free[0];
  return next === undefined ? '' : `${next.name}.${next.functions.find((one) => one !== 'echo') ?? 'echo'}`;
}
