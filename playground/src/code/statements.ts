import { encodeAs, type Format } from '../state/formats.ts';
import { type InputChoice, inputCount, WORDS } from '../state/inputs.ts';
import type { Action } from './action.ts';
import { quoted } from './quoted.ts';

export interface Statements {
  readonly body: string;
  /** The names that they import from `frond`. */
  readonly uses: ReadonlySet<string>;
}

/** Lines that are written into the program. */
const MOST_LINES = 200;

/** The statements that do the action with `client`. */
export function callOf(action: Action): Statements {
  switch (action.type) {
    case 'eval':
      return evalOf(action);
    case 'job':
    case 'map':
      return streamOf(action);
    case 'status':
      return { body: "console.log('connected to', client.serverName, 'as', client.id);", uses: new Set() };
    default:
      return cacheOf(action);
  }
}

function evalOf({ path, payload, format, answers, messages, cache }: Action & { type: 'eval' }): Statements {
  const options = [
    ...(messages === 1 ? [] : [`messages: ${messages}`]),
    ...(cache === '' ? [] : [`cache: ${quoted(cache)}`]),
  ];
  const more = options.length === 0 ? '' : `, { ${options.join(', ')} }`;
  const { typed, uses, value } = inFormat(format, answers);
  return {
    body: [
      `const answer = await ${typed}.eval(${pathOf(path)}, ${value(payload)}${more});`,
      'console.log(answer);',
    ].join('\n'),
    uses,
  };
}

function streamOf({
  type,
  path,
  input,
  format,
  messages,
  map,
}: Action & { type: 'job' | 'map' }): Statements {
  const { typed, uses, value } = inFormat(format);
  const told = type === 'map' ? mapOptions(map) : messages === undefined ? [] : [`messages: ${messages}`];
  const options = told.length === 0 ? '' : `, { ${told.join(', ')} }`;
  return {
    body: [
      ...inputLines(input, format, value),
      '',
      'let count = 0;',
      `for await (const result of ${typed}.${type}(${pathOf(path)}, inputs()${options})) {`,
      '  count++;',
      '  if (count <= 10) console.log(result);',
      '}',
      // biome-ignore lint/suspicious/noTemplateCurlyInString: it is code that is written here.
      'console.log(`${count} results`);',
    ].join('\n'),
    uses,
  };
}

/** The options that differ from their defaults. */
function mapOptions({
  ordered,
  window,
  retries,
}: {
  ordered: boolean;
  window: number;
  retries: number;
}): string[] {
  return [
    ...(ordered ? [] : ['ordered: false']),
    ...(window === 2_048 ? [] : [`window: ${window}`]),
    ...(retries === 0 ? [] : [`retries: ${retries}`]),
  ];
}

function inputLines(input: InputChoice, format: Format, value: (text: string) => string): string[] {
  const count = inputCount(input);
  const made = (text: string) => (format === 'hex' ? `new TextEncoder().encode(${text})` : text);
  switch (input.kind) {
    case 'numbers':
      return [
        'function* inputs() {',
        `  for (let n = 1; n <= ${count}; n++) yield ${format === 'text' || format === 'hex' ? made('String(n)') : 'n'};`,
        '}',
      ];
    case 'words':
      return [
        `const words = ${quoted(WORDS.join(' '))}.split(' ');`,
        'function* inputs() {',
        `  for (let n = 0; n < ${count}; n++) yield ${made('words[n % words.length]')};`,
        '}',
      ];
    case 'lines': {
      const shown = input.lines.slice(0, MOST_LINES);
      return [
        ...(shown.length < count ? [`// The first ${MOST_LINES} of ${count} lines.`] : []),
        'function* inputs() {',
        ...shown.map((line) => `  yield ${value(line)};`),
        '}',
      ];
    }
  }
}

function cacheOf(action: Action & { type: 'get' | 'set' | 'delete' }): Statements {
  const { typed, uses, value } = inFormat(action.format);
  const key = quoted(action.key);
  if (action.type === 'set') {
    const own = action.key === '' ? '' : `, ${key}`;
    return {
      body: [
        `const key = await ${typed}.set(${value(action.value)}${own});`,
        'console.log(key, await client.get(key));',
      ]
        .join('\n')
        .replace('client.get', `${typed}.get`),
      uses,
    };
  }
  if (action.type === 'get') return { body: `console.log(await ${typed}.get(${key}));`, uses };
  return { body: `console.log(await client.delete(${key}));`, uses: new Set() };
}

/** The client for payloads of a format and answers of another, and values as they are written in the program. */
function inFormat(format: Format, answers: Format = format) {
  const value = (text: string) =>
    format === 'hex' ? bytesLiteral(text) : format === 'text' ? quoted(text) : jsonLiteral(text);
  if (answers !== format) {
    const [written, read] = [codecOf(format), codecOf(answers)];
    const typed = `client.with({ ...${read}(), encode: ${written}().encode })`;
    return { typed, uses: new Set<string>([read, written]), value };
  }
  if (format === 'hex') return { typed: 'client', uses: new Set<string>(), value };
  return { typed: `client.with(${format}())`, uses: new Set<string>([format]), value };
}

/** The name of the codec of a format. */
function codecOf(format: Format): string {
  return format === 'hex' ? 'bytes' : format;
}

function bytesLiteral(hex: string): string {
  try {
    return `Uint8Array.of(${Array.from(encodeAs('hex', hex), (byte) => `0x${byte.toString(16).padStart(2, '0')}`).join(', ')})`;
  } catch {
    return 'Uint8Array.of()';
  }
}

/** JSON is also JavaScript. Text that is not valid JSON becomes a string. */
function jsonLiteral(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text));
  } catch {
    return quoted(text);
  }
}

function pathOf(path: string): string {
  const stages = path.trim().split(/\s+/).map(quoted);
  return stages.length === 1 ? (stages[0] ?? "''") : `[${stages.join(', ')}]`;
}
