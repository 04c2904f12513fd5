import { usePlayground } from '../context.ts';
import { FORMAT_NAMES, FORMATS, type Format, isFormat, rewrite } from '../state/formats.ts';
import { Choice } from './fields.tsx';

/** Chooses the format of payloads. Text in the fields is converted to the new format where possible. */
export function FormatChoice() {
  const { link } = usePlayground();
  const { format, payload } = link.value;
  const value = isFormat(format) ? format : 'text';
  return (
    <Choice<Format>
      label="Format"
      value={value}
      options={FORMATS.map((one) => [one, FORMAT_NAMES[one]] as const)}
      onChange={(next) => link.set({ format: next, payload: rewrite(payload, value, next) })}
    />
  );
}
