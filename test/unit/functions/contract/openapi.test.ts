import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import {
  describeFunction,
  type FunctionDescription,
} from '../../../../src/functions/contract/description.ts';
import { openApiOf } from '../../../../src/functions/contract/openapi.ts';
import { schemaIssues } from '../../../../src/functions/contract/schema-issues.ts';
import { fn, json, text } from '../../../../src/functions/index.ts';

const node: z.ZodType = z.object({
  name: z.string(),
  get children() {
    return z.array(node);
  },
});
const shop = {
  tree: fn({ input: node, output: text(), description: 'Draws it.' }, () => ''),
  lines: fn({ input: text(), output: json<number>() }, async function* () {
    yield 1;
  }),
  price: fn(
    {
      input: z.object({ $ref: z.literal('#/odd') }),
      output: json<number>(),
      errors: { SOLD_OUT: z.object({ until: z.string() }) },
    },
    () => 1,
  ),
};
const functions = [
  { name: 'plain' },
  ...Object.entries(shop).map(([name, own]) => describeFunction(name, own as never)),
];

/** All that a value holds under a key, wherever. */
function under(key: string, value: unknown): unknown[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([own, one]) => [...(own === key ? [one] : []), ...under(key, one)]);
}

function at(document: unknown, reference: string): unknown {
  let own = document;
  for (const part of reference.slice(2).split('/')) own = Object(own)[part.replaceAll('~1', '/')];
  return own;
}

describe('the OpenAPI of functions', () => {
  const open = () => openApiOf('shop', [{ server: 'my shop', functions }], '/relay');
  const failed = { 'application/json': { schema: { $ref: '#/components/schemas/Failure' } } };
  const refused = { description: 'The input is refused.', content: failed };
  const fails = { description: 'The call failed.', content: failed };
  /** The operations of a server, by the names of its functions. */
  const operationsOf = (functions: readonly FunctionDescription[]) => {
    const { paths } = openApiOf('shop', [{ server: 's', functions }]);
    return Object.fromEntries(
      Object.entries(Object(paths)).map(([path, own]) => [path.replace('/call/s.', ''), Object(own).post]),
    );
  };

  it('has an operation for each, with what it takes and gives', () => {
    const document = open();
    expect(document).toMatchObject({
      openapi: '3.1.0',
      info: { title: 'shop', version: '1' },
      servers: [{ url: '/relay' }],
      paths: {
        '/call/my%20shop.plain': { post: { requestBody: { content: { '*/*': {} } } } },
        '/call/my%20shop.tree': {
          post: { description: 'Draws it.', responses: { 200: { content: { 'text/plain': {} } } } },
        },
        '/call/my%20shop.lines': {
          post: {
            requestBody: { content: { 'text/plain': { schema: { type: 'string' } } } },
            responses: { 200: { content: { 'application/x-ndjson': {}, 'text/event-stream': {} } } },
          },
        },
        '/call/my%20shop.price': {
          post: { responses: { 502: { content: { 'application/json': {} } } } },
        },
      },
    });
    expect(under('const', document)).toContain('SOLD_OUT');
  });

  it('is of its server alone, and is called with a token or none', () => {
    expect(openApiOf('shop', [])).toEqual({
      openapi: '3.1.0',
      info: { title: 'shop', version: '1' },
      security: [{ token: [] }, {}],
      paths: {},
      components: {
        securitySchemes: { token: { type: 'http', scheme: 'bearer' } },
        schemas: { Failure: expect.anything() },
      },
    });
    const two = openApiOf('shop', [
      { server: 'a', functions: [{ name: 'f' }] },
      { server: 'b', functions: [{ name: 'f' }] },
    ]);
    expect(Object.keys(Object(two['paths']))).toEqual(['/call/a.f', '/call/b.f']);
  });

  it('says what a failure holds', () => {
    const { components } = openApiOf('shop', []);
    const found = (error: unknown) =>
      schemaIssues(Object(components).schemas.Failure, error).map(({ path, message }) =>
        [...path, message].join(' '),
      );
    const own = { code: 'REMOTE', message: 'no' };
    const details = { remoteName: 'E', issues: [{ path: ['a', 0], message: 'odd' }], data: [1] };
    for (const error of [own, { ...own, ...details }]) expect(found({ error })).toEqual([]);
    for (const [error, ...issues] of [
      [{}, 'error code it is missing', 'error message it is missing'],
      [{ ...own, code: 1 }, 'error code it must be string, not number'],
      [{ ...own, message: 1 }, 'error message it must be string, not number'],
      [{ ...own, remoteName: 1 }, 'error remoteName it must be string, not number'],
      [{ ...own, issues: {} }, 'error issues it must be array, not object'],
      [{ ...own, issues: [1] }, 'error issues 0 it must be object, not number'],
      [{ ...own, issues: [{}] }, 'error issues 0 path it is missing', 'error issues 0 message it is missing'],
      [
        { ...own, issues: [{ path: [null], message: 1 }] },
        'error issues 0 path 0 it must be string or integer, not null',
        'error issues 0 message it must be string, not number',
      ],
      [{ ...own, issues: [{ path: 'a', message: '' }] }, 'error issues 0 path it must be array, not string'],
    ])
      expect(found({ error })).toEqual(issues);
    expect(found({})).toEqual(['error it is missing']);
    expect(found({ error: [] })).toEqual(['error it must be object, not array']);
    expect(found(1)).toEqual(['it must be object, not number']);
  });

  it('says of one that says nothing that it may take and give anything', () => {
    expect(operationsOf([{ name: 'f' }])).toEqual({
      f: {
        operationId: 's.f',
        tags: ['s'],
        requestBody: { required: true, content: { '*/*': {} } },
        responses: {
          200: { description: 'The result.', content: { '*/*': {} } },
          400: refused,
          default: fails,
        },
      },
    });
  });

  it('says of each codec what is sent', () => {
    const schema = { type: 'object', properties: { $ref: { const: '#/x' } }, items: [{ $ref: '#/$defs/y' }] };
    const { f, g, h } = operationsOf([
      { name: 'f', input: { codec: 'JSON', schema }, output: { codec: 'JSON', schema } },
      { name: 'g', input: { codec: 'text' }, output: { codec: 'MessagePack' } },
      { name: 'h', input: { codec: 'bytes', schema }, output: { codec: 'JSON' } },
    ]);
    expect([f.requestBody.content, f.responses[200].content]).toEqual([
      { 'application/json': { schema: { $ref: '#/components/schemas/s.f.input' } } },
      { 'application/json': { schema: { $ref: '#/components/schemas/s.f.output' } } },
    ]);
    expect([g.requestBody.content, g.responses[200].content]).toEqual([
      { 'text/plain': { schema: { type: 'string' } } },
      { 'application/octet-stream': { schema: { title: 'MessagePack' } } },
    ]);
    expect([h.requestBody.content, h.responses[200].content]).toEqual([
      { 'application/octet-stream': { schema: { title: 'bytes' } } },
      { 'application/json': { schema: {} } },
    ]);
  });

  it('says of several results what each line holds', () => {
    const schema = { type: 'null' };
    const operations = operationsOf([
      { name: 'typed', kind: 'many', output: { codec: 'JSON', schema } },
      { name: 'any', kind: 'many', output: { codec: 'JSON' } },
      { name: 'text', kind: 'many', output: { codec: 'text' } },
      { name: 'bytes', kind: 'many', output: { codec: 'bytes' } },
      { name: 'unknown', kind: 'many' },
    ]);
    const text = { type: 'string' };
    const either = { text, base64: text };
    for (const [name, own] of Object.entries({
      typed: { json: { $ref: '#/components/schemas/s.typed.output' } },
      any: { json: {} },
      text: { text },
      bytes: either,
      unknown: either,
    })) {
      expect(operations[name].responses[200]).toEqual({
        description: 'Results, as they come.',
        content: {
          'application/x-ndjson': {
            schema: {
              type: 'object',
              description: 'Each line.',
              properties: { ...own, index: { type: 'integer' } },
            },
          },
          'text/event-stream': { schema: { type: 'string' } },
        },
      });
    }
  });

  it('says of declared errors what data they have, and that there may be others', () => {
    const { f, g } = operationsOf([
      { name: 'f', errors: { A: { codec: 'JSON', schema: { type: 'null' } }, B: { codec: 'JSON' } } },
      { name: 'g', errors: {} },
    ]);
    const failure = (remoteName: string, data: object) => ({
      properties: { error: { properties: { remoteName: { const: remoteName }, data } } },
    });
    expect(f.responses[502]).toEqual({
      description: 'The function failed.',
      content: {
        'application/json': {
          schema: {
            allOf: [
              { $ref: '#/components/schemas/Failure' },
              { anyOf: [failure('A', { $ref: '#/components/schemas/s.f.A' }), failure('B', {}), {}] },
            ],
          },
        },
      },
    });
    expect(Object.keys(g.responses)).toEqual(['200', '400', 'default']);
  });

  it('has schemas whose references lead to what they did, and data as it was', () => {
    const data = { $ref: '#/a' };
    const schema = {
      anyOf: [{ $ref: '#' }, { $ref: '#/$defs/x' }, { $ref: 'https://example.com/#/x' }, 7, null],
      properties: { $ref: { type: 'null' }, const: { const: data } },
      enum: [data],
      default: data,
      examples: [data],
    };
    const input = { codec: 'JSON', schema };
    const { components } = openApiOf('shop', [{ server: 'a b', functions: [{ name: 'ü', input }] }]);
    const base = '#/components/schemas/a_20b._fc.input';
    expect(Object(components).schemas).toEqual({
      Failure: expect.anything(),
      'a_20b._fc.input': {
        ...schema,
        anyOf: [{ $ref: base }, { $ref: `${base}/$defs/x` }, { $ref: 'https://example.com/#/x' }, 7, null],
      },
    });
  });

  it.each(['properties', 'patternProperties', '$defs', 'definitions', 'dependentSchemas'])(
    'takes names in %s for names, whatever they are',
    (map) => {
      const schemas = (of: string) =>
        Object.fromEntries(['default', 'const', 'enum', 'properties'].map((name) => [name, { $ref: of }]));
      const input = { codec: 'JSON', schema: { [map]: schemas('#/x'), default: { [map]: schemas('#/x') } } };
      const { components } = openApiOf('shop', [{ server: 's', functions: [{ name: 'f', input }] }]);
      expect(Object(components).schemas['s.f.input']).toEqual({
        [map]: schemas('#/components/schemas/s.f.input/x'),
        default: { [map]: schemas('#/x') },
      });
    },
  );

  it('has references that lead somewhere, and recursive schemas among them', () => {
    const document = open();
    const references = under('$ref', document).filter((one): one is string => typeof one === 'string');
    expect(references.length).toBeGreaterThan(10);
    for (const reference of references) expect([reference, at(document, reference)]).not.toContain(undefined);
    expect(references.some((one) => one.startsWith('#/components/schemas/my_20shop.tree.input'))).toBe(true);
    // A field called $ref is a field, and what a literal is stays as it is.
    expect(under('const', document)).toContain('#/odd');
  });
});
