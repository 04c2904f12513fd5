/** OpenAPI 3.1 of functions, as a relay takes their calls over HTTP. */
import type { FunctionDescription, JsonSchema, ShapeDescription } from './description.ts';

/** The functions of one server, as a caller names it. */
export interface OfferedBy {
  readonly server: string;
  readonly functions: readonly FunctionDescription[];
}

/**
 * A document of OpenAPI 3.1, with an operation for each function: `POST /call/server.function`.
 * @param url - where the paths begin; left out, at the root of the server that gives the document.
 */
export function openApiOf(title: string, offered: readonly OfferedBy[], url?: string): JsonSchema {
  const document = new Document();
  const paths = offered.flatMap(({ server, functions }) =>
    functions.map((one) => document.pathOf(server, one)),
  );
  return {
    openapi: '3.1.0',
    info: { title, version: '1' },
    ...(url !== undefined && { servers: [{ url }] }),
    // A token, or none where anybody may call.
    security: [{ token: [] }, {}],
    paths: Object.fromEntries(paths),
    components: {
      securitySchemes: { token: { type: 'http', scheme: 'bearer' } },
      schemas: { Failure: FAILURE, ...Object.fromEntries(document.schemas) },
    },
  };
}

/** How a relay says that a call failed. */
const FAILURE: JsonSchema = {
  type: 'object',
  required: ['error'],
  properties: {
    error: {
      type: 'object',
      required: ['code', 'message'],
      properties: {
        code: { type: 'string', description: 'What kind of failure it is, as the code of a PalmError.' },
        message: { type: 'string' },
        remoteName: { type: 'string', description: 'Name or code of the error that the function threw.' },
        issues: {
          type: 'array',
          description: 'What is wrong with the input, and where.',
          items: {
            type: 'object',
            required: ['path', 'message'],
            properties: {
              path: { type: 'array', items: { type: ['string', 'integer'] } },
              message: { type: 'string' },
            },
          },
        },
        data: { description: 'The data of a declared error.' },
      },
    },
  },
};

const FAILURE_CONTENT: JsonSchema = {
  'application/json': { schema: { $ref: '#/components/schemas/Failure' } },
};

class Document {
  /** The schemas of functions, by their names in the document. */
  readonly schemas: [name: string, schema: unknown][] = [];

  pathOf(server: string, said: FunctionDescription): [path: string, item: JsonSchema] {
    const { name, description, kind, input, output, errors = {} } = said;
    const stage = `${server}.${name}`;
    const result =
      kind === 'many'
        ? this.#severalOf(output, `${stage}.output`)
        : this.#contentOf(output, `${stage}.output`);
    const operation = {
      operationId: stage,
      tags: [server],
      description,
      requestBody: { required: true, content: this.#contentOf(input, `${stage}.input`) },
      responses: {
        200: { description: kind === 'many' ? 'Results, as they come.' : 'The result.', content: result },
        400: { description: 'The input is refused.', content: FAILURE_CONTENT },
        ...(Object.keys(errors).length > 0 && { 502: this.#failures(errors, stage) }),
        default: { description: 'The call failed.', content: FAILURE_CONTENT },
      },
    };
    return [`/call/${encodeURIComponent(stage)}`, { post: operation }];
  }

  /** The declared errors. Others have the same status. */
  #failures(errors: Readonly<Record<string, ShapeDescription>>, stage: string): JsonSchema {
    const failures = Object.entries(errors).map(([code, { schema }]) => ({
      properties: {
        error: {
          properties: {
            remoteName: { const: code },
            data: schema === undefined ? {} : this.#reference(schema, `${stage}.${code}`),
          },
        },
      },
    }));
    const common = { $ref: '#/components/schemas/Failure' };
    const schema = { allOf: [common, { anyOf: [...failures, {}] }] };
    return { description: 'The function failed.', content: { 'application/json': { schema } } };
  }

  #contentOf(shape: ShapeDescription | undefined, name: string): JsonSchema {
    if (shape?.codec === 'JSON') {
      const schema = shape.schema === undefined ? {} : this.#reference(shape.schema, name);
      return { 'application/json': { schema } };
    }
    if (shape?.codec === 'text') return { 'text/plain': { schema: { type: 'string' } } };
    // What a function takes whose versions differ nobody can say.
    if (shape === undefined) return { '*/*': {} };
    return { 'application/octet-stream': { schema: { title: shape.codec } } };
  }

  #severalOf(shape: ShapeDescription | undefined, name: string): JsonSchema {
    const isJson = shape?.codec === 'JSON';
    const json = isJson && shape.schema !== undefined ? this.#reference(shape.schema, name) : {};
    const own = isJson
      ? { json }
      : shape?.codec === 'text'
        ? { text: { type: 'string' } }
        : { text: { type: 'string' }, base64: { type: 'string' } };
    const line = { type: 'object', properties: { ...own, index: { type: 'integer' } } };
    return {
      'application/x-ndjson': { schema: { ...line, description: 'Each line.' } },
      'text/event-stream': { schema: { type: 'string' } },
    };
  }

  /** Puts a schema among those of the document, where references within it lead to what they did. */
  #reference(schema: JsonSchema, name: string): JsonSchema {
    const known = name.replace(/[^A-Za-z0-9._-]/g, (one) => `_${one.charCodeAt(0).toString(16)}`);
    const $ref = `#/components/schemas/${known}`;
    this.schemas.push([known, moved(schema, $ref)]);
    return { $ref };
  }
}

/** Keys whose values are data, and no schemas. */
const DATA: readonly string[] = ['const', 'enum', 'default', 'examples'];

/** Keys whose values are schemas by names: a field may be called `default`. */
const BY_NAME: readonly string[] = [
  'properties',
  'patternProperties',
  '$defs',
  'definitions',
  'dependentSchemas',
];

/** A schema whose references within itself begin at `base`. With `isByName`, schemas by their names. */
function moved(value: unknown, base: string, isByName = false): unknown {
  if (Array.isArray(value)) return value.map((one) => moved(one, base));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, own]) => {
      if (key === '$ref' && typeof own === 'string' && own.startsWith('#')) return [key, base + own.slice(1)];
      if (isByName) return [key, moved(own, base)];
      return [key, DATA.includes(key) ? own : moved(own, base, BY_NAME.includes(key))];
    }),
  );
}
