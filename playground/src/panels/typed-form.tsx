/** A form for the input of a function that its server describes by a JSON Schema. It writes the payload, as JSON. */
import type { PalmError } from 'frond';
import { useId, useState } from 'preact/hooks';
import { isRecord, propertiesOf, type Schema, startOf } from '../state/described.ts';

/** Objects and lists in each other that are drawn. What is deeper is written as JSON. */
const DEEPEST = 6;

type Issue = NonNullable<PalmError['issues']>[number];

type Path = readonly (string | number)[];

interface PartProps {
  readonly schema: Schema;
  readonly label: string;
  readonly value: unknown;
  readonly path: Path;
  readonly isRequired: boolean;
  readonly issues: readonly Issue[];
  /** Gets undefined for a field that is left out. */
  readonly onChange: (value: unknown) => void;
}

/** The form of a whole input. */
export function TypedForm({
  schema,
  value,
  issues,
  onChange,
}: Omit<PartProps, 'label' | 'path' | 'isRequired'>) {
  return (
    <div class="typed">
      <Part
        schema={schema}
        label="Input"
        value={value}
        path={[]}
        isRequired
        issues={issues}
        onChange={(next) => onChange(next ?? null)}
      />
    </div>
  );
}

function Part(props: PartProps) {
  const { schema, path } = props;
  const choices = Array.isArray(schema['enum'])
    ? schema['enum']
    : 'const' in schema
      ? [schema['const']]
      : undefined;
  if (choices !== undefined) return <Choices {...props} choices={choices} />;
  if (path.length < DEEPEST) {
    if (schema['type'] === 'object' && isRecord(schema['properties'])) return <Fields {...props} />;
    if (schema['type'] === 'array' && isRecord(schema['items'])) return <Items {...props} />;
  }
  switch (schema['type']) {
    case 'string':
      return <Text {...props} read={(text) => text} write={(value) => String(value ?? '')} />;
    case 'number':
    case 'integer':
      return <Text {...props} isNumber read={numberIn} write={(value) => String(value ?? '')} />;
    case 'boolean':
      return <Flag {...props} />;
    default:
      // A union, a reference, or anything.
      return <Text {...props} isJson read={(text) => JSON.parse(text)} write={jsonOf} />;
  }
}

/** A number, or the text where it is none: the server then says what is wrong with it. */
function numberIn(text: string): unknown {
  const number = Number(text);
  return text.trim() !== '' && Number.isFinite(number) ? number : text;
}

function jsonOf(value: unknown): string {
  return value === undefined ? '' : JSON.stringify(value, undefined, 2);
}

function Fields(props: PartProps) {
  const { schema, label, value, path, issues, onChange, isRequired } = props;
  const fields = isRecord(value) ? value : {};
  const required = Array.isArray(schema['required']) ? schema['required'] : [];
  const isGiven = isRequired || value !== undefined;
  return (
    <fieldset class="typed-group">
      <legend>{label}</legend>
      <About {...props} />
      {!isRequired && (
        <button type="button" class="quiet" onClick={() => onChange(isGiven ? undefined : startOf(schema))}>
          {isGiven ? `Leave out ${label}` : `Give ${label}`}
        </button>
      )}
      {isGiven &&
        propertiesOf(schema).map(([name, one]) => (
          <Part
            key={name}
            schema={one}
            label={name}
            value={fields[name]}
            path={[...path, name]}
            isRequired={required.includes(name)}
            issues={issues}
            onChange={(next) => {
              const { [name]: _, ...others } = fields;
              onChange(next === undefined ? others : { ...fields, [name]: next });
            }}
          />
        ))}
    </fieldset>
  );
}

function Items(props: PartProps) {
  const { schema, label, value, path, issues, onChange, isRequired } = props;
  const items: readonly unknown[] = Array.isArray(value) ? value : [];
  const item = isRecord(schema['items']) ? schema['items'] : {};
  const change = (next: readonly unknown[]) => onChange(next.length === 0 && !isRequired ? undefined : next);
  return (
    <fieldset class="typed-group">
      <legend>{label}</legend>
      <About {...props} />
      {items.map((own, index) => (
        <div class="typed-item" key={String(index)}>
          <Part
            schema={item}
            label={`${label} ${index + 1}`}
            value={own}
            path={[...path, index]}
            isRequired
            issues={issues}
            onChange={(next) => change(items.with(index, next ?? null))}
          />
          <button
            type="button"
            class="quiet"
            aria-label={`Remove ${label} ${index + 1}`}
            onClick={() => change(items.toSpliced(index, 1))}
          >
            ×
          </button>
        </div>
      ))}
      <button type="button" class="quiet" onClick={() => change([...items, startOf(item)])}>
        + {label}
      </button>
    </fieldset>
  );
}

interface TextProps extends PartProps {
  readonly isNumber?: boolean;
  readonly isJson?: boolean;
  /** The value of a text. @throws when it is none. */
  readonly read: (text: string) => unknown;
  readonly write: (value: unknown) => string;
}

function Text(props: TextProps) {
  const { label, value, isRequired, onChange, isNumber = false, isJson = false, read, write } = props;
  const id = useId();
  // What was typed stays as it is while it means the value: `1.` on the way to `1.5`.
  const [typed, setTyped] = useState(write(value));
  const [trouble, setTrouble] = useState('');
  const text = trouble !== '' || meansValue(typed, value, props) ? typed : write(value);
  const common = {
    id,
    value: text,
    autocomplete: 'off',
    spellcheck: false,
    'aria-required': isRequired,
    ...described(id, props, trouble),
    onInput: ({ currentTarget }: { readonly currentTarget: { readonly value: string } }) => {
      const next = currentTarget.value;
      setTyped(next);
      setTrouble('');
      if (next === '' && !(isRequired && !isNumber && !isJson)) return onChange(undefined);
      try {
        onChange(read(next));
      } catch (error) {
        setTrouble(error instanceof Error ? error.message : String(error));
      }
    },
  };
  return (
    <div class="field field-wide">
      <label for={id}>{nameOf(label, isRequired)}</label>
      {isJson ? (
        <textarea class="mono" rows={3} {...common} />
      ) : (
        <input type="text" {...(isNumber && { inputMode: 'decimal' as const })} {...common} />
      )}
      <About {...props} id={id} trouble={trouble} />
    </div>
  );
}

function meansValue(text: string, value: unknown, { read }: TextProps): boolean {
  if (text === '') return value === undefined || value === null || value === '';
  try {
    return jsonOf(read(text)) === jsonOf(value);
  } catch {
    return false;
  }
}

function Flag(props: PartProps) {
  const { label, value, isRequired, onChange } = props;
  const id = useId();
  return (
    <div class="field field-wide">
      <label class="typed-flag">
        <input
          id={id}
          type="checkbox"
          checked={value === true}
          {...described(id, props)}
          onChange={({ currentTarget }) => onChange(currentTarget.checked)}
        />
        {nameOf(label, isRequired)}
      </label>
      <About {...props} id={id} />
    </div>
  );
}

function Choices(props: PartProps & { readonly choices: readonly unknown[] }) {
  const { label, value, isRequired, onChange, choices } = props;
  const id = useId();
  const chosen = choices.findIndex((one) => jsonOf(one) === jsonOf(value));
  return (
    <div class="field field-wide">
      <label for={id}>{nameOf(label, isRequired)}</label>
      <select
        id={id}
        value={String(chosen)}
        {...described(id, props)}
        onChange={({ currentTarget }) => onChange(choices[Number(currentTarget.value)])}
      >
        {chosen < 0 && <option value="-1">not given</option>}
        {chosen >= 0 && !isRequired && <option value="-1">leave out</option>}
        {choices.map((one, index) => (
          <option key={String(index)} value={String(index)}>
            {typeof one === 'string' ? one : jsonOf(one)}
          </option>
        ))}
      </select>
      <About {...props} id={id} />
    </div>
  );
}

function nameOf(label: string, isRequired: boolean): string {
  return isRequired ? label : `${label} (optional)`;
}

interface AboutProps extends Pick<PartProps, 'schema' | 'path' | 'issues'> {
  readonly id?: string;
  /** Why what was typed cannot be sent. */
  readonly trouble?: string;
}

/** What a field is for, and what is wrong with it. */
function About({ schema, path, issues, id, trouble = '' }: AboutProps) {
  const { description } = schema;
  const wrong = troubles(issues, path, schema, trouble);
  return (
    <>
      {typeof description === 'string' && (
        <small class="hint" {...(id !== undefined && { id: `${id}-hint` })}>
          {description}
        </small>
      )}
      {wrong.length > 0 && (
        <small class="typed-trouble" {...(id !== undefined && { id: `${id}-trouble` })}>
          {wrong.join('; ')}
        </small>
      )}
    </>
  );
}

function described(id: string, { schema, path, issues }: PartProps, trouble = '') {
  const isWrong = troubles(issues, path, schema, trouble).length > 0;
  const ids = [
    ...(typeof schema['description'] === 'string' ? [`${id}-hint`] : []),
    ...(isWrong ? [`${id}-trouble`] : []),
  ];
  return { 'aria-invalid': isWrong, ...(ids.length > 0 && { 'aria-describedby': ids.join(' ') }) };
}

/** What is wrong at a place. A field that is written as JSON has what is wrong within it, too. */
function troubles(issues: readonly Issue[], path: Path, schema: Schema, trouble: string): readonly string[] {
  const isWhole = schema['type'] !== 'object' && schema['type'] !== 'array';
  const here = issues.filter(
    (issue) =>
      path.every((part, at) => String(issue.path[at]) === String(part)) &&
      (isWhole || issue.path.length === path.length),
  );
  return [...(trouble === '' ? [] : [trouble]), ...here.map(({ message }) => message)];
}
