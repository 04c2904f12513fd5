import { usePlayground } from '../app/context.ts';
import { Field } from './fields.tsx';

/** The function to call, or the stages of a pipeline: one after another, each with what servers offer to choose from. */
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
      <button type="button" class="quiet" onClick={() => change([...stages, nextStage(stages, offered)])}>
        + stage
      </button>
    </fieldset>
  );
}

/** Of the server behind the last one, where it is known which that is. */
function nextStage(stages: readonly string[], offered: readonly string[]): string {
  const used = new Set(stages.map((stage) => stage.split('.')[0]));
  const isFree = (stage: string) => !used.has(stage.split('.')[0]) && !stage.endsWith('.echo');
  return offered.filter(isFree).find((stage) => /^(loom|press)\./.test(stage)) ?? offered.find(isFree) ?? '';
}
