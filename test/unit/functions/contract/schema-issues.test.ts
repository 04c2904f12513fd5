/** What a JSON Schema refuses before a call is sent: never what the schema's own library takes. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { schemaIssues } from '../../../../src/functions/contract/schema-issues.ts';

const issues = (schema: Record<string, unknown>, value: unknown) =>
  schemaIssues(schema, value).map(({ path, message }) => `${path.join('.')}: ${message}`);

const SIZE = { type: 'object', properties: { w: { type: 'number', minimum: 1 } }, required: ['w', 'h'] };

describe('what is wrong with a value', () => {
  it.each([
    [SIZE, { w: 0 }, ['h: it is missing', 'w: it must be at least 1']],
    [SIZE, [], [': it must be object, not array']],
    [{ type: ['string', 'null'] }, 7, [': it must be string or null, not number']],
    [{ type: 'integer' }, 1.5, [': it must be integer, not number']],
    [{ const: 'a' }, 'b', [': it must be "a"']],
    [{ enum: [1, null] }, 'b', [': it must be 1 or null']],
    [
      { exclusiveMinimum: 1, exclusiveMaximum: 1 },
      1,
      [': it must be more than 1', ': it must be less than 1'],
    ],
    [{ maximum: 1 }, 2, [': it must be at most 1']],
    [{ minLength: 2 }, 'a', [': it must have at least 2 characters']],
    [{ maxLength: 2 }, 'abc', [': it must have at most 2 characters']],
    [{ items: { type: 'number' } }, [1, 'a'], ['1: it must be number, not string']],
    [{ prefixItems: [{ type: 'null' }], items: false }, [null, 1], ['1: nothing is allowed here']],
    [{ minItems: 1 }, [], [': it must have at least 1 items']],
    [{ maxItems: 1 }, [1, 2], [': it must have at most 1 items']],
    [{ minProperties: 1 }, {}, [': it must have at least 1 fields']],
    [{ maxProperties: 0 }, { a: 1 }, [': it must have at most 0 fields']],
    [{ properties: {}, additionalProperties: false }, { a: 1 }, ['a: there is no such field']],
    [{ additionalProperties: { type: 'null' } }, { a: 1 }, ['a: it must be null, not number']],
    [{ allOf: [{ type: 'string' }, { minLength: 3 }] }, 'a', [': it must have at least 3 characters']],
    [{ anyOf: [{ type: 'string' }, { type: 'null' }] }, 1, [': it fits none of the 2 alternatives']],
    [
      { oneOf: [{ type: 'string' }, { properties: { id: { type: 'number' } } }] },
      { id: 'x' },
      ['id: it must be number, not string'],
    ],
    [
      { $defs: { 'a/b': { type: 'null' } }, items: { $ref: '#/$defs/a~1b' } },
      [1],
      ['0: it must be null, not number'],
    ],
  ])('%j and %j', (schema, value, expected) => {
    expect(issues(schema, value)).toEqual(expected);
  });

  it.each([
    [{ pattern: '^(a+)+$', format: 'date', not: {}, if: {}, else: false }, `${'a'.repeat(40)}!`],
    [{ uniqueItems: true }, [1, 1]],
    [{ $ref: 'https://example.com/schema' }, 1],
    [{ $ref: '#/$defs/none' }, 1],
    [{ $ref: '#' }, 1],
    [{ $ref: '#/%' }, 1],
    [{ type: 'colour' }, 1],
    [{ type: [] }, 1],
    [{ enum: [[1]] }, [2]],
    [{ const: { a: 1 } }, { a: 2 }],
    [{ items: [{ type: 'null' }] }, [1]],
    [{ patternProperties: { '^x': {} }, additionalProperties: false }, { x1: 1 }],
    [{ maxLength: 2 }, '😀😀'],
    [{ properties: { a: true }, required: 'a' }, {}],
    [{ properties: null, anyOf: {}, allOf: 1 }, {}],
  ])('of %j and %j nothing is said, for the server may take it', (schema, value) => {
    expect(issues(schema, value)).toEqual([]);
  });

  it('is told 32 times at most', () => {
    expect(issues({ items: { type: 'null' } }, Array(10_000).fill(1))).toHaveLength(32);
  });

  it('takes fields of every object for what they are', () => {
    const schema = { properties: { a: {} }, required: ['toString'], additionalProperties: false };
    expect(issues(schema, JSON.parse('{"__proto__": 1}'))).toEqual([
      'toString: it is missing',
      '__proto__: there is no such field',
    ]);
  });
});

describe('a value that takes too long', () => {
  const node: Record<string, unknown> = { type: 'object', properties: { next: { $ref: '#' } } };
  const either = {
    anyOf: [
      { ...node, required: ['a'] },
      { ...node, required: ['b'] },
    ],
  };
  const nested = (depth: number): object => (depth === 0 ? {} : { next: nested(depth - 1) });

  it('passes, within the steps that it has', () => {
    expect(schemaIssues(either, nested(200))).toEqual([]);
    expect(schemaIssues(either, nested(3))).not.toEqual([]);
  });

  it('passes where it is too deep', () => {
    expect(
      issues({ items: { $ref: '#' }, type: 'array' }, JSON.parse('['.repeat(300) + ']'.repeat(300))),
    ).toEqual([]);
    expect(schemaIssues({ items: { type: 'number' } }, Array(1_000).fill(1), 100)).toEqual([]);
  });
});

describe('no value that zod takes is refused', () => {
  const tree: z.ZodType = z.lazy(() => z.union([z.number(), z.object({ left: tree, right: tree })]));
  const shapes = [
    z.object({ w: z.number().min(1), unit: z.enum(['a', 'b']).optional(), tags: z.array(z.string().max(2)) }),
    z.strictObject({ id: z.union([z.int(), z.string().min(1)]), on: z.boolean().default(true) }),
    z.discriminatedUnion('kind', [
      z.object({ kind: z.literal('a'), n: z.number().nullable() }),
      z.object({ kind: z.literal('b'), m: z.record(z.string(), z.number()) }),
    ]),
    z.tuple([z.string(), z.number()]).rest(z.boolean()),
    z.intersection(z.object({ a: z.string() }), z.object({ b: z.string().optional() })),
    tree,
  ];
  const KEYS = ['w', 'unit', 'tags', 'id', 'on', 'kind', 'n', 'm', 'a', 'b', 'left', 'right'];
  const { value } = fc.letrec<{ value: unknown }>((tie) => ({
    value: fc.oneof(
      { depthSize: 'small' },
      fc.constantFrom('a', 'b', '', 0, 1, 2, -1, 1.5, true, null),
      fc.string(),
      fc.array(tie('value'), { maxLength: 3 }),
      fc.dictionary(fc.constantFrom(...KEYS), tie('value'), { maxKeys: 4 }),
    ),
  }));

  it.each(shapes.map((shape, index) => [index, shape] as const))('by shape %i', (_, shape) => {
    const schema = z.toJSONSchema(shape, { io: 'input' }) as Record<string, unknown>;
    let agreed = 0;
    let all = 0;
    fc.assert(
      fc.property(value, (own) => {
        all++;
        const found = schemaIssues(schema, own);
        const { success } = shape.safeParse(own);
        if (success) expect(found).toEqual([]);
        else if (found.length > 0) agreed++;
      }),
      { numRuns: 2_000 },
    );
    expect(agreed).toBeGreaterThan(all / 4);
  });
});
