/** TypeScript types of what a server says about its functions. What it says is a stranger's text, so nothing of it gets into the file as it is. */
import type {
  FunctionDescription,
  JsonSchema,
  ShapeDescription,
} from '../../src/functions/contract/description.ts';

/** The value that a payload of each codec is. */
const CODECS: Readonly<Record<string, string>> = {
  text: 'string',
  Uint8Array: 'Uint8Array',
  float32: 'Float32Array',
  float64: 'Float64Array',
  int8: 'Int8Array',
  int16: 'Int16Array',
  int32: 'Int32Array',
  int64: 'BigInt64Array',
  uint16: 'Uint16Array',
  uint32: 'Uint32Array',
  uint64: 'BigUint64Array',
};

/**
 * A module of types for `remote<typeof name>(client, …)`: the functions of a server that have types.
 * @param server - name of the server.
 */
export function declarationOf(server: string, functions: readonly FunctionDescription[]): string {
  const typed = functions.flatMap(({ name, description, kind, input, output, errors }) => {
    if (input === undefined || output === undefined) return [];
    const type = kind === 'many' ? 'StreamDefinition' : 'FunctionDefinition';
    const declared =
      errors === undefined
        ? ''
        : `, { ${Object.entries(errors)
            .map(([code, shape]) => `readonly ${literal(code)}: ${codecType(shape)};`)
            .join(' ')} }`;
    const comment = description === undefined ? '' : `  /** ${commentText(description)} */\n`;
    return [
      `${comment}  readonly ${literal(name)}: ${type}<${codecType(input)}, ${codecType(output)}${declared}>;\n`,
    ];
  });
  const used = ['FunctionDefinition', 'StreamDefinition'].filter((type) =>
    typed.some((line) => line.includes(`: ${type}<`)),
  );
  const imports = [...used, 'PayloadCodec'].sort().join(', ');
  return [
    `/** The functions of server ${commentText(literal(server))}, as it says: written by \`frond types\`. */`,
    `import type { ${imports} } from 'frond/functions';`,
    '',
    `export declare const ${identifier(server)}: {`,
    `${typed.join('')}};`,
  ].join('\n');
}

function codecType(shape: ShapeDescription): string {
  return `PayloadCodec<${valueTypeOf(shape)}>`;
}

/** The type of the values of a shape; `unknown` where nothing says it. */
export function valueTypeOf({ codec, schema }: ShapeDescription): string {
  const known = Object.hasOwn(CODECS, codec) ? CODECS[codec] : undefined;
  return known ?? (schema === undefined ? 'unknown' : typeOf(schema, 0));
}

/** Schemas within one another that are written out. */
const DEEPEST = 16;

/** The type of what a schema allows; `unknown` for what is not understood. */
function typeOf(schema: unknown, depth: number): string {
  if (schema === false) return 'never';
  if (typeof schema !== 'object' || schema === null || depth > DEEPEST) return 'unknown';
  const own = schema as JsonSchema;
  const { type, properties, items, prefixItems, additionalProperties } = own;
  if ('const' in own) return valueType(own['const']);
  if (Array.isArray(own['enum'])) return union(own['enum'].map(valueType));
  for (const either of ['anyOf', 'oneOf'])
    if (Array.isArray(own[either])) return union(own[either].map((one) => typeOf(one, depth + 1)));
  if (Array.isArray(own['allOf']))
    return own['allOf'].map((one) => `(${typeOf(one, depth + 1)})`).join(' & ');
  if (Array.isArray(type)) return union(type.map((one) => typeOf({ ...own, type: one }, depth + 1)));
  switch (type) {
    case 'string':
    case 'boolean':
    case 'null':
      return type;
    case 'number':
    case 'integer':
      return 'number';
    case 'array':
      if (Array.isArray(prefixItems))
        return `[${prefixItems.map((one) => typeOf(one, depth + 1)).join(', ')}]`;
      return `(${items === undefined ? 'unknown' : typeOf(items, depth + 1)})[]`;
    case 'object':
      return objectType(own, properties, additionalProperties, depth);
    default:
      return 'unknown';
  }
}

function objectType(own: JsonSchema, properties: unknown, others: unknown, depth: number): string {
  const required = Array.isArray(own['required']) ? own['required'] : [];
  const fields = Object.entries(Object(properties)).map(
    ([name, one]) => `${literal(name)}${required.includes(name) ? '' : '?'}: ${typeOf(one, depth + 1)}`,
  );
  if (fields.length > 0) return `{ ${fields.join('; ')} }`;
  return `Record<string, ${others === undefined || others === true ? 'unknown' : typeOf(others, depth + 1)}>`;
}

function valueType(value: unknown): string {
  return typeof value === 'object' && value !== null ? 'unknown' : literal(value);
}

function union(types: readonly string[]): string {
  return types.length === 0 ? 'never' : `(${[...new Set(types)].join(' | ')})`;
}

/** A value as a literal of TypeScript. Line separators are none in its strings, but some editors take them for such. */
function literal(value: unknown): string {
  return JSON.stringify(value).replace(/[\u007f-\uffff]/g, (character) => {
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });
}

/** A text within a comment: on one line, which it cannot end. */
function commentText(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, ' ').replaceAll('*/', '*\\/');
}

/** A name for the constant: that of the server, where it can be one. */
function identifier(server: string): string {
  const name = server.replace(/[^A-Za-z0-9_$]+/g, '_');
  return /^[A-Za-z_$]/.test(name) && !RESERVED.test(name) ? name : `server_${name}`;
}

const RESERVED =
  /^(?:arguments|await|break|case|catch|class|const|continue|debugger|default|delete|do|else|enum|eval|export|extends|false|finally|for|function|if|implements|import|in|instanceof|interface|let|new|null|package|private|protected|public|return|static|super|switch|this|throw|true|try|typeof|undefined|var|void|while|with|yield)$/;
