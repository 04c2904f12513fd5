import type { ComponentChildren } from 'preact';
import { useId } from 'preact/hooks';

interface FieldProps {
  readonly label: string;
  readonly value: string;
  readonly onInput: (value: string) => void;
  readonly hint?: string;
  readonly placeholder?: string;
  /** Values to suggest. */
  readonly options?: readonly string[];
  readonly type?: 'text' | 'number' | 'password';
  readonly isMono?: boolean;
  readonly width?: 'narrow' | 'wide';
}

/** A line of text with its label. */
export function Field({ label, hint, options, width, ...rest }: FieldProps) {
  const id = useId();
  return (
    <div class={`field ${width === undefined ? '' : `field-${width}`}`}>
      <label for={id}>{label}</label>
      <Input id={id} list={options && `${id}-options`} hint={hint && `${id}-hint`} {...rest} />
      {options !== undefined && (
        <datalist id={`${id}-options`}>
          {options.map((option) => (
            <option key={option} value={option} />
          ))}
        </datalist>
      )}
      {hint !== undefined && (
        <small id={`${id}-hint`} class="hint">
          {hint}
        </small>
      )}
    </div>
  );
}

interface InputProps extends Pick<FieldProps, 'value' | 'onInput' | 'placeholder' | 'type' | 'isMono'> {
  readonly id: string;
  readonly list: string | undefined;
  readonly hint: string | undefined;
}

function Input({ id, value, onInput, placeholder, type = 'text', isMono = false, list, hint }: InputProps) {
  const common = {
    id,
    value,
    class: isMono ? 'mono' : '',
    autocomplete: 'off',
    spellcheck: false,
    onInput: (event: { readonly currentTarget: HTMLInputElement }) => onInput(event.currentTarget.value),
    ...(placeholder !== undefined && { placeholder }),
    ...(hint !== undefined && { 'aria-describedby': hint }),
  };
  if (type === 'password') return <input type="password" {...common} />;
  if (type === 'number') return <input type="text" inputMode="numeric" {...common} />;
  return list === undefined ? (
    <input type="text" {...common} />
  ) : (
    <input type="text" list={list} {...common} />
  );
}

interface AreaProps {
  readonly label: string;
  readonly value: string;
  readonly onInput: (value: string) => void;
  readonly rows?: number;
  readonly actions?: ComponentChildren;
}

/** Several lines of text with their label. */
export function Area({ label, value, onInput, rows = 4, actions }: AreaProps) {
  const id = useId();
  return (
    <div class="field field-wide">
      <div class="field-head">
        <label for={id}>{label}</label>
        {actions}
      </div>
      <textarea
        id={id}
        class="mono"
        rows={rows}
        value={value}
        spellcheck={false}
        onInput={(event) => onInput(event.currentTarget.value)}
      />
    </div>
  );
}

interface ChoiceProps<T extends string> {
  readonly label: string;
  readonly value: T;
  readonly options: readonly (readonly [value: T, name: string])[];
  readonly onChange: (value: T) => void;
  readonly isLabelHidden?: boolean;
}

/** One of a few: radio buttons that look like one bar. */
export function Choice<T extends string>({ label, value, options, onChange, isLabelHidden }: ChoiceProps<T>) {
  const name = useId();
  return (
    <fieldset class="choice">
      <legend class={isLabelHidden ? 'visually-hidden' : ''}>{label}</legend>
      <div class="choice-bar">
        {options.map(([option, text]) => (
          <label key={option} class={option === value ? 'is-chosen' : ''}>
            <input
              type="radio"
              name={name}
              value={option}
              checked={option === value}
              onChange={() => onChange(option)}
            />
            {text}
          </label>
        ))}
      </div>
    </fieldset>
  );
}
