import { useSignal } from '@preact/signals';
import { usePlayground } from '../context.ts';
import { Area } from '../parts/fields.tsx';
import { grouped } from '../state/numbers.ts';

/** Lines that are pasted, or of a file that is chosen or dropped. */
export function LinesInput() {
  const { job } = usePlayground();
  const isOver = useSignal(false);
  const lines = job.lines.value;
  const take = async (file: File | undefined) => {
    if (file === undefined) return;
    const text = await file.text();
    job.lines.value = linesOf(text);
    job.linesFrom.value = file.name;
  };
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: dropping is one way of three, and the others need no mouse.
    <div
      class={`drop ${isOver.value ? 'is-over' : ''}`}
      onDragOver={(event) => {
        event.preventDefault();
        isOver.value = true;
      }}
      onDragLeave={() => {
        isOver.value = false;
      }}
      onDrop={(event) => {
        event.preventDefault();
        isOver.value = false;
        take(event.dataTransfer?.files[0]);
      }}
    >
      <Area
        label="Lines"
        rows={4}
        value={lines.length > 500 ? `${lines.slice(0, 500).join('\n')}\n…` : lines.join('\n')}
        onInput={(value) => {
          job.lines.value = linesOf(value);
          job.linesFrom.value = '';
        }}
        actions={
          <label class="file">
            Choose a file
            <input type="file" onChange={(event) => take(event.currentTarget.files?.[0])} />
          </label>
        }
      />
      <p class="hint" role="status">
        {lines.length === 0
          ? 'Paste lines, choose a file or drop one here. The lines leave the page only as payloads of the job.'
          : `${grouped(lines.length)} lines${job.linesFrom.value === '' ? '' : ` of ${job.linesFrom.value}`}`}
      </p>
    </div>
  );
}

function linesOf(text: string): string[] {
  const lines = text.split(/\r?\n/);
  if (lines.at(-1) === '') lines.pop();
  return lines;
}
