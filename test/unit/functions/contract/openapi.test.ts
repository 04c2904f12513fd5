import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { describeFunction } from '../../../../src/functions/contract/description.ts';
import { openApiOf } from '../../../../src/functions/contract/openapi.ts';
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
  const document = openApiOf('shop', [{ server: 'my shop', functions }], '/relay');

  it('has an operation for each, with what it takes and gives', () => {
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

  it('has references that lead somewhere, and recursive schemas among them', () => {
    const references = under('$ref', document).filter((one): one is string => typeof one === 'string');
    expect(references.length).toBeGreaterThan(10);
    for (const reference of references) expect([reference, at(document, reference)]).not.toContain(undefined);
    expect(references.some((one) => one.startsWith('#/components/schemas/my_20shop.tree.input'))).toBe(true);
    // A field called $ref is a field, and what a literal is stays as it is.
    expect(under('const', document)).toContain('#/odd');
  });
});
