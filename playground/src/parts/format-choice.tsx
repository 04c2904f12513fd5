import { usePlayground } from '../context.ts';
import { FORMAT_NAMES, FORMATS, type Format, isFormat, rewrite } from '../state/formats.ts';
import { Choice } from './fields.tsx';

/** The format of payloads. What is written already is written anew in the next one, where it can be. */
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
